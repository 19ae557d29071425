"""scripts/load.py on a few lines of each format it reads, written here as the sets write them."""
import gzip
import json
import lzma
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts" / "load.py"
FIRST = 1577836800000  # of logs without a clock


class Load(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.source = pathlib.Path(directory.name, "source")
        self.source.mkdir()
        self.out = pathlib.Path(directory.name, "out")

    def write(self, name, text, encoding="utf8"):
        data = text.encode(encoding)
        if name.endswith(".xz"):
            data = lzma.compress(data)
        elif name.endswith(".gz"):
            data = gzip.compress(data)
        (self.source / name).write_bytes(data)

    def run_script(self, *arguments):
        return subprocess.run([sys.executable, SCRIPT, *map(str, arguments), "--out", self.out],
                              capture_output=True, text=True)

    def load(self, *arguments):
        """(events, items) of a run that must succeed."""
        run = self.run_script(*arguments)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.stderr = run.stderr
        return tuple(
            [json.loads(line) for line in (self.out / name).read_text(encoding="utf8").splitlines()]
            for name in ("events.ndjson", "items.ndjson"))

    def test_movielens_csv_sorts_by_time_and_keeps_file_order_inside_a_second(self):
        self.write("ratings.csv", "userId,movieId,rating,timestamp\n"
                   "1,10,4.0,200\n1,11,3.5,100\n2,12,5.0,200\n2,10,1.0,100\n")
        self.write("movies.csv", 'movieId,title,genres\n10,"Heat, The (1995)",Action|Crime\n'
                   "11,Untitled,(no genres listed)\n")

        events, items = self.load("movielens", self.source)

        self.assertEqual(events, [
            {"user": "1", "type": "rate", "item": "11", "ts": 100000, "value": 3.5},
            {"user": "2", "type": "rate", "item": "10", "ts": 100000, "value": 1},
            {"user": "1", "type": "rate", "item": "10", "ts": 200000, "value": 4},
            {"user": "2", "type": "rate", "item": "12", "ts": 200000, "value": 5}])
        self.assertEqual(items, [
            {"id": "10", "title": "Heat, The (1995)", "categories": ["Action", "Crime"],
             "attributes": {"year": 1995}},
            {"id": "11", "title": "Untitled"}])

    def test_movielens_tags_are_read_only_when_asked_for(self):
        self.write("ratings.csv", "userId,movieId,rating,timestamp\n1,10,4.0,200\n")
        self.write("movies.csv", "movieId,title,genres\n10,Heat (1995),Crime\n")
        self.write("tags.csv", "userId,movieId,tag,timestamp\n1,10,Funny,3\n2,10,funny,4\n2,10,heist,5\n")

        self.assertNotIn("tags", self.load("movielens", self.source)[1][0])
        self.assertEqual(self.load("movielens", self.source, "--tags")[1][0]["tags"], ["funny", "heist"])

    def test_movielens_dat_may_be_latin_1(self):
        self.write("ratings.dat", "1::10::5::978300760\n")
        self.write("movies.dat", "10::Misérables, Les (1995)::Drama|Musical\n", encoding="latin-1")

        events, items = self.load("movielens", self.source)

        self.assertEqual(events[0]["ts"], 978300760000)
        self.assertEqual(items[0]["title"], "Misérables, Les (1995)")

    def test_movielens_100k_reads_genre_flags(self):
        self.write("u.data", "196\t242\t3\t881250949\n")
        self.write("u.item", "242|Kolya (1996)|24-Jan-1997||http://x|" +
                   "|".join("1" if genre == 5 else "0" for genre in range(19)) + "\n")

        events, items = self.load("movielens", self.source)

        self.assertEqual(events, [
            {"user": "196", "type": "rate", "item": "242", "ts": 881250949000, "value": 3}])
        self.assertEqual(items[0]["categories"], ["Comedy"])

    def test_movietweetings_reads_packed_files(self):
        self.write("ratings.dat.xz", "1::0068646::10::1365029107\n")
        self.write("movies.dat.gz", "0068646::The Godfather (1972)::Crime|Drama\n")

        events, items = self.load("movietweetings", self.source)

        self.assertEqual(events[0]["item"], "0068646")
        self.assertEqual(items[0]["attributes"], {"year": 1972})

    def test_online_retail_leaves_out_cancellations_and_rows_without_a_customer(self):
        self.write("online_retail.tsv", "InvoiceNo\tStockCode\tDescription\tQuantity\tInvoiceDate\t"
                   "UnitPrice\tCustomerID\tCountry\n"
                   '536365\t85123A\tHEART "LARGE"\t6\t2010-12-01 08:26:00\t2.55\t17850.0\tUK\n'
                   "C536379\tD\tDiscount\t-1\t2010-12-01 09:41:00\t27.50\t14527.0\tUK\n"
                   "536414\t22139\tdamaged\t56\t2010-12-01 11:52:00\t0.0\t\tUK\n"
                   "536366\t71053\tLANTERN\t2\t2010-12-01 08:26\t3.39\t17850.0\tUK\n")

        events, items = self.load("online-retail", self.source)

        self.assertEqual([(e["user"], e["type"], e["item"], e["ts"], e["value"]) for e in events], [
            ("17850", "purchase", "85123A", 1291191960000, 6),
            ("17850", "purchase", "71053", 1291191960000, 2)])
        self.assertEqual(items, [{"id": "85123A", "title": 'HEART "LARGE"'},
                                 {"id": "71053", "title": "LANTERN"}])

    def test_online_retail_as_the_archive_serves_it(self):
        self.write("OnlineRetail.csv", "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,"
                   "UnitPrice,CustomerID,Country\n"
                   '1,A,"BAG, RED",6,12/1/2010 8:26,2.55,17850,United Kingdom\n')

        events, items = self.load("online-retail", self.source)

        self.assertEqual(events[0]["ts"], 1291191960000)
        self.assertEqual(items[0]["title"], "BAG, RED")

    def test_globo_clicks_carry_their_context(self):
        self.write("clicks.tsv", "user_id\tsession_id\titem_id\ttimestamp_ms\tdevice\tcountry\tregion\t"
                   "referrer\n59\t15068\t234853\t1506826800026\t3\t1\t21\t\n")

        events, items = self.load("globo", self.source)

        self.assertEqual(events, [
            {"user": "59", "type": "click", "item": "234853", "ts": 1506826800026,
             "context": {"device": "3", "country": "1", "region": "21"}}])
        self.assertEqual(items, [])

    def test_logs_without_a_clock_get_one_second_an_event(self):
        self.write("events.tsv", "period\tsession\titem\n0\t7\t1\n0\t8\t6\n")
        self.write("sessions.txt", "1 2\n3,4\n")

        digi, _ = self.load("diginetica", self.source)
        now, _ = self.load("nowplaying", self.source)

        self.assertEqual([(e["user"], e["item"], e["ts"]) for e in digi],
                         [("7", "1", FIRST), ("8", "6", FIRST + 1000)])
        self.assertEqual([(e["user"], e["item"], e["ts"]) for e in now],
                         [("0", "1", FIRST), ("0", "2", FIRST + 1000),
                          ("1", "3", FIRST + 2000), ("1", "4", FIRST + 3000)])

    def test_delimited_takes_any_columns(self):
        self.write("clicks.csv", "when,visitor,sku,kind,seconds,device\n"
                   "2024-01-01T00:00:02Z,a,x,view,2.5,phone\n"
                   '2024-01-01 00:00:01,b,"y,z",purchase,1,\n')

        events, _ = self.load("delimited", self.source / "clicks.csv", "--user", "visitor", "--item", "sku",
                              "--ts", "when", "--ts-unit", "iso", "--type-column", "kind",
                              "--value", "seconds", "--context", "device")

        self.assertEqual(events, [
            {"user": "b", "type": "purchase", "item": "y,z", "ts": 1704067201000, "value": 1},
            {"user": "a", "type": "view", "item": "x", "ts": 1704067202000, "value": 2.5,
             "context": {"device": "phone"}}])

    def test_delimited_counts_and_names_rows_that_are_no_events(self):
        self.write("clicks.txt", "u;i;t\na;x;5\n;x;6\nb;y;soon\nc;z;7\n")

        events, _ = self.load("delimited", self.source / "clicks.txt", "--user", "u", "--item", "i",
                              "--ts", "t", "--ts-unit", "ms", "--limit", "1")

        self.assertEqual(events, [{"user": "a", "type": "click", "item": "x", "ts": 5}])
        self.assertIn("row 2: no user", self.stderr)
        self.assertIn("row 3: ", self.stderr)

    def test_limit_takes_the_first_in_time(self):
        self.write("ratings.csv", "userId,movieId,rating,timestamp\n1,10,4,300\n1,11,3,100\n2,12,5,200\n")

        events, _ = self.load("movielens", self.source, "--limit", "2")

        self.assertEqual([e["item"] for e in events], ["11", "12"])

    def test_what_cannot_be_read_is_one_line_and_status_1(self):
        self.write("clicks.csv", "u,i\n1,2\n")
        broken = self.source / "ratings.csv.xz"
        broken.write_bytes(lzma.compress(b"userId,movieId,rating,timestamp\n" * 1000)[:60])
        for arguments, complaint in (
                (("movielens", self.source / "nowhere"), "does not exist"),
                (("globo", self.source), "holds none of clicks.tsv"),
                (("movielens", broken), "ratings.csv.xz: "),
                (("delimited", self.source / "clicks.csv", "--user", "u", "--item", "sku"),
                 "no column 'sku'; it has u, i")):
            with self.subTest(complaint):
                run = self.run_script(*arguments)
                self.assertEqual(run.returncode, 1)
                self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
                self.assertIn(complaint, run.stderr)
                self.assertFalse(self.out.exists())


if __name__ == "__main__":
    unittest.main()

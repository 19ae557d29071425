"""scripts/load.py on a few lines of each format it reads, written here as the sets write them."""
import gzip
import json
import lzma
import pathlib
import subprocess
import sys
import tempfile
import unittest
import zipfile

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

    def test_online_retail_reads_the_workbook_and_the_second_edition(self):
        main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
        head = ("Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID")
        texts = "".join(f"<si><t>{text}</t></si>" for text in (*head, "BAG &amp; BOX"))
        cells = "".join(f'<c r="{chr(65 + n)}1" t="s"><v>{n}</v></c>' for n in range(len(head)))
        # 40513.351388889 is 2010-12-01 08:26; column F is empty.
        line = ('<c r="A2"><v>536365</v></c><c r="B2" t="inlineStr"><is><t>85123A</t></is></c>'
                '<c r="C2" t="s"><v>7</v></c><c r="D2"><v>6</v></c><c r="E2"><v>40513.351388889</v></c>'
                '<c r="G2"><v>17850</v></c>')
        with zipfile.ZipFile(self.source / "online_retail_II.xlsx", "w") as book:
            book.writestr("xl/sharedStrings.xml", f"<sst {main}>{texts}</sst>")
            book.writestr("xl/worksheets/sheet1.xml", f"<worksheet {main}><sheetData><row>{cells}</row>"
                          f"<row>{line}</row></sheetData></worksheet>")

        events, items = self.load("online-retail", self.source)

        self.assertEqual(events, [{"user": "17850", "type": "purchase", "item": "85123A",
                                   "ts": 1291191960000, "value": 6}])
        self.assertEqual(items, [{"id": "85123A", "title": "BAG & BOX"}])

    def test_globo_as_published_with_its_articles(self):
        clicks = self.source / "clicks"
        clicks.mkdir()
        head = ("user_id,session_id,session_start,session_size,click_article_id,click_timestamp,"
                "click_environment,click_deviceGroup,click_os,click_country,click_region,click_referrer_type\n")
        (clicks / "clicks_hour_001.csv").write_text(head + "7,1,0,2,12,1506830000000,4,1,17,1,25,2\n")
        (clicks / "clicks_hour_000.csv").write_text(head + "0,1,0,2,157541,1506826828020,4,3,20,1,20,2\n")
        self.write("articles_metadata.csv", "article_id,category_id,created_at_ts,publisher_id,words_count\n"
                   "12,3,1513144419000,0,168\n")

        events, items = self.load("globo", self.source)

        self.assertEqual(events[0], {
            "user": "0", "type": "click", "item": "157541", "ts": 1506826828020,
            "context": {"device": "3", "country": "1", "region": "20", "referrer": "2"}})
        self.assertEqual(events[1]["user"], "7")
        self.assertEqual(items, [{"id": "12", "categories": ["3"], "provider": "0",
                                  "published_at": 1513144419000, "attributes": {"words": 168}}])

    def test_mind_takes_clicks_and_when_asked_what_was_shown(self):
        self.write("behaviors.tsv", "5\tU1\t11/12/2019 2:14:46 PM\tN7 N8\tN1-0 N2-1 N3-0\n"
                   "6\tU2\t11/12/2019 12:00:01 AM\t\tN2-1\n7\tU3\t11/13/2019 1:00:00 AM\t\tN2 N3\n")
        self.write("news.tsv", "N2\tsports\trugby\tA \"title\"\tWords.\thttps://x\t[]\t[]\n")

        events, items = self.load("mind", self.source)

        self.assertEqual(events, [{"user": "U2", "type": "click", "item": "N2", "ts": 1573516801000},
                                  {"user": "U1", "type": "click", "item": "N2", "ts": 1573568086000}])
        self.assertIn("row 3: shown without what was clicked", self.stderr)
        self.assertEqual(items, [{"id": "N2", "title": 'A "title"', "text": "Words.",
                                  "categories": ["sports", "rugby"]}])
        self.assertEqual(self.load("mind", self.source, "--impressions")[0][2], {
            "user": "U1", "type": "impression", "ts": 1573568086000, "slate": "5",
            "items": ["N1", "N2", "N3"]})

    def test_diginetica_as_published(self):
        self.write("train-item-views.csv", "sessionId;userId;itemId;timeframe;eventdate\n"
                   "1;NA;81766;526309;2016-05-09\n1;NA;31331;1031018;2016-05-09\n")
        self.write("product-categories.csv", "itemId;categoryId\n81766;967\n")

        events, items = self.load("diginetica", self.source)

        self.assertEqual(events[0], {"user": "1", "type": "click", "item": "81766",
                                     "ts": 1462752000000 + 526309})
        self.assertEqual(items, [{"id": "81766", "categories": ["967"]}])

    def test_session_tables_have_times_and_may_have_users(self):
        self.write("nowplaying.csv", "SessionId\tItemId\tTime\n5\ta\t1400000001.5\n5\tb\t1400000000\n")
        self.write("sessions.csv", "UserId,SessionId,ItemId,Time\n9,5,a,2014-04-07T10:51:09.277Z\n")

        self.assertEqual(self.load("nowplaying", self.source)[0], [
            {"user": "5", "type": "play", "item": "b", "ts": 1400000000000},
            {"user": "5", "type": "play", "item": "a", "ts": 1400000001500}])
        self.assertEqual(self.load("session-table", self.source, "--type", "view")[0], [
            {"user": "9", "type": "view", "item": "a", "ts": 1396867869277, "session": "5"}])

    def test_trivago_knows_clicks_views_and_searches(self):
        head = ("user_id,session_id,timestamp,step,action_type,reference,platform,city,device,"
                "current_filters,impressions,prices\n")
        self.write("train.csv", head + 'U,S,1541548939,1,search for destination,"Zurich, Switzerland",CH,'
                   '"Zurich, Switzerland",mobile,,,\n'
                   'U,S,1541548950,2,clickout item,22,CH,"Zurich, Switzerland",mobile,,11|22,50|60\n'
                   "U,S,1541548960,3,interaction item image,11,CH,,mobile,,,\n"
                   "U,S,1541548970,4,change of sort order,price only,CH,,mobile,,,\n"
                   "U,S,1541548980,5,interaction item info,unknown,CH,,mobile,,,\n")
        self.write("item_metadata.csv", "item_id,properties\n22,Pool (Combined Filter)|WiFi\n")

        events, items = self.load("trivago", self.source)

        context = {"platform": "CH", "city": "Zurich, Switzerland", "device": "mobile"}
        self.assertEqual(events, [
            {"user": "U", "type": "search", "ts": 1541548939000, "query": "Zurich, Switzerland",
             "session": "S", "context": context},
            {"user": "U", "type": "click", "item": "22", "ts": 1541548950000, "session": "S",
             "context": context},
            {"user": "U", "type": "view", "item": "11", "ts": 1541548960000, "session": "S",
             "context": {"platform": "CH", "device": "mobile"}}])
        self.assertEqual(items, [{"id": "22", "tags": ["Pool (Combined Filter)", "WiFi"]}])
        shown = self.load("trivago", self.source, "--impressions")[0][1]
        self.assertEqual((shown["type"], shown["items"], shown["slate"]), ("impression", ["11", "22"], "S-2"))

    def test_trec_sessions_are_queries_and_the_results_that_were_clicked(self):
        self.write("sessiontrack2013.xml", """<sessiontrack2013><session num="2" starttime="0">
<interaction num="1" starttime="99.4"><query>civil war</query><results>
<result rank="1"><url>http://a</url><clueweb12id>c-1</clueweb12id><title>A</title><snippet>Of war.</snippet></result>
<result rank="2"><url>http://b</url><title>B</title><snippet></snippet></result></results>
<clicked><click num="1" starttime="143.5" endtime="152"><rank>2</rank></click></clicked>
</interaction></session></sessiontrack2013>""")

        events, items = self.load("trec-session", self.source)

        begin = FIRST + 2 * 3600 * 1000
        self.assertEqual(events, [
            {"user": "2", "type": "search", "ts": begin + 99400, "query": "civil war"},
            {"user": "2", "type": "click", "item": "http://b", "ts": begin + 143500}])
        self.assertEqual(items, [{"id": "c-1", "title": "A", "text": "Of war."}, {"id": "http://b", "title": "B"}])
        shown = self.load("trec-session", self.source, "--impressions")[0][1]
        self.assertEqual(shown["items"], ["c-1", "http://b"])

    def test_open_bandit_keeps_position_and_propensity(self):
        self.write("random-men.csv", ",timestamp,item_id,position,click,propensity_score,user_feature_0,"
                   "user_feature_1,user_feature_2,user_feature_3\n"
                   "0,2019-11-24 00:00:17.004101+00:00,14,2,1,0.0294118,aaaaaaaaa,b,c,d\n")
        self.write("items-men.csv", ",item_id,item_feature_0,item_feature_1\n0,14,-0.5,e2\n")

        events, items = self.load("open-bandit", self.source)

        context = {"position": 2, "propensity": 0.0294118}
        self.assertEqual(events, [
            {"user": "aaaaaaaa-b-c-d", "type": "impression", "ts": 1574553617004, "items": ["14"],
             "context": context},
            {"user": "aaaaaaaa-b-c-d", "type": "click", "item": "14", "ts": 1574553617004, "context": context}])
        self.assertEqual(items, [{"id": "14", "attributes": {"item_feature_0": -0.5, "item_feature_1": "e2"}}])

    def test_delimited_takes_names_for_columns_that_have_none(self):
        self.write("clicks.dat", "1,2014-04-07T10:51:09.277Z,214536502,0\n")

        events, _ = self.load("delimited", self.source / "clicks.dat", "--columns", "session,when,item,category",
                              "--user", "session", "--item", "item", "--ts", "when", "--ts-unit", "iso")

        self.assertEqual(events, [{"user": "1", "type": "click", "item": "214536502", "ts": 1396867869277}])

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

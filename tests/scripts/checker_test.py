"""What check_run.py is made of: the contract's reasons, the hash, the golden files of the formats."""
import pathlib
import sys
import unittest

from made_up_run import NOON, config

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from checker.contract import Bad, decode_event  # noqa: E402
from checker.dumps import Record  # noqa: E402
from checker.fold import (Reader, Truncated, decode_behaviour, decode_learned,  # noqa: E402
                          decode_served, half_power, sections)
from checker.learning import LearningRecord  # noqa: E402
from checker.xxh3 import xxh3  # noqa: E402


class Contract(unittest.TestCase):
    """Reasons, by the records that have them."""

    def reasons(self, value, time=NOON):
        try:
            decode_event(Record("shop.events", 0, 0, time, b"", value, {}), config())
        except Bad as bad:
            return bad.reasons
        return None

    def test_names_what_is_wrong(self):
        view = b'{"user":"u","type":"view","item":"i"'
        cases = {
            None: "no_value", b"": "not_json", b"{": "not_json", b"[]": "not_an_object",
            b'"x"': "not_an_object", view + b"} x": "not_json", view + b',"n":NaN}': "not_json",
            view + b',"t":"\xFF"}': "not_utf8", view + b',"t":"\\ud800"}': "not_json",
            view + b',"t":"' + b"x" * 65_536 + b'"}': "too_large",
            view + b',"t":' + b"[" * 70 + b"]" * 70 + b"}": "too_deep",
            b'{"user":"u"}': "missing_type", b'{"type":null}': "missing_type",
            b'{"type":3}': "bad_type", b'{"type":"View"}': "unknown_type",
            b'{"type":"view"}': "missing_user", b'{"type":"view","user":""}': "bad_id",
            b'{"type":"view","user":1.5}': "bad_id",
            b'{"type":"view","user":"' + b"u" * 257 + b'"}': "id_too_long",
            b'{"type":"view","user":"u"}': "missing_item",
            b'{"user":"u","user":null,"type":"view"}': "missing_item",
            view + b',"ts":"noon"}': "bad_timestamp", view + b',"ts":-1}': "bad_timestamp",
            view + b',"ts":"2023-02-29T00:00:00Z"}': "bad_timestamp",
            view + b',"ts":1700000600001}': "future_timestamp",
            view + b',"value":"1e39"}': "bad_value", view + b',"value":1e400}': "bad_value",
            view + b',"context":[]}': "bad_context", view + b',"context":{"a":{}}}': "bad_context",
            b'{"user":"u","type":"search"}': "missing_query",
            b'{"user":"u","type":"search","query":[]}': "bad_query",
            b'{"user":"u","type":"impression"}': "missing_items",
            b'{"user":"u","type":"impression","items":[null]}': "bad_items",
            b'{"user":"u","type":"request","k":0}': "bad_k",
            b'{"user":"u","type":"request","filter":{"a":1.5}}': "bad_filter",
            b'{"user":"u","type":"identify"}': "missing_as",
            b'{"user":"u","type":"forget"}': "unsupported_type",
        }
        for value, reason in cases.items():
            self.assertEqual(self.reasons(value), {reason}, value)

    def test_takes_what_is_right(self):
        for value in (b'{"user":1,"type":"view","item":12345678901234567890123}',
                      b'\xEF\xBB\xBF{"user":"u","type":"view","item":"i","n":1e400}',
                      b'{"user":"u","type":"view","item":"i","ts":1700000600000}',
                      b'{"user":"u","type":"view","item":"i","ts":"2023-11-14t23:13:20.5+01:00"}',
                      b'{"user":"u","type":"view","item":"i","value":"-.5e1","context":{"a":null}}',
                      b'{"user":"u","type":"request","query":"","filter":{"a":1},"k":"1000"}'):
            self.assertIsNone(self.reasons(value), value)

    def test_reads_times_to_the_millisecond(self):
        record = Record("shop.events", 0, 0, NOON, b"",
                        b'{"user":"u","type":"view","item":"i","ts":"2023-11-14T21:13:20.9996Z"}', {})
        self.assertEqual(decode_event(record, config()).time, 1_699_996_400_999)


class Formats(unittest.TestCase):
    """The formats' golden files and the numbers that the binary's tests hold, read by this side."""

    def test_hashes_as_xxhash_does(self):
        for data, expected in ((b"", 0x2D06800538D394C2), (b"a", 0xE6C632B61E964E1F),
                               (b"item7", 0x2D64A8E1D6663D2B),
                               (b"0123456789abcdef", 0x64439946D8FA212D),
                               (b"x" * 100, 0xC90984FFDF50CE42), (b"y" * 200, 0x78C5AE5CF7B1237E),
                               (b"z" * 2000, 0xC38C8A2E28E42925)):
            self.assertEqual(xxh3(data), expected, data[:20])

    def test_halves_with_the_binarys_bits(self):
        self.assertEqual(half_power(0.3).hex(), "0x1.9fdf8bcdcbd01p-1")
        self.assertEqual(half_power(123.456).hex(), "0x1.75401a4843ccdp-124")

    def test_reads_the_golden_profile(self):
        data = (ROOT / "tests" / "profile_store" / "golden" / "profile_v1.bin").read_bytes()
        parts = sections(data)

        self.assertEqual(parts[200], b"from a newer version\0!")
        behaviour = decode_behaviour(parts[1])
        self.assertEqual(behaviour["applied"], 123_456)
        self.assertEqual(behaviour["history"][1], (1_700_000_001_500, 42, "rate", 4.5))
        self.assertEqual(behaviour["context"], [("hour", 7.0), ("device", "phone")])
        self.assertEqual(behaviour["counters"]["purchase"], (3.0, 1_700_000_200_000))
        self.assertEqual(behaviour["own items"][2], (42, 1_700_000_100_000, 200))
        self.assertEqual(decode_learned(parts[2])[3], (0.5, -1.25, 0.0))
        self.assertEqual(decode_served(parts[3]),
                         ("5f3a9c0011223344", 1_700_000_100_000, 17, 300, [9, 8]))

    def test_reads_the_golden_learning_records(self):
        path = ROOT / "tests" / "scorer" / "golden" / "learning_record_v1.bin"
        reader = Reader(path.read_bytes())
        kinds = []
        while not reader.at_end():
            data = reader.raw(reader.unpack("I")[0])
            record = LearningRecord(Record("", 0, 0, 0, None, data, {}))
            kinds.append(record.kind)
            with self.assertRaises((Truncated, ValueError)):
                LearningRecord(Record("", 0, 0, 0, None, data[:-1], {}))

        self.assertEqual(set(kinds), {1, 2, 3})


if __name__ == "__main__":
    unittest.main()

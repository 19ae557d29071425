"""scripts/check_run.py on a run made up here: it accepts the run as it should have been, and refuses
each of its doctored copies for that copy's own reason."""
import copy
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

from made_up_run import Run, config

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import check_run  # noqa: E402
from checker.fold import item_key, sections  # noqa: E402


class CheckRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.config = config()
        cls.right = Run(cls.config)

    def setUp(self):
        self.run_ = copy.deepcopy(self.right)

    # --- doctoring ---

    def replace(self, topic, index, **fields):
        records = self.run_.topics[topic]
        records[index] = records[index]._replace(**fields)

    def change_slate(self, index, change):
        message = json.loads(self.run_.topics["shop.recommendations"][index].value)
        change(message)
        self.replace("shop.recommendations", index, value=json.dumps(message).encode())

    def renumber(self, topic):
        records = self.run_.topics[topic]
        records[:] = [record._replace(offset=offset) for offset, record in enumerate(records)]

    def change_section(self, tag, data):
        parts = sections(self.run_.profiles[0, "ann"])
        parts[tag] = data
        self.run_.put(0, "ann", parts)
        index = next(index for index, record in enumerate(self.run_.topics["shop.profiles"])
                     if record.key == b"ann" and record.value.startswith(b"fvp"))
        self.replace("shop.profiles", index, value=self.run_.profiles[0, "ann"])

    # --- judging ---

    def found(self, restarts=False):
        with tempfile.TemporaryDirectory() as name:
            self.run_.write(pathlib.Path(name))
            report = check_run.Report(5)
            profiles = check_run.read_profiles(pathlib.Path(name, "profiles.ndjson"))
            self.counts = check_run.check(self.config, name, profiles, restarts, report)
        self.messages = report.by_kind
        return set(report.by_kind)

    def refused_for(self, *kinds):
        self.assertEqual(self.found(), set(kinds), dict(self.messages))

    # --- the run as it should have been ---

    def test_accepts_the_run_as_it_should_have_been(self):
        self.assertEqual(self.found(), set(), dict(self.messages))
        expected = {"records": 16, "refused": 3, "duplicates": 1, "said": 2, "folded": 10,
                    "slates": 6, "scorable_events": 7, "waiting_events": 1, "users": 2,
                    "distinct_examples": 6, "distinct_item_changes": 2, "repeats": 0, "marks": 2}
        self.assertEqual({name: self.counts[name] for name in expected}, expected)

    def test_the_command_says_what_it_counted_and_what_is_wrong(self):
        with tempfile.TemporaryDirectory() as name:
            command = [sys.executable, ROOT / "scripts" / "check_run.py"]
            options = self.run_.write(pathlib.Path(name))
            right = subprocess.run(command + options, capture_output=True, text=True)
            del self.run_.topics["shop.dead-letter"][0]
            self.run_.write(pathlib.Path(name))
            wrong = subprocess.run(command + options, capture_output=True, text=True)
            pathlib.Path(name, "shop.learning.jsonl").unlink()
            missing = subprocess.run(command + options, capture_output=True, text=True)

        self.assertEqual((right.returncode, right.stderr), (0, ""))
        self.assertIn("violations 0\n", right.stdout)
        self.assertEqual(wrong.returncode, 1)
        self.assertEqual(wrong.stderr, "missing_dead_letter: shop.events 0:5 is missing_item, and "
                                       "no dead letter says so\n")
        self.assertEqual(missing.returncode, 1)
        self.assertIn("shop.learning.jsonl is missing", missing.stderr)

    # --- slates ---

    def test_a_lost_slate(self):
        del self.run_.topics["shop.recommendations"][1]
        self.refused_for("uncovered_event", "wrong_served")

    def test_a_lost_slate_at_the_end(self):
        del self.run_.topics["shop.recommendations"][5]
        self.refused_for("uncovered_event")

    def test_a_repeated_slate(self):
        again = self.run_.topics["shop.recommendations"][1]
        self.run_.append("shop.recommendations", 0, again.key, again.value)
        self.refused_for("repeated_slate")

    def test_a_repeated_slate_is_right_after_a_crash(self):
        for index in (2, 3):
            again = self.run_.topics["shop.recommendations"][index]
            self.run_.append("shop.recommendations", 0, again.key, again.value)
        self.assertEqual(self.found(restarts=True), set(), dict(self.messages))

    def test_a_slate_repeated_with_another_id(self):
        again = self.run_.topics["shop.recommendations"][1]
        self.run_.append("shop.recommendations", 0, again.key, again.value)
        self.change_slate(6, lambda message: message.update(id="0123456789abcdef"))
        self.assertEqual(self.found(restarts=True), {"wrong_id"})

    def test_slates_in_another_order(self):
        records = self.run_.topics["shop.recommendations"]
        records[1], records[2] = records[2], records[1]
        self.renumber("shop.recommendations")
        self.assertIn("reordered_slate", self.found())

    def test_too_many_covers(self):
        self.change_slate(2, lambda message: message.update(covers=3))
        self.refused_for("covered_twice")

    def test_too_few_covers(self):
        self.change_slate(2, lambda message: message.update(covers=1))
        self.refused_for("uncovered_event")

    def test_a_trigger_that_is_no_scorable_event(self):
        self.change_slate(5, lambda message: message["trigger"].update(offset=1))
        self.refused_for("no_trigger", "wrong_id", "uncovered_event")

    def test_a_slate_for_somebody_else(self):
        self.change_slate(5, lambda message: message.update(user="ann"))
        self.assertIn("wrong_trigger", self.found())

    def test_parts_that_do_not_add_up(self):
        self.change_slate(1, lambda message: message["items"][1]["why"].update(bias=1.001))
        self.refused_for("wrong_sum")

    def test_a_feature_left_out_of_the_sum(self):
        self.change_slate(1, lambda message: message["items"][0]["why"]["features"].clear())
        self.refused_for("wrong_sum")

    def test_an_item_twice_in_a_slate(self):
        self.change_slate(1, lambda message: message["items"][1].update(id="item1"))
        self.refused_for("item_twice")

    def test_ranks_with_a_hole(self):
        self.change_slate(1, lambda message: message["items"][1].update(rank=3))
        self.refused_for("wrong_ranks")

    def test_attention_that_is_not_shared_out(self):
        self.change_slate(1, lambda message: message["items"][1].update(attention=0.5))
        self.refused_for("wrong_attention")

    def test_more_items_than_asked_for(self):
        def add(message):
            message["items"].append({**message["items"][1], "rank": 3, "id": "more",
                                     "attention": 0})
        self.change_slate(2, add)
        self.refused_for("too_many_items")

    def test_an_item_that_was_had_before(self):
        self.change_slate(3, lambda message: message["items"][1].update(id="b"))
        self.refused_for("seen_item")

    def test_an_explanation_by_what_never_happened(self):
        self.change_slate(1, lambda message: message["history"][0].update(age_s=1))
        self.refused_for("wrong_history")

    # --- dead letters ---

    def test_a_missing_dead_letter(self):
        del self.run_.topics["shop.dead-letter"][1]
        self.refused_for("missing_dead_letter")

    def test_a_wrong_reason(self):
        headers = self.run_.topics["shop.dead-letter"][0].headers
        self.replace("shop.dead-letter", 0, headers={**headers, "fovea.reason": b"bad_id"})
        self.refused_for("wrong_reason")

    def test_a_dead_letter_of_a_right_record(self):
        headers = self.run_.topics["shop.dead-letter"][0].headers
        self.run_.append("shop.dead-letter", 0, b"", b"", {**headers, "fovea.offset": b"0"})
        self.refused_for("needless_dead_letter")

    def test_a_dead_letter_with_other_bytes(self):
        self.replace("shop.dead-letter", 0, value=b"{}")
        self.refused_for("altered_dead_letter")

    def test_a_dead_letter_of_an_item_is_missing(self):
        del self.run_.topics["shop.dead-letter"][-1]
        self.refused_for("missing_dead_letter")

    # --- profiles ---

    def test_a_counter_that_differs_in_its_last_bit(self):
        behaviour = self.right.past.users[0, "ann"].behaviour
        doctored = copy.deepcopy(behaviour)
        number, = struct.unpack("<I", struct.pack("<f", doctored.counters["view"][0]))
        doctored.counters["view"][0], = struct.unpack("<f", struct.pack("<I", number + 1))
        self.change_section(1, doctored.encode())
        self.refused_for("wrong_behaviour")

    def test_a_history_in_order_of_arrival(self):
        doctored = copy.deepcopy(self.right.past.users[0, "ann"].behaviour)
        doctored.history[0], doctored.history[1] = doctored.history[1], doctored.history[0]
        self.change_section(1, doctored.encode())
        self.refused_for("wrong_behaviour")

    def test_a_stale_applied(self):
        doctored = copy.deepcopy(self.right.past.users[0, "ann"].behaviour)
        doctored.applied -= 1
        self.change_section(1, doctored.encode())
        self.refused_for("stale_applied")

    def test_a_profile_that_is_not_the_changelogs(self):
        self.replace("shop.profiles", 1, value=b"an older one")
        self.refused_for("wrong_changelog")

    def test_a_damaged_profile(self):
        profile = self.run_.profiles[0, "ann"]
        self.run_.profiles[0, "ann"] = profile[:-1] + bytes([profile[-1] ^ 1])
        self.replace("shop.profiles", 1, value=self.run_.profiles[0, "ann"])
        self.assertIn("bad_profile", self.found())

    def test_a_missing_profile(self):
        del self.run_.profiles[1, "ben"]
        self.refused_for("missing_profile")

    def test_a_profile_of_somebody_who_only_asked(self):
        self.run_.profiles[1, "dan"] = self.run_.profiles[1, "ben"]
        self.refused_for("needless_profile")

    def test_a_vector_of_another_dimension(self):
        self.change_section(2, struct.pack("<QBBB2eB", 5, 1, 4, 2, 1, 2, 0))
        self.refused_for("wrong_vector")

    # --- the learning log ---

    def test_a_lost_example(self):
        del self.run_.topics["shop.learning"][1]
        self.refused_for("lost_example")

    def test_a_repeated_example(self):
        self.run_.append("shop.learning", 0, None, self.run_.topics["shop.learning"][1].value)
        self.assertEqual(self.found(restarts=True), set())
        self.assertEqual((self.counts["repeats"], self.counts["distinct_examples"]), (1, 6))
        self.refused_for("repeated_example")

    def test_an_example_of_another_item(self):
        value = self.run_.topics["shop.learning"][1].value
        key = struct.pack("<Q", item_key("b"))
        self.assertEqual(value.count(key), 1)
        self.replace("shop.learning", 1, value=value.replace(key, struct.pack("<Q", 1)))
        self.refused_for("wrong_example")

    def test_an_example_of_a_late_event(self):
        value = self.run_.topics["shop.learning"][0].value
        here, there = struct.pack("<iqH", 0, 0, 0), struct.pack("<iqH", 0, 8, 0)
        self.run_.append("shop.learning", 0, None, value.replace(here, there))
        self.assertIn("needless_example", self.found(restarts=True))

    def test_a_learning_record_cut_short(self):
        self.replace("shop.learning", 0, value=self.run_.topics["shop.learning"][0].value[:-1])
        self.refused_for("bad_learning_record", "lost_example")

    def test_two_processes_with_other_digests(self):
        value = self.run_.topics["shop.learning"][-1].value
        self.replace("shop.learning", -1, value=value.replace(b"\xBC\x0A", b"\xBD\x0A"))
        self.refused_for("wrong_digest")

    def test_a_lost_item(self):
        records = self.run_.topics["shop.learning"]
        records.remove(next(record for record in records if record.value[1] == 2))
        self.refused_for("lost_item")


if __name__ == "__main__":
    unittest.main()

"""A small finished run, as records a topic and encoded profiles: what check_run.py must accept."""
import base64
import json
import pathlib
import struct
import sys
import tempfile
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts"))

from checker.contract import TYPES  # noqa: E402
from checker.dumps import Config, Record  # noqa: E402
from checker.fold import Writer, item_key  # noqa: E402
from checker.past import Past  # noqa: E402
from checker.slates import recommendation_id  # noqa: E402

CONFIG = """
name = "shop"
[input]
topics = ["shop.events"]
keyed_by_user = true
ts_unit = "ms"
[events]
lateness = "1h"
max_future = "10m"
[events.learn]
positive = ["view", "purchase"]
grade = { purchase = "0.5..4.5" }
negative = ["remove_from_cart"]
[context]
fields = ["hour", "device"]
[emit]
on = ["view", "purchase", "request"]
min_interval = "0ms"
only_if_changed = false
max_event_age = "1m"
[slate]
size = 3
seen = "exclude"
explain = "brief"
[profile]
history_max = 5
own_items_max = 6
event_ids_max = 4
counter_half_life = "1d"
[model]
dim = 4
example_history_max = 3
[topics]
items = "shop.items"
learning = "shop.learning"
profiles = "shop.profiles"
recommendations = "shop.recommendations"
dead_letter = "shop.dead-letter"
"""
NOON = 1_700_000_000_000


def event(user, kind, minute, **fields):
    return json.dumps({"user": user, "type": kind, "ts": NOON + minute * 60_000, **fields})


GRADED = (0, 2)  # half way between the two values of its type's grade

# Two partitions; ann comes often, ben once, dan only asks. Ann's fourth event is a duplicate.
INPUT = {
    0: [event("ann", "view", 0, item="a", id="1", context={"device": "tv", "hour": 7}),
        event("ann", "search", 1, query="boots"),
        event("ann", "purchase", 2, item="b", id="2", value=2.5),
        event("ann", "view", 2, item="b", id="2"),
        event("ann", "view", -30, item="c"),
        '{"user": "ann", "type": "view"}',
        event("ann", "remove_from_cart", 4, item="b"),
        event("ann", "request", 5, request_id="r1", k=2),
        event("ann", "view", -90, item="late"),
        event("ann", "purchase", 7, item="a"),
        event("ann", "return", 8, item="a")],
    1: ["not json",
        event("ben", "impression", 0, items=["a", "b"]),
        event("dan", "request", 1),
        event("ben", "view", 2, item=7),
        event("ben", "forget", 3)],
}
# (partition, offset of the trigger, covers); ann's last purchase waits.
SLATES = [(0, 0, 1), (0, 2, 1), (0, 7, 2), (0, 8, 1), (1, 2, 1), (1, 3, 1)]
CATALOGUE = ['{"id": "x"}', '{"id": "y", "available": "yes"}', None]
MARK = struct.pack("<BB", 1, 3)


def text(data):
    out = Writer()
    out.text(data)
    return bytes(out.bytes)


class Run:
    """A run as it should have been, as records a topic and encoded profiles."""

    def __init__(self, config):
        self.config = config
        self.topics = {"shop.events": [], "shop.items": [], "shop.learning": [],
                       "shop.profiles": [], "shop.recommendations": [], "shop.dead-letter": []}
        self.profiles = {}
        for partition, values in INPUT.items():
            for value in values:
                self.append("shop.events", partition, b"key", value.encode())
        for value in CATALOGUE:
            self.append("shop.items", 0, b"x", value and value.encode())
        self.past = Past(self.topics["shop.events"], config, {slate[:2] for slate in SLATES})
        self._refuse()
        self._learn()
        for slate in SLATES:
            self._send(*slate)
        self._store()

    def append(self, topic, partition, key, value, headers=None):
        records = self.topics[topic]
        offset = sum(record.partition == partition for record in records)
        time = NOON + 3_600_000
        records.append(Record(topic, partition, offset, time, key, value, headers or {}))

    def _refuse(self):
        refused = {("shop.events", *at): reasons for at, reasons in self.past.refusals.items()}
        refused["shop.items", 0, 1] = {"bad_available"}
        for (topic, partition, offset), (reason,) in refused.items():
            original = next(record for record in self.topics[topic]
                            if (record.partition, record.offset) == (partition, offset))
            headers = {"fovea.reason": reason, "fovea.message": "a, b", "fovea.topic": topic,
                       "fovea.partition": str(partition), "fovea.offset": str(offset)}
            self.append("shop.dead-letter", 0, original.key, original.value,
                        {name: value.encode() for name, value in headers.items()})

    def _learn(self):
        for (partition, offset), example in self.past.examples.items():
            out = Writer()
            out.raw(b"\1\1" + text(b"shop.events") + struct.pack("<iqH", partition, offset, 0))
            out.raw(struct.pack("<QQ", 1, example["item"]) + text(b"id"))
            out.raw(struct.pack("<qBfB", example["time"], TYPES.index(example["type"]),
                                0.5 if (partition, offset) == GRADED else 1.0, example["positive"]))
            out.raw(b"\1" + text(b"hour") + b"\0" + struct.pack("<d", 7.0))
            out.varint(example["history length"])
            out.varint(len(example["history"]))
            age_before = 0
            for key, age in example["history"]:
                out.raw(struct.pack("<Q", key))
                out.zigzag(age_before - age)
                age_before = age
            out.raw(b"\0\0" + text(b"filter"))
            self.append("shop.learning", 0, None, bytes(out.bytes))
        for offset, removed in ((0, 0), (2, 1)):
            head = b"\1\2" + text(b"shop.items") + struct.pack("<iqH", 0, offset, 0)
            item = struct.pack("<Q", item_key("x")) + text(b"x") + bytes([2 | removed])
            self.append("shop.learning", 0, None, head + item + b"\0\0\0\0\0\0\0")
        for process in (b"one", b"two"):
            mark = text(process) + struct.pack("<QqQ", 5, 3, 0xABC) + b"\0"
            self.append("shop.learning", 0, None, MARK + mark)

    def _send(self, partition, offset, covers):
        trigger = self.past.triggers[partition, offset]
        made = trigger.event
        history = [{"item_key": f"{key:016x}", "type": kind, "attention": 0.5 / len(trigger.history),
                    "age_s": max(0, made.time - time) // 1000}
                   for time, key, kind, _ in trigger.history]
        items = [{"rank": rank, "id": f"item{rank}", "score": 2.0 - rank,
                  "attention": share, "propensity": 1,
                  "why": {"bias": 1.0, "user": -rank - 0.5, "history": {"0": 0.5} if history else {},
                          "features": {"popularity": 0.75}, "other_history": 0.25,
                          "other_features": 0.0 if history else 0.5}}
                 for rank, share in ((1, 0.6), (2, 0.4))]
        message = {"v": 1, "id": recommendation_id("shop", "shop.events", partition, offset, 0),
                   "user": made.user, "topology": "shop", "covers": covers,
                   "trigger": {"topic": "shop.events", "partition": partition, "offset": offset},
                   "event_time": made.time, "history": history, "items": items}
        if made.request_id:
            message["request_id"] = made.request_id
        self.append("shop.recommendations", 0, made.user.encode(), json.dumps(message).encode())

    def _store(self):
        for (partition, name), user in self.past.users.items():
            if not user.exists:
                continue
            sent = [slate for slate in SLATES
                    if slate[0] == partition and slate[1] in user.scorable]
            waiting = len(user.scorable) - sum(slate[2] for slate in sent)
            served = Writer()
            served.text(recommendation_id("shop", "shop.events", *sent[-1][:2], 0).encode())
            served.zigzag(NOON)
            for number in (len(sent), waiting, 1):
                served.varint(number)
            served.raw(struct.pack("<BQ", 0, item_key("item1")))
            learned = struct.pack("<QBB", 5, 1, 4) + (b"\4" + struct.pack("<4e", 1, 2, 3, 4)) * 2
            self.put(partition, name, {1: user.behaviour.encode(), 2: learned,
                                       3: bytes(served.bytes)})
            self.append("shop.profiles", partition, name.encode(), b"an older one")
            self.append("shop.profiles", partition, name.encode(), self.profiles[partition, name])

    def put(self, partition, name, parts):
        body = Writer()
        for tag, data in parts.items():
            body.raw(bytes([tag]))
            body.text(data)
        head = b"fvp\1" + struct.pack("<I", zlib.crc32(body.bytes))
        self.profiles[partition, name] = head + bytes(body.bytes)

    def write(self, directory):
        """As dump_topics.sh and profile export do; returns the options that name the files."""
        def shown(data):
            return None if data is None else data.decode("utf-8", "surrogateescape")
        for topic, records in self.topics.items():
            with open(directory / f"{topic}.jsonl", "w", encoding="utf-8",
                      errors="surrogateescape") as file:
                for record in records:
                    headers = [part for name, value in record.headers.items()
                               for part in (name, shown(value))]
                    file.write(json.dumps(
                        {"topic": topic, "partition": record.partition, "offset": record.offset,
                         "tstype": "create", "ts": record.time, "headers": headers,
                         "key": shown(record.key), "payload": shown(record.value)},
                        ensure_ascii=False) + "\n")
        with open(directory / "profiles.ndjson", "w", encoding="utf-8") as file:
            for (partition, name), profile in self.profiles.items():
                file.write(json.dumps({"partition": partition, "user": name,
                                       "profile": base64.b64encode(profile).decode()}) + "\n")
        (directory / "config.toml").write_text(CONFIG)
        return ["--config", directory / "config.toml", "--dumps", directory,
                "--profiles", directory / "profiles.ndjson"]



def config():
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(CONFIG)
        file.flush()
        return Config(file.name)

"""Reads what `scripts/dump_topics.sh` wrote: one file a topic, kcat's JSON envelope a line.

kcat copies bytes that are not UTF-8 as they are into its JSON strings. Read with surrogateescape
they come back byte for byte, so that binary topics need no format of their own.
"""
import base64
import collections
import json
import pathlib
import tomllib

Record = collections.namedtuple("Record", "topic partition offset time key value headers")


class Unreadable(Exception):
    """What was given cannot be checked at all."""


def _bytes(text):
    return None if text is None else text.encode("utf-8", "surrogateescape")


def each_record(directory, topic):
    """The records of a topic, as they lie in its file."""
    path = pathlib.Path(directory, topic + ".jsonl")
    if not path.exists():
        raise Unreadable(f"{path} is missing: dump the topic {topic}")
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            try:
                at = json.loads(line)
                names = at.get("headers") or []
                headers = {names[i]: _bytes(names[i + 1]) for i in range(0, len(names), 2)}
                record = Record(at["topic"], at["partition"], at["offset"], at["ts"],
                                _bytes(at["key"]), _bytes(at["payload"]), headers)
            except (ValueError, KeyError, IndexError, TypeError) as error:
                raise Unreadable(f"{path}:{number}: not a line of kcat -J: {error!r}") from None
            yield record


def read_topic(directory, topic):
    """The records of a topic, by partition and offset."""
    return sorted(each_record(directory, topic), key=lambda record: (record.partition, record.offset))


def read_latest(directory, topic):
    """(partition, key) -> value of its last record, with no more of the topic in memory."""
    latest = {}
    for record in each_record(directory, topic):
        offset, _ = latest.get((record.partition, record.key), (-1, None))
        if record.offset > offset:
            latest[record.partition, record.key] = record.offset, record.value
    return {key: value for key, (_, value) in latest.items()}


def read_profiles(path):
    """(partition, user) -> encoded profile, from `fovea profile export`."""
    profiles = {}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                key = (row["partition"], row["user"])
                profiles[key] = base64.b64decode(row["profile"], validate=True)
            except (ValueError, KeyError) as error:
                raise Unreadable(f"{path}:{number}: not a line of profile export: {error!r}"
                                 ) from None
    return profiles


_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def milliseconds(text):
    """"250ms", "10d" -> a number."""
    digits = text.rstrip("dhms")
    return round(float(digits) * _UNITS[text[len(digits):]])


class Config:
    """What the checker needs of `fovea run T.toml --print-config`."""

    def __init__(self, path):
        with open(path, "rb") as file:
            toml = tomllib.load(file)
        rekeyed = not toml["input"].get("keyed_by_user", True)
        shape = [key for key in ("each", "map") if toml["input"].get(key)]
        # What was re-keyed has the contract's own shape, whatever its input looked like.
        if not rekeyed and (shape or toml["events"].get("types")):
            raise Unreadable(f"{path}: a mapped input ({', '.join(shape) or 'events.types'}) "
                             "cannot be checked, only the contract's own shape")
        self.name = toml["name"]
        self.input = toml["topics"]["events"] if rekeyed else toml["input"]["topics"][0]
        topics = toml["topics"]
        self.items, self.learning = topics["items"], topics["learning"]
        self.profiles, self.recommendations = topics["profiles"], topics["recommendations"]
        self.dead_letter = topics["dead_letter"]
        self.ts_unit = toml["input"]["ts_unit"]
        self.max_future_ms = milliseconds(toml["events"]["max_future"])
        self.lateness_ms = milliseconds(toml["events"]["lateness"])
        self.positive = set(toml["events"]["learn"]["positive"])
        self.negative = set(toml["events"]["learn"]["negative"])
        self.grades = {kind: tuple(map(float, grade.split("..")))
                       for kind, grade in toml["events"]["learn"].get("grade", {}).items()}
        self.context_fields = toml["context"]["fields"]
        self.emit_on = set(toml["emit"]["on"])
        emit = toml["emit"]
        self.may_hold = (milliseconds(emit["max_event_age"]) > 0 or emit["only_if_changed"]
                         or milliseconds(emit["min_interval"]) > 0)
        self.slate_size = toml["slate"]["size"]
        self.exclude_seen = toml["slate"]["seen"] == "exclude"
        self.explains = toml["slate"]["explain"] != "off"
        profile = toml["profile"]
        self.history_max = profile["history_max"]
        self.own_items_max = profile["own_items_max"]
        self.event_ids_max = profile["event_ids_max"]
        self.half_life_s = milliseconds(profile["counter_half_life"]) / 1000.0
        self.dim = toml["model"]["dim"]
        self.example_history_max = toml["model"]["example_history_max"]
        self.vector_dims = toml.get("items", {}).get("vectors", {})

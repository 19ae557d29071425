"""The learning log: its own decoder, and whether it teaches what the input says.

The layout is that of scorer/README.md.
"""
from checker.contract import TYPES
from checker.fold import Reader, Truncated


class LearningRecord:
    def __init__(self, record):
        reader = Reader(record.value or b"")
        version, self.kind = reader.unpack("BB")
        if version != 1 or self.kind not in (1, 2, 3):
            raise ValueError(f"version {version}, kind {self.kind}")
        self.source = None
        self.fields = {}
        if self.kind == 3:
            self._mark(reader)
        else:
            topic = reader.text().decode()
            self.source = (topic, *reader.unpack("iqH"))
            (self._example if self.kind == 1 else self._item)(reader)
        if not reader.at_end():
            raise ValueError(f"{len(reader.data) - reader.at} bytes left over")

    def _example(self, reader):
        fields = self.fields
        fields["user"], fields["item"] = reader.unpack("QQ")
        fields["id"] = reader.text()
        time, kind, strength, flags = reader.unpack("qBfB")
        fields.update(time=time, type=TYPES[kind], strength=strength, positive=flags & 1 == 1)
        self.count_only = flags & 2 == 2
        for _ in range(reader.varint()):
            reader.text()
            self._value(reader)
        fields["history length"] = reader.varint()
        fields["history"] = []
        age = 0
        for _ in range(reader.varint()):
            key, = reader.unpack("Q")
            age -= reader.zigzag()
            fields["history"].append((key, age))
        older = reader.varint()
        reader.raw(8 * older)
        for _ in range(reader.varint()):
            if reader.varint() == 0:
                reader.raw(8)
            if reader.raw(1)[0] & 128:
                reader.varint()
            reader.varint()
        reader.text()

    def _item(self, reader):
        self.fields["item"], = reader.unpack("Q")
        self.fields["id"] = reader.text()
        flags, = reader.unpack("B")
        for _ in range(3):
            reader.text()
        for _ in range(2):
            for _ in range(reader.varint()):
                reader.text()
        for _ in range(reader.varint()):
            reader.text()
            self._value(reader)
        if flags & 4:
            reader.raw(8)
        for _ in range(reader.varint()):
            reader.text()
            reader.raw(4 * reader.varint())

    def _mark(self, reader):
        self.fields["process"] = reader.text().decode()
        self.fields["model"], self.fields["position"], self.fields["digest"] = reader.unpack("QqQ")
        self.fields["lag"] = reader.varint()

    @staticmethod
    def _value(reader):
        if reader.raw(1)[0]:
            reader.text()
        else:
            reader.raw(8)


def check_learning(records, past, config, restarts, report):
    """Every event that teaches is there, says what it must, once; marks agree on digests."""
    highest, digests = {}, {}
    seen, items = set(), set()
    counts = {"learning_records": len(records), "examples": 0, "repeats": 0, "marks": 0}
    for record in records:
        where = f"learning record {record.offset}"
        try:
            learned = LearningRecord(record)
        except (ValueError, IndexError, Truncated) as error:
            report("bad_learning_record", f"{where}: {error}")
            continue
        if learned.kind == 3:
            counts["marks"] += 1
            _check_mark(learned.fields, digests, where, report)
            continue
        topic, partition, offset, ordinal = learned.source
        repeat = (offset, ordinal) <= highest.get((topic, partition), (-1, 0))
        highest[topic, partition] = max(highest.get((topic, partition), (-1, 0)),
                                        (offset, ordinal))
        if repeat:
            counts["repeats"] += 1
            if not restarts:
                report("repeated_example", f"{where}: source {learned.source} came before it")
        if learned.kind == 2:
            items.add((partition, offset))
            continue
        counts["examples"] += 1
        seen.add((partition, offset))
        expected = past.examples.get((partition, offset))
        if topic != config.input or ordinal != 0 or expected is None:
            report("needless_example", f"{where}: the event at {learned.source} teaches nothing")
            continue
        for name, value in expected.items():
            if learned.fields[name] != value:
                report("wrong_example", f"{where}: {name} of {learned.source} is "
                                        f"{learned.fields[name]!r}, the input says {value!r}")
                break
    for at in past.examples.keys() - seen:
        report("lost_example", f"the event at {at[0]}:{at[1]} is not in the learning log")
    counts["distinct_examples"] = len(seen)
    counts["distinct_item_changes"] = len(items)
    return counts, items


def _check_mark(mark, digests, where, report):
    place = (mark["model"], mark["position"])
    known = digests.setdefault(place, mark)
    if known["digest"] != mark["digest"]:
        report("wrong_digest", f"{where}: {mark['process']} has {mark['digest']:016x} at position "
                               f"{mark['position']}, {known['process']} {known['digest']:016x}")

"""A user's behaviour as a plain fold of the user's events, and the bytes it is stored as.

The rules and the layout are those of profile_store/README.md, read and written a second time.
"""
import bisect
import math
import struct
import zlib

from checker.contract import SAID, TYPES, float32
from checker.xxh3 import xxh3

_TYPE_NUMBER = {name: number for number, name in enumerate(TYPES)}
_ROOTS = []
for _ in range(32):
    _ROOTS.append(math.sqrt(_ROOTS[-1] if _ROOTS else 0.5))

_keys = {}


def item_key(item):
    """The 64-bit key of an item id; kept, since items come again and again."""
    key = _keys.get(item)
    if key is None:
        key = _keys[item] = xxh3(item.encode("utf-8", "surrogateescape"))
    return key


def half_power(x):
    """2^-x by square roots and products alone, the same bits everywhere."""
    if x >= 1000.0:
        return 0.0
    whole = math.floor(x)
    fraction = int((x - whole) * 4294967296.0)
    power = 1.0
    for i in range(32):
        if fraction >> (31 - i) & 1:
            power *= _ROOTS[i]
    return math.ldexp(power, -whole)


class Behaviour:
    def __init__(self):
        self.applied = -1
        self.event_count = 0
        self.history = []   # (time, key, type, strength), newest last
        self.context = []   # (name, value)
        self.counters = {}  # type -> [value, time]
        self.ids = []
        self.own = {}       # key -> [time, arrival, count]
        self.arrivals = 0   # orders own items of equal times

    def fold(self, event, config):
        """False for a duplicate, which changes nothing."""
        if event.type in SAID:
            return True
        if event.id is not None:
            id_hash = max(1, xxh3(event.id.encode()))
            if id_hash in self.ids:
                return False
            self.ids.append(id_hash)
            del self.ids[:max(0, len(self.ids) - config.event_ids_max)]
        if all(time <= event.time for _, time in self.counters.values()):
            self.context = [(name, event.context[name]) for name in config.context_fields
                            if name in event.context][:16]
        self._count(event, config)
        if event.type not in ("search", "impression"):
            self._remember(event, config)
            self._own(event, config)
        return True

    def _count(self, event, config):
        counter = self.counters.get(event.type)
        if counter is None:
            self.counters[event.type] = [1.0, event.time]
            return
        elapsed = float(event.time) - float(counter[1])
        left = half_power(abs(elapsed) / (config.half_life_s * 1000.0))
        if elapsed >= 0:
            counter[:] = float32(counter[0] * left + 1.0), event.time
        else:
            counter[0] = float32(counter[0] + left)

    def _remember(self, event, config):
        entry = (event.time, item_key(event.item), event.type, event.strength)
        self.history.insert(bisect.bisect_right(self.history, event.time, key=lambda e: e[0]),
                            entry)
        del self.history[:max(0, len(self.history) - config.history_max)]
        self.event_count += 1

    def _own(self, event, config):
        key = item_key(event.item)
        self.arrivals += 1
        known = self.own.get(key)
        if known is None:
            self.own[key] = [event.time, self.arrivals, 1]
            if len(self.own) > config.own_items_max:
                del self.own[min(self.own, key=lambda k: self.own[k][:2])]
            return
        known[2] += 1
        if event.time >= known[0]:
            known[:2] = event.time, self.arrivals

    def own_items(self):
        """(key, time, count), least recently had first."""
        ordered = sorted(self.own.items(), key=lambda entry: entry[1][:2])
        return [(key, time, count) for key, (time, _, count) in ordered]

    def encode(self):
        out = Writer()
        out.varint(self.applied + 1)
        out.varint(self.event_count)
        self._encode_history(out)
        out.varint(len(self.context))
        for name, value in self.context:
            out.text(name.encode())
            if isinstance(value, str):
                out.raw(b"\1")
                out.text(value.encode())
            else:
                out.raw(struct.pack("<Bd", 0, value))
        newest = self.history[-1][0] if self.history else 0
        present = sorted(_TYPE_NUMBER[name] for name in self.counters)
        out.raw(struct.pack("<H", sum(1 << number for number in present)))
        for number in present:
            value, time = self.counters[TYPES[number]]
            out.raw(struct.pack("<f", value))
            out.zigzag(time - newest)
        out.varint(len(self.ids))
        out.raw(b"".join(struct.pack("<Q", id_hash) for id_hash in self.ids))
        self._encode_own_items(out)
        return bytes(out.bytes)

    def _encode_history(self, out):
        out.varint(len(self.history))
        before = 0
        for time, key, name, strength in self.history:
            out.raw(struct.pack("<BQ", _TYPE_NUMBER[name] | (128 if strength != 1.0 else 0), key))
            out.zigzag(time - before)
            if strength != 1.0:
                out.raw(struct.pack("<f", strength))
            before = time

    def _encode_own_items(self, out):
        place = {entry[1]: index + 1 for index, entry in enumerate(self.history)}
        own_items = self.own_items()
        out.varint(len(own_items))
        before = 0
        for key, time, count in own_items:
            at = place.get(key, 0)
            out.varint(at)
            if at:
                out.zigzag(time - self.history[at - 1][0])
            else:
                out.raw(struct.pack("<Q", key))
                out.zigzag(time - before)
            out.varint(count)
            before = time


class Writer:
    def __init__(self):
        self.bytes = bytearray()

    def raw(self, data):
        self.bytes += data

    def varint(self, number):
        while number >= 0x80:
            self.bytes.append(number & 0x7F | 0x80)
            number >>= 7
        self.bytes.append(number)

    def zigzag(self, number):
        self.varint(number * 2 if number >= 0 else -number * 2 - 1)

    def text(self, data):
        self.varint(len(data))
        self.raw(data)


class Truncated(Exception):
    """Bytes end before what they announce."""


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def at_end(self):
        return self.at == len(self.data)

    def raw(self, size):
        if size > len(self.data) - self.at:
            raise Truncated(f"{size} bytes wanted at {self.at} of {len(self.data)}")
        self.at += size
        return self.data[self.at - size:self.at]

    def unpack(self, layout):
        return struct.unpack("<" + layout, self.raw(struct.calcsize("<" + layout)))

    def varint(self):
        # Where the time of a check goes: no call a byte.
        data, at, number, shift = self.data, self.at, 0, 0
        try:
            while True:
                byte = data[at]
                at += 1
                if byte < 0x80:
                    self.at = at
                    return number | byte << shift
                number |= (byte & 0x7F) << shift
                shift += 7
                if shift > 63:
                    raise Truncated("a varint does not end")
        except IndexError:
            raise Truncated(f"a varint wanted at {at} of {len(data)}") from None

    def zigzag(self):
        number = self.varint()
        return number >> 1 if number % 2 == 0 else -(number >> 1) - 1

    def text(self):
        return self.raw(self.varint())


def sections(profile):
    """tag -> bytes of an encoded profile. Raises ValueError or Truncated."""
    if profile[:4] != b"fvp\1":
        raise ValueError(f"begins with {profile[:4]!r}, not with fvp and version 1")
    if struct.unpack_from("<I", profile, 4)[0] != zlib.crc32(profile[8:]):
        raise ValueError("its checksum does not match")
    found = {}
    reader = Reader(profile[8:])
    while not reader.at_end():
        tag = reader.raw(1)[0]
        found[tag] = reader.text()
    return found


def decode_behaviour(data):
    """name -> value, for saying what differs."""
    reader = Reader(data)
    out = {"applied": reader.varint() - 1, "event_count": reader.varint(), "history": []}
    before = 0
    for _ in range(reader.varint()):
        head, key = reader.unpack("BQ")
        before += reader.zigzag()
        strength = reader.unpack("f")[0] if head & 128 else 1.0
        out["history"].append((before, key, TYPES[head & 127], strength))
    out["context"] = []
    for _ in range(reader.varint()):
        name, kind = reader.text().decode(), reader.raw(1)[0]
        out["context"].append((name, reader.text().decode() if kind else reader.unpack("d")[0]))
    newest = before
    present, = reader.unpack("H")
    out["counters"] = {}
    for number, name in enumerate(TYPES):
        if present >> number & 1:
            value, = reader.unpack("f")
            out["counters"][name] = (value, newest + reader.zigzag())
    out["event ids"] = [reader.unpack("Q")[0] for _ in range(reader.varint())]
    out["own items"] = []
    before = 0
    for _ in range(reader.varint()):
        at = reader.varint()
        if at:
            key = out["history"][at - 1][1]
            time = out["history"][at - 1][0] + reader.zigzag()
        else:
            key, = reader.unpack("Q")
            time = before + reader.zigzag()
        before = time
        out["own items"].append((key, time, reader.varint()))
    return out


def decode_learned(data):
    """(model id, lineage, position, current, lasting)."""
    reader = Reader(data)
    model, = reader.unpack("Q")
    lineage, position = reader.varint(), reader.varint() - 1
    vectors = []
    for _ in range(2):
        size = reader.varint()
        vectors.append(reader.unpack(f"{size}e") if size else ())
    return model, lineage, position, vectors[0], vectors[1]


def decode_served(data):
    """(slate id, emission time, slates, covers that wait, item keys by rank)."""
    reader = Reader(data)
    slate, emitted_at = reader.text().decode(), reader.zigzag()
    slates, waiting, items = reader.varint(), reader.varint(), reader.varint()
    layout = "Qf" if reader.raw(1)[0] else "Q"
    return slate, emitted_at, slates, waiting, [reader.unpack(layout)[0] for _ in range(items)]

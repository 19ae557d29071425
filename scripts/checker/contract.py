"""The event and item contracts, version 1, in the contract's own shape: bytes in, events out.

A `Bad` names the reasons that a record may be refused for. It is a set because a record can be
wrong in two ways at once below the level of JSON, and which one a parser meets first is its own.
"""
import datetime
import json
import math
import re
import struct

TYPES = ("view", "click", "like", "dislike", "rate", "purchase", "return", "add_to_cart",
         "remove_from_cart", "play", "skip", "search", "impression", "request", "identify",
         "forget")
SAID = {"request", "identify", "forget"}
WITHOUT_ITEM = SAID | {"search", "impression"}
RECORD_BYTES_MAX = 65_536
DEPTH_MAX = 64
TIME_END_MS = 253_402_300_800_000  # the year 10000
_BEYOND_FLOAT = float.fromhex("0x1.ffffffp127")  # from here on the nearest float is infinite

_NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_INTEGER = re.compile(r"-?\d+\Z", re.ASCII)
_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?"
                      r"(?:[Zz]|([+-])(\d\d):(\d\d))\Z", re.ASCII)


class Bad(Exception):
    def __init__(self, *reasons):
        super().__init__("/".join(reasons))
        self.reasons = set(reasons)


class Object:
    """A JSON object as it was written: of a repeated key the first counts."""

    def __init__(self, pairs):
        self.pairs = pairs
        self.first = {}
        for key, value in pairs:
            self.first.setdefault(key, value)

    def get(self, key):
        return self.first.get(key)


def _float(text):
    number = float(text)
    return number if math.isfinite(number) else text  # too wide: the string of its digits


def _integer(text):
    return int(text) if len(text) <= 20 else text


def _no_constant(text):
    raise ValueError(text)


def _depth(text):
    depth = deepest = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text, re.DOTALL):
        if token[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in "]}":
            depth -= 1
    return deepest


def _has_lone_surrogate(value):
    if isinstance(value, str):
        return any(0xD800 <= ord(c) <= 0xDFFF for c in value)
    if isinstance(value, Object):
        return any(_has_lone_surrogate(k) or _has_lone_surrogate(v) for k, v in value.pairs)
    return isinstance(value, list) and any(map(_has_lone_surrogate, value))


def parse_object(data):
    if len(data) > RECORD_BYTES_MAX:
        raise Bad("too_large")
    if data.startswith(b"\xEF\xBB\xBF"):
        data = data[3:]
    reasons = set()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        reasons.add("not_utf8")
        text = data.decode("utf-8", "replace")
    brackets = text.count("[") + text.count("{")
    depth = _depth(text) if brackets >= DEPTH_MAX else brackets
    if depth >= DEPTH_MAX:
        reasons.add("too_deep")
    root = None
    try:
        root = json.loads(text, object_pairs_hook=Object, parse_float=_float, parse_int=_integer,
                          parse_constant=_no_constant)
        broken = "\\u" in text and _has_lone_surrogate(root)
    except (ValueError, RecursionError):
        broken = True
    if broken:
        reasons.add("not_json")
    if depth == DEPTH_MAX and reasons == {"too_deep"}:
        reasons.clear()  # the limit itself
    if reasons:
        raise Bad(*reasons)
    if not isinstance(root, Object):
        raise Bad("not_an_object")
    return root


def _is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


def text_of(value):
    """A string, or an integer as its digits; else None."""
    if isinstance(value, str):
        return value
    return str(value) if _is_int(value) else None


def id_of(value):
    text = text_of(value)
    if text is None or text == "":
        raise Bad("bad_id")
    if len(text.encode()) > 256:
        raise Bad("id_too_long")
    return text


def number_of(value):
    if isinstance(value, str):
        if not _NUMBER.match(value):
            return None
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    value = float(value)
    return value if math.isfinite(value) else None


def integer_of(value):
    if isinstance(value, str) and _INTEGER.match(value) and len(value) < 1000:
        value = int(value)
    if _is_int(value) and -2**63 <= value < 2**63:
        return value
    return None


def _rfc3339(text):
    found = _RFC3339.match(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
    if hour > 23 or minute > 59 or second > 60:
        return None
    offset = 0
    if found[8]:
        if int(found[9]) > 23 or int(found[10]) > 59:
            return None
        offset = (int(found[9]) * 60 + int(found[10])) * (-1 if found[8] == "-" else 1)
    if year == 0:
        return None
    try:
        days = datetime.date(year, month, day).toordinal() - 719_163
    except ValueError:
        return None
    minutes = days * 1440 + hour * 60 + minute - offset
    if second == 60 and minutes % 1440 != 1439:
        return None
    fraction = int((found[7] or "0").ljust(3, "0")[:3]) if second < 60 else 0
    return (minutes * 60 + second) * 1000 + fraction


def time_of(value, unit="ms"):
    """Milliseconds since the epoch, or None."""
    integer = integer_of(value)
    number = number_of(value)
    if integer is not None:
        ms = {"s": integer * 1000, "ms": integer, "us": integer // 1000}[unit]
        if integer < 0:
            return None
    elif number is not None:
        ms = {"s": number * 1000.0, "ms": number, "us": number / 1000.0}[unit]
        if not 0 <= ms < TIME_END_MS:
            return None
        ms = math.floor(ms) + (ms - math.floor(ms) >= 0.5)
    elif isinstance(value, str):
        ms = _rfc3339(value)
    else:
        return None
    return ms if ms is not None and 0 <= ms < TIME_END_MS else None


def float32(number):
    return struct.unpack("<f", struct.pack("<f", number))[0]


def _scalars(value, reason, entries_max):
    """The fields of a flat object of numbers and strings, the first of each name."""
    if not isinstance(value, Object):
        raise Bad(reason)
    fields = {}
    for name, entry in value.pairs:
        if entry is None:
            continue
        if not 1 <= len(name.encode()) <= 256:
            raise Bad(reason)
        if name in fields:
            continue
        if len(fields) == entries_max:
            raise Bad(reason)
        if isinstance(entry, str):
            if len(entry.encode()) > 256:
                raise Bad(reason)
            fields[name] = entry
        else:
            number = number_of(entry)
            if number is None:
                raise Bad(reason)
            fields[name] = number
    return fields


class Event:
    __slots__ = ("user", "type", "item", "time", "id", "strength", "has_value", "context", "request_id", "k",
                 "filtered")


def decode_event(record, config):
    """The event of a record. Raises Bad."""
    if record.value is None:
        raise Bad("no_value")
    root = parse_object(record.value)
    event = Event()
    event.type = root.get("type")
    if event.type is None:
        raise Bad("missing_type")
    if not isinstance(event.type, str):
        raise Bad("bad_type")
    if event.type not in TYPES:
        raise Bad("unknown_type")
    event.user = _required(root, "user", "missing_user")
    event.item = None
    if event.type not in WITHOUT_ITEM:
        event.item = _required(root, "item", "missing_item")
    event.time = record.time
    if root.get("ts") is not None:
        event.time = time_of(root.get("ts"), config.ts_unit)
        if event.time is None:
            raise Bad("bad_timestamp")
        if event.time - record.time > config.max_future_ms:
            raise Bad("future_timestamp")
    event.id = _optional(root, "id")
    event.strength = 1.0
    event.has_value = root.get("value") is not None
    if root.get("value") is not None:
        number = number_of(root.get("value"))
        if number is None or abs(number) >= _BEYOND_FLOAT:
            raise Bad("bad_value")
        event.strength = float32(number)
    _optional(root, "session")
    event.context = {}
    if root.get("context") is not None:
        event.context = _scalars(root.get("context"), "bad_context", 16)
    _check_fields_of_type(root, event)
    if event.type in ("identify", "forget"):
        raise Bad("unsupported_type")
    return event


def _required(root, field, missing):
    if root.get(field) is None:
        raise Bad(missing)
    return id_of(root.get(field))


def _optional(root, field):
    return None if root.get(field) is None else id_of(root.get(field))


def _check_fields_of_type(root, event):
    event.request_id = event.k = None
    event.filtered = False
    if event.type in ("search", "request"):
        query = root.get("query")
        if query is not None and text_of(query) is None:
            raise Bad("bad_query")
        if event.type == "search" and not (query is not None and text_of(query)):
            raise Bad("missing_query")
    if event.type == "impression":
        _optional(root, "slate")
        items = root.get("items")
        if items is not None:
            if not isinstance(items, list) or len(items) > 1000 or None in items:
                raise Bad("bad_items")
            for item in items:
                id_of(item)
        if not items:
            raise Bad("missing_items")
    if event.type == "request":
        event.request_id = _optional(root, "request_id")
        if root.get("k") is not None:
            event.k = integer_of(root.get("k"))
            if event.k is None or not 1 <= event.k <= 1000:
                raise Bad("bad_k")
        if root.get("filter") is not None:
            _check_filter(root.get("filter"))
            event.filtered = True
    if event.type == "identify":
        _required(root, "as", "missing_as")


def _check_filter(value):
    if not isinstance(value, Object):
        raise Bad("bad_filter")
    fields = [(name, entry) for name, entry in value.pairs if entry is not None]
    if len(fields) > 16:
        raise Bad("bad_filter")
    for name, entry in fields:
        text = text_of(entry)
        if not text or not 1 <= len(name.encode()) <= 256 or len(text.encode()) > 256:
            raise Bad("bad_filter")


def decode_item(record, config):
    """The id of the item that a catalogue record announces or removes. Raises Bad."""
    if record.value is None:
        if not record.key:
            raise Bad("missing_key")
        if len(record.key) > 256:
            raise Bad("id_too_long")
        return record.key.decode("utf-8", "surrogateescape")
    root = parse_object(record.value)
    item = _required(root, "id", "missing_id")
    _texts(root, "title", "bad_title")
    _texts(root, "text", "bad_text")
    _text_list(root, "categories", "bad_categories", 64)
    _text_list(root, "tags", "bad_tags", 256)
    if root.get("attributes") is not None:
        _scalars(root.get("attributes"), "bad_attributes", 64)
    provider = root.get("provider")
    if provider is not None and not 1 <= len((text_of(provider) or "").encode()) <= 256:
        raise Bad("bad_provider")
    if root.get("published_at") is not None and time_of(root.get("published_at")) is None:
        raise Bad("bad_published_at")
    if root.get("available") is not None and not isinstance(root.get("available"), bool):
        raise Bad("bad_available")
    if root.get("vectors") is not None:
        _check_vectors(root.get("vectors"), config.vector_dims)
    return item


def _texts(root, field, reason):
    if root.get(field) is not None and text_of(root.get(field)) is None:
        raise Bad(reason)


def _text_list(root, field, reason, entries_max):
    entries = root.get(field)
    if entries is None:
        return
    if not isinstance(entries, list) or len(entries) > entries_max:
        raise Bad(reason)
    for entry in entries:
        if not 1 <= len((text_of(entry) or "").encode()) <= 256:
            raise Bad(reason)


def _check_vectors(value, dims):
    if not isinstance(value, Object):
        raise Bad("bad_vectors")
    known = set()
    for name, vector in value.pairs:
        if vector is None:
            continue
        if name not in dims:
            raise Bad("undeclared_vector")
        if name in known:
            continue
        known.add(name)
        if not isinstance(vector, list):
            raise Bad("bad_vectors")
        if len(vector) != dims[name]:
            raise Bad("vector_dimension")
        for entry in vector:
            number = number_of(entry)
            if number is None:
                raise Bad("vector_not_finite" if isinstance(entry, str) else "bad_vectors")
            if abs(number) >= _BEYOND_FLOAT:
                raise Bad("vector_not_finite")

#!/usr/bin/env python3
"""Writes the seeds of the text targets: tests/fuzz/corpus/<target>/seed-*.

usage: make_corpus.py [ROOT]

From the contract's cases, the recorded shapes of other producers, the shipped topologies and a few
lines of its own. The binary targets' seeds come from the program fuzz_binary_seeds. What else lies
in the corpora was found by the fuzzer and stays.
"""
import json
import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
CORPUS = ROOT / "tests/fuzz/corpus"
LARGEST = 4096  # bytes; limits beyond this are the unit tests' business


def write(target, seeds):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("seed-*"):
        old.unlink()
    kept = sorted({seed for seed in seeds if len(seed) <= LARGEST})
    for number, seed in enumerate(kept):
        (folder / f"seed-{number:03}").write_bytes(seed)
    print(f"{target}: {len(kept)} seeds")


def spelled(text):
    """The bytes of a text of contract.toml: <<3*x>> is xxx, <<2,*x#>> is x0,x1, <<hex FF>> a byte."""
    out = b""
    for n, part in enumerate(re.split(r"<<(.*?)>>", text, flags=re.S)):
        if n % 2 == 0:
            out += part.encode()
        elif part.startswith("hex "):
            out += bytes.fromhex(part[4:])
        else:
            count, separator, one = re.fullmatch(r"(\d+)(,?)\*(.*)", part, re.S).groups()
            out += separator.join(one.replace("#", str(k)) for k in range(int(count))).encode()
    return out


def cases():
    said = tomllib.loads((ROOT / "ingest/contract.toml").read_text())
    for codec in ("event", "item"):
        for entry in said[codec]:
            for case in entry.get("refused", []) + entry.get("accepted", []):
                if "record" in case:
                    yield {**case, "codec": codec}, spelled(case["record"])


def header(case):
    time = case.get("record_time")
    return b"" if time is None else f"@{time}\n".encode()


def mapping_lines(fields, each="", types=None, unit="ms"):
    lines = [f"each={each}"] if each else []
    for field, pointers in fields.items():
        pointers = [pointers] if isinstance(pointers, str) else pointers
        lines += [f"{field}={pointer}" for pointer in pointers or [""]]
    lines += [f"type={theirs}>{ours}" for theirs, ours in (types or {}).items()]
    lines += [f"unit={unit}"] if unit != "ms" else []
    return "\n".join(lines).encode() + b"\n"


def shapes():
    """What other producers write, each under the mapping that is shipped for it."""
    for path in sorted((ROOT / "topologies/mappings").glob("*.toml")):
        said = tomllib.loads(path.read_text())
        lines = mapping_lines(said["input"]["map"], said["input"].get("each", ""),
                              said["events"]["types"], said["input"].get("ts_unit", "ms"))
        for record in (ROOT / f"tests/ingest/mappings/{path.stem}.ndjson").read_text().splitlines():
            yield lines + b"\n" + record.encode()


def events():
    for case, record in cases():
        if case["codec"] == "event" and "mapping" not in case:
            yield header(case) + record
    # One beyond each end of every part of a time.
    for time in ("2024-12-31T23:59:61Z", "2024-12-31T23:60:00Z", "2024-12-31T24:00:00Z", "2023-02-29T00:00:00Z",
                 "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-01-00T00:00:00Z", "2024-12-31T23:58:60Z",
                 "2024-12-31T00:00:00+24:00", "2024-12-31T00:00:00-00:60", "1969-12-31T23:59:59Z",
                 "2024-12-31T22:59:60.5-01:00", "9999-12-31T23:59:60Z"):
        yield b'{"user":"u","type":"view","item":"i","ts":"' + time.encode() + b'"}'


def mapped_events():
    yield from shapes()
    for case, record in cases():
        if case["codec"] == "event" and "mapping" in case:
            given = case["mapping"]
            yield (mapping_lines(given.get("fields", given.get("map", {})), given.get("each", ""),
                                 given.get("types"), given.get("ts_unit", "ms")) + header(case)
                   + b"\n" + record)
    yield b'user=/a~1b/~0c/0\n\n{"a/b":{"~c":["u"]},"type":"view","item":"i","ts":1}'
    yield (b'rekeyed\neach=/e\nuser=@/u\nitem=@/i\nid=/id\n@7\n\n'
           b'{"type":"view","id":"x","e":[{"u":"a","i":1},{"u":"b","i":2}]}')


def items():
    for case, record in cases():
        if case["codec"] == "item":
            yield record
    yield b"#item-1"
    yield (b'{"id":"i","title":"T","text":"x","categories":["a","b"],"tags":["c"],"provider":"p",'
           b'"attributes":{"price":9.5,"colour":"blue"},"published_at":"2024-02-29T23:59:60Z",'
           b'"available":false,"vectors":{"image":[0.5,-1],"text":[1,2,3,4e-3]}}')


RECOMMENDATION = {
    "v": 1, "id": "5f3a9c0011223344", "user": "u1", "topology": "video",
    "trigger": {"topic": "video.events", "partition": 0, "offset": 17, "ordinal": 1}, "covers": 2,
    "event_time": 1700000000000, "emitted_at": 1700000000012,
    "model": {"id": "00f3000000000001", "lineage": 1, "position": 8123}, "policy": "greedy",
    "request_id": "r1",
    "history": [{"item": "318", "type": "rate", "age_s": 3600, "attention": 0.62},
                {"item_key": "0123456789abcdef", "type": "view", "age_s": 7, "attention": 0.38}],
    "items": [{"rank": 1, "id": "296", "title": "Pulp Fiction", "score": 4.81, "attention": 0.21,
               "propensity": 1,
               "why": {"bias": 0.31, "user": 0.02, "history": {"0": 1.93, "1": -0.5},
                       "features": {"popularity": 2.1, "recency": 1e-7}, "other_history": 0.2,
                       "other_features": 0.25}},
              {"rank": 2, "id": "1", "score": -1e30, "attention": 1e-9, "propensity": 0.125}]}


def recommendations():
    yield json.dumps(RECOMMENDATION).encode()
    yield json.dumps({**RECOMMENDATION, "items": [], "history": []}).encode()
    for missing in RECOMMENDATION:
        yield json.dumps({k: v for k, v in RECOMMENDATION.items() if k != missing}).encode()


def dumps():
    record = {"topic": "t", "partition": 3, "offset": 17, "tstype": "create", "ts": 1700000000000,
              "broker": 0, "headers": ["a", "b"], "key": "u1", "payload": '{"user":"u1"}'}
    yield json.dumps(record).encode() + b"\n" + json.dumps({**record, "payload": None}).encode()
    yield json.dumps({**record, "key": None, "ts": -1}).encode() + b"\r\n\n"
    yield json.dumps({"topic": "t", "partition": 0, "offset": 0}).encode()
    yield b'{"topic":"t","partition":4294967296,"offset":-5}'


def configs():
    for path in sorted((ROOT / "topologies").glob("*.toml")) + sorted(
            (ROOT / "topologies/mappings").glob("*.toml")):
        text = "\n".join(line for line in path.read_text().splitlines()
                         if line and not line.startswith(("#", "include")))
        yield text.encode()
        yield ('name = "m"\n' + text.replace('name = "', '#name = "')).encode()
    yield b'name = "a"\n#set slate.size=3\n#set input.topics=a, b\n#env FOVEA_SLATE__EXPLAIN=full'
    yield b'name = "a"\n[kafka]\n"sasl.password" = { env = "HOME" }\n"linger.ms" = 5\n'
    yield b'name = "a"\n[items.vectors]\nimage = 64\n"a b" = 2\n[context]\nfields = ["x", "\\u00e9"]\n'
    yield b'name = "a"\n[profile]\nhistory_max = 7\n[emit]\non = []\nmax_event_age = "0"\n'


def values():
    for text in ("0", "250ms", "10s", "5m", "1h", "100d", "1.5h", "1e3s", "-0s", "512B", "64KiB",
                 "4GiB", "9007199254740993ms", "earliest", "latest", "1700000000000",
                 "2026-01-31T12:00:00Z", "2024-02-29 23:59:60.999+23:59", "slate.siz", "nanms"):
        yield text.encode()


write("event_codec", events())
write("event_mapping", mapped_events())
write("item_codec", items())
write("recommendation", recommendations())
write("topic_dump", dumps())
write("config", configs())
write("config_value", values())

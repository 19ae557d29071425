"""What tests/compose/run.sh asks of topic dumps (kcat -J), in one sentence on standard output.

    check_slates.py slates FILE                      each is whole, small and explained
    check_slates.py metrics URL                      ready, and counting what it sends
    check_slates.py account TOML EVENTS SLATES DEAD  every event that wants a slate is covered
"""
import json
import pathlib
import re
import sys
import tomllib
import urllib.request

SLATE_BYTES_MAX = 6144


def records(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text(encoding="utf8").splitlines()]


def expect(condition, complaint):
    if not condition:
        raise SystemExit(f"check_slates.py: {complaint}")


def check_slate(record):
    """The number of history events that its explanations name."""
    where = f"slate at {record['partition']}/{record['offset']}"
    expect(len(record["payload"].encode()) <= SLATE_BYTES_MAX, f"{where} is larger than {SLATE_BYTES_MAX} bytes")
    slate = json.loads(record["payload"])
    expect(slate["v"] == 1 and slate["user"] == record["key"], f"{where} is not keyed by its user")
    expect(slate["trigger"]["topic"].endswith(".events") and slate["covers"] >= 1, f"{where} names no trigger")
    items = slate["items"]
    if not items and slate["model"]["position"] < 0:
        return 0  # the very first events, answered while the model has not seen an item yet
    expect(items, f"{where} is empty")
    expect([item["rank"] for item in items] == list(range(1, len(items) + 1)), f"{where} is not ranked from 1")
    expect(abs(sum(item["attention"] for item in items) - 1) < 0.01, f"{where} shares out other than all attention")
    named = 0
    for item in items:
        why = item["why"]
        parts = [why[name] for name in ("bias", "user", "other_history", "other_features")]
        parts += [*why["history"].values(), *why["features"].values()]
        expect(abs(sum(parts) - item["score"]) <= 1e-4 * (1 + abs(item["score"])),
               f"{where}: the parts of item {item['id']} add up to {sum(parts)}, its score is {item['score']}")
        named += len(why["history"])
    return named


def slates(path):
    rows = records(path)
    named = sum(check_slate(row) for row in rows)
    expect(named > 0, "no slate is explained by anything that its user did")
    print(f"{len(rows)} slates of {len({row['key'] for row in rows})} users, {named} reasons from history")


def metrics(url):
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    value = {name: float(number) for name, number in re.findall(r"^(fovea_\w+) (\S+)$", text, re.M)}
    expect(value.get("fovea_ready") == 1, "/metrics does not say that fovea is ready")
    sent = value.get("fovea_recommendations_total", 0)
    expect(sent >= 20, f"/metrics counts {sent:.0f} slates, at least 20 were read")
    print(f"{sent:.0f} slates counted, {len(value)} metrics without labels")


def account(toml, events_path, slates_path, dead_path):
    wanted = set(tomllib.loads(pathlib.Path(toml).read_text(encoding="utf8"))["emit"]["on"])
    dead = records(dead_path)
    expect(not dead, f"{len(dead)} dead letters from a producer that writes valid events")

    # The place of each event among its user's; a slate covers the `covers` places up to its trigger.
    places, count_of = {}, {}
    for row in sorted(records(events_path), key=lambda row: (row["partition"], row["offset"])):
        event = json.loads(row["payload"])
        if event["type"] in wanted:
            count_of[event["user"]] = count_of.get(event["user"], 0) + 1
            places[row["partition"], row["offset"]] = (event["user"], count_of[event["user"]])

    rows = records(slates_path)
    covered = {user: [0] * (count + 1) for user, count in count_of.items()}
    for row in rows:
        check_slate(row)
        slate = json.loads(row["payload"])
        trigger = slate["trigger"]["partition"], slate["trigger"]["offset"]
        expect(trigger in places, f"slate {slate['id']} names a trigger that is not in the input: {trigger}")
        user, place = places[trigger]
        expect(user == slate["user"], f"slate {slate['id']} of {slate['user']} was triggered by {user}")
        expect(slate["covers"] <= place, f"slate {slate['id']} covers more events than {user} has had")
        for k in range(place - slate["covers"] + 1, place + 1):
            covered[user][k] += 1

    missed = [(user, k) for user, counts in covered.items() for k in range(1, len(counts)) if not counts[k]]
    expect(not missed, f"{len(missed)} of {len(places)} events are covered by no slate, first {missed[:3]}")
    again = sum(count > 1 for counts in covered.values() for count in counts)
    expect(again == 0, f"{again} of {len(places)} events are covered more than once")
    print(f"{len(places)} events of {len(count_of)} users, each covered by one of {len(rows)} slates")


if __name__ == "__main__":
    {"slates": slates, "metrics": metrics, "account": account}[sys.argv[1]](*sys.argv[2:])

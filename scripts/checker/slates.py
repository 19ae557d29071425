"""Recommendations: whether each adds up, and whether together they cover what was scorable."""
import json
import math

from checker.fold import item_key
from checker.xxh3 import xxh3

# A share has four significant digits.
_SHARES_TOLERANCE = 1e-3


class Slate:
    """Its message is read anew by whoever asks: an hour has too many to keep as objects."""

    def __init__(self, record):
        self.value = record.value
        message = self.message()
        trigger = message["trigger"]
        self.at = (trigger["partition"], trigger["offset"])
        self.topic = trigger["topic"]
        self.ordinal = trigger.get("ordinal", 0)
        self.id = message["id"]
        self.user = message["user"]
        self.covers = message["covers"]
        self.where = f"slate {self.id} of user {self.user!r} at {self.at[0]}:{self.at[1]}"

    def message(self):
        return json.loads(self.value)


def recommendation_id(topology, topic, partition, offset, ordinal):
    named = f"{topology}\n{topic}\n{partition}\n{offset}\n{ordinal}"
    return f"{xxh3(named.encode()):016x}"


def check_message(slate, message, config, report):
    """What a slate says of itself."""
    where = slate.where
    expected = recommendation_id(config.name, slate.topic, *slate.at, slate.ordinal)
    if slate.id != expected:
        report("wrong_id", f"{where}: its trigger's id is {expected}")
    if message["v"] != 1 or message["topology"] != config.name or slate.topic != config.input:
        report("foreign_slate", f"{where}: not of topology {config.name} on {config.input}")
    items = message["items"]
    ids = [item["id"] for item in items]
    if [item["rank"] for item in items] != list(range(1, len(items) + 1)):
        report("wrong_ranks", f"{where}: ranks are not 1..{len(items)}")
    if len(set(ids)) != len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        report("item_twice", f"{where}: item {twice!r} stands in it twice")
    for before, item in zip(items, items[1:]):
        if item["score"] > before["score"] + 1e-6 * (1 + abs(item["score"])):
            report("wrong_order", f"{where}: rank {item['rank']} has the higher score")
    if items:
        shares = sum(item["attention"] for item in items)
        if not abs(shares - 1) <= _SHARES_TOLERANCE:
            report("wrong_attention", f"{where}: attention shares add up to {shares:.6f}")
    for item in items:
        _check_sum(item, where, config, report)


def _check_sum(item, where, config, report):
    score, why = item["score"], item.get("why")
    probability = item.get("probability", 0)  # absent in longer brief slates
    if not math.isfinite(score) or not 0 <= item["propensity"] <= 1 or not 0 <= probability <= 1:
        report("wrong_sum", f"{where}: item {item['id']!r} has score {score}, "
                            f"propensity {item['propensity']}, probability {probability}")
    if why is None:
        if config.explains:
            report("no_why", f"{where}: item {item['id']!r} is not explained")
        return
    parts = (why["bias"] + why["user"] + sum(why["history"].values())
             + sum(why["features"].values()) + why["other_history"] + why["other_features"])
    if not abs(parts - score) <= 1e-4 * (1 + abs(score)):
        report("wrong_sum", f"{where}: parts of item {item['id']!r} add up to {parts:.6f}, "
                            f"its score is {score}")


def check_against_past(slate, message, past, config, report):
    """What a slate says of its trigger and of the history it explains itself by."""
    where = slate.where
    trigger = past.triggers.get(slate.at)
    if trigger is None or slate.ordinal != 0:
        report("no_trigger", f"{where}: no scorable event is there")
        return False
    event = trigger.event
    if event.user != slate.user or event.time != message["event_time"]:
        report("wrong_trigger", f"{where}: the event there is of {event.user!r} at {event.time}")
        return False
    if message.get("request_id") != event.request_id:
        report("wrong_trigger", f"{where}: request id {message.get('request_id')!r}, "
                                f"asked with {event.request_id!r}")
    size_max = min(event.k or config.slate_size, 200)
    if len(message["items"]) > size_max:
        report("too_many_items", f"{where}: {len(message['items'])} items, {size_max} asked for")
    seen = [item["id"] for item in message["items"] if item_key(item["id"]) in trigger.own]
    if seen:
        report("seen_item", f"{where}: item {seen[0]!r} was had before")
    # A slate is made at the end of a batch: what of the same user came behind its trigger is in the
    # history, too. Those are no triggers themselves; where they can be positive, nothing is said.
    if config.positive <= config.emit_on:
        _check_history(slate, message, trigger, report)
    return True


def _check_history(slate, message, trigger, report):
    listed = message.get("history", [])
    known = {}
    for time, key, name, _ in trigger.history:
        known.setdefault((key, name), set()).add(max(0, trigger.event.time - time) // 1000)
    for entry in listed:
        key = item_key(entry["item"]) if "item" in entry else int(entry["item_key"], 16)
        if entry["age_s"] not in known.get((key, entry["type"]), ()):
            report("wrong_history", f"{slate.where}: the user's history has no {entry['type']} of "
                                    f"{entry.get('item', entry.get('item_key'))!r} "
                                    f"{entry['age_s']} s before")
    for item in message["items"]:
        for index in item.get("why", {}).get("history", {}):
            if not 0 <= int(index) < len(listed):
                report("wrong_history", f"{slate.where}: item {item['id']!r} is explained by "
                                        f"history event {index}, {len(listed)} are listed")
    attention = sum(entry["attention"] for entry in listed)
    if attention > 1 + _SHARES_TOLERANCE:
        report("wrong_attention", f"{slate.where}: attention over its history is {attention:.6f}")


class Coverage:
    """Follows one user's slates in the order they were sent.

    The events that a slate covers end at its trigger and begin where the slate before it ended.
    After a crash the user's state is that of some earlier slate, so with `restarts` a slate may
    begin at any earlier end, and a trigger may come again, with the same id.
    """

    def __init__(self, name, user, restarts, report):
        self.name = name
        self.user = user
        self.restarts = restarts
        self.report = report
        self.place = {offset: index + 1 for index, offset in enumerate(user.scorable)}
        self.end = 0
        self.ends = {0}
        self.sent = set()
        self.slates = 0
        self.last = None
        self.covered = set()

    def add(self, slate):
        offset = slate.at[1]
        if offset in self.sent and not self.restarts:
            self.report("repeated_slate", f"{slate.where}: was sent before")
            return
        self.sent.add(offset)
        if offset in self.user.answers:
            if slate.covers != 1:
                self.report("covered_twice", f"{slate.where}: covers {slate.covers}, but answers "
                                             "one request of a user not known yet")
            return
        end = self.place[offset]
        start = end - slate.covers
        if end <= self.end and not self.restarts:
            self.report("reordered_slate", f"{slate.where}: sent after a later one")
            return
        if start > self.end:
            self._miss(slate, start)
        elif start != self.end and not (self.restarts and start in self.ends):
            self.report("covered_twice", f"{slate.where}: covers {slate.covers} events, "
                                         f"{end - self.end} were not covered yet")
        self.end = end
        self.ends.add(end)
        self.slates += 1
        self.last = slate

    def _miss(self, slate, start):
        missing = self.user.scorable[self.end:start]
        self.report("uncovered_event", f"{slate.where}: covers {slate.covers} events, "
                                       f"nothing covers those at offsets {missing}")

    def finish(self, waiting, may_hold):
        """What is behind the last slate must be what the profile says is waiting."""
        total = len(self.user.scorable)
        ends = self.ends if self.restarts else {self.end}
        if waiting > 0 and not may_hold:
            self.report("uncovered_event", f"user {self.name!r}: {waiting} events wait for a slate "
                                           "though [emit] holds none back")
        elif total - waiting not in ends:
            missing = self.user.scorable[self.end:]
            self.report("uncovered_event", f"user {self.name!r}: nothing covers the events at "
                                           f"offsets {missing}, of which {waiting} wait")

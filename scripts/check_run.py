#!/usr/bin/env python3
"""Checks a finished run of a topology against its input, without a line of the binary's code.

    scripts/dump_topics.sh localhost:9092 config.toml dumps     # config.toml: run --print-config
    fovea profile export topologies/product.toml > profiles.ndjson
    scripts/check_run.py --config config.toml --dumps dumps --profiles profiles.ndjson

It folds the input itself and compares: what was refused with the dead letters, behaviour with the
exported profiles byte for byte, these with the changelog, the learning log with the events that
teach, and the slates with the events they cover, with the history they explain themselves by and
with their own sums. Prints what it counted; exits 1 with one line a violation, each with its kind.
"""
import argparse
import collections
import pathlib
import sys

from checker.contract import Bad, decode_item
from checker.dumps import Config, Unreadable, read_latest, read_profiles, read_topic
from checker.fold import Truncated, decode_behaviour, decode_learned, decode_served, sections
from checker.learning import check_learning
from checker.past import Past
from checker.slates import Coverage, Slate, check_against_past, check_message


class Report:
    """Violations by kind. The first of each kind are told in full."""

    def __init__(self, shown_max):
        self.shown_max = shown_max
        self.by_kind = collections.defaultdict(list)

    def __call__(self, kind, what):
        self.by_kind[kind].append(what)

    def print(self):
        for kind, found in sorted(self.by_kind.items()):
            for what in found[:self.shown_max]:
                print(f"{kind}: {what}", file=sys.stderr)
            if len(found) > self.shown_max:
                print(f"{kind}: and {len(found) - self.shown_max} more", file=sys.stderr)


def check_dead_letters(letters, refusals, originals, restarts, report):
    """One dead letter for each refused record, with its bytes and its reason."""
    found = set()
    for letter in letters:
        text = {name: value.decode("utf-8", "replace") for name, value in letter.headers.items()}
        try:
            at = (text["fovea.topic"], int(text["fovea.partition"]), int(text["fovea.offset"]))
            reason = text["fovea.reason"]
        except (KeyError, ValueError):
            report("bad_dead_letter", f"dead letter {letter.partition}:{letter.offset} does not "
                                      "say where it came from or why")
            continue
        where = f"dead letter of {at[0]} {at[1]}:{at[2]}"
        if at in found and not restarts:
            report("repeated_dead_letter", f"{where}: was sent before")
        found.add(at)
        if at not in refusals:
            report("needless_dead_letter", f"{where}: {reason}, but nothing is wrong with it")
            continue
        if reason not in refusals[at]:
            expected = " or ".join(sorted(refusals[at]))
            report("wrong_reason", f"{where}: {reason}, but it is {expected}")
        if letter.value != originals[at].value or letter.key != originals[at].key:
            report("altered_dead_letter", f"{where}: not the original bytes")
    for at in sorted(refusals.keys() - found):
        reasons = " or ".join(sorted(refusals[at]))
        report("missing_dead_letter", f"{at[0]} {at[1]}:{at[2]} is {reasons}, and no dead letter "
                                      "says so")


def check_profiles(profiles, latest, past, config, report):
    """Behaviour equals the fold, the profile equals the changelog. Returns the served sections."""
    served = {}
    for (partition, name), user in past.users.items():
        if user.exists and (partition, name) not in profiles:
            report("missing_profile", f"user {name!r} of partition {partition} has none")
    for (partition, name), profile in profiles.items():
        where = f"profile of user {name!r} in partition {partition}"
        user = past.users.get((partition, name))
        if user is None or not user.exists:
            report("needless_profile", f"{where}: the input has no event of theirs")
            continue
        if latest.get((partition, name.encode())) != profile:
            report("wrong_changelog", f"{where}: is not the last record of the changelog")
        try:
            found = sections(profile)
            served[partition, name] = decode_served(found[3]) if 3 in found else None
            if found[1] != user.behaviour.encode():
                _name_difference(where, user.behaviour, found[1], report)
            if 2 in found:
                _check_learned(where, decode_learned(found[2]), config, report)
        except (ValueError, KeyError, IndexError, Truncated) as error:
            report("bad_profile", f"{where}: {error}")
    return served


def _name_difference(where, behaviour, stored, report):
    mine, theirs = decode_behaviour(behaviour.encode()), decode_behaviour(stored)
    for name in mine:
        if mine[name] != theirs[name]:
            kind = "stale_applied" if name == "applied" else "wrong_behaviour"
            report(kind, f"{where}: {name} is {theirs[name]!r}, the fold has {mine[name]!r}")
            return
    report("wrong_behaviour", f"{where}: equal fields, other bytes")


def _check_learned(where, learned, config, report):
    for vector in learned[3:]:
        if len(vector) not in (0, config.dim):
            report("wrong_vector", f"{where}: {len(vector)} numbers, {config.dim} configured")
        if any(number - number != 0 for number in vector):
            report("wrong_vector", f"{where}: a number is not finite")


def check_slates(slates, past, served, config, restarts, report):
    coverages = {key: Coverage(key[1], user, restarts, report) for key, user in past.users.items()}
    for slate in slates:
        message = slate.message()
        check_message(slate, message, config, report)
        if check_against_past(slate, message, past, config, report):
            coverages[slate.at[0], slate.user].add(slate)
    for key, coverage in coverages.items():
        section = served.get(key)
        coverage.finish(section[3] if section else 0, config.may_hold)
        if restarts or coverage.last is None or key not in served:
            continue
        stored = (section[0], section[2]) if section else (None, 0)
        if stored != (coverage.last.id, coverage.slates):
            report("wrong_served", f"profile of user {key[1]!r}: slate {stored[1]} was "
                                   f"{stored[0]}, sent were {coverage.slates}, the last "
                                   f"{coverage.last.id}")
    return {"slates": len(slates),
            "scorable_events": sum(len(user.scorable) for user in past.users.values()),
            "waiting_events": sum(section[3] for section in served.values() if section),
            "unanswered_requests": sum(len(past.users[key].answers - coverage.sent)
                                       for key, coverage in coverages.items())}


def read_slates(records, report):
    slates = []
    for record in records:
        try:
            slate = Slate(record)
            if record.key != slate.user.encode():
                report("bad_slate", f"{slate.where}: its key is {record.key!r}")
            slates.append(slate)
        except (ValueError, KeyError, TypeError) as error:
            report("bad_slate", f"recommendation {record.partition}:{record.offset}: {error!r}")
    return slates


def check(config, dumps, profiles, restarts, report):
    """Runs every check; returns what was counted."""
    events = read_topic(dumps, config.input)
    items = read_topic(dumps, config.items)
    slates = read_slates(read_topic(dumps, config.recommendations), report)
    past = Past(events, config, {slate.at for slate in slates})

    refusals = {(config.input, *at): reasons for at, reasons in past.refusals.items()}
    originals = {(record.topic, record.partition, record.offset): record
                 for record in events + items}
    announced = set()
    for record in items:
        try:
            decode_item(record, config)
            announced.add((record.partition, record.offset))
        except Bad as bad:
            refusals[record.topic, record.partition, record.offset] = bad.reasons
    check_dead_letters(read_topic(dumps, config.dead_letter), refusals, originals, restarts, report)

    served = check_profiles(profiles, read_latest(dumps, config.profiles), past, config, report)
    counts = dict(past.counts)
    counts.update(check_slates(slates, past, served, config, restarts, report))
    learning, learned_items = check_learning(read_topic(dumps, config.learning), past, config,
                                             restarts, report)
    for at in announced - learned_items:
        report("lost_item", f"{config.items} {at[0]}:{at[1]} is not in the learning log")
    for at in learned_items - announced:
        report("needless_item", f"{config.items} {at[0]}:{at[1]} is in the learning log")
    counts.update(learning, users=len(profiles), item_records=len(items))
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, type=pathlib.Path,
                        help="what `fovea run T.toml --print-config` prints")
    parser.add_argument("--dumps", required=True, type=pathlib.Path,
                        help="directory of TOPIC.jsonl, see dump_topics.sh")
    parser.add_argument("--profiles", required=True, type=pathlib.Path,
                        help="what `fovea profile export T.toml` prints")
    parser.add_argument("--restarts", action="store_true",
                        help="the run crashed on the way: outputs may repeat, with the same ids")
    parser.add_argument("--show", type=int, default=5, metavar="N",
                        help="violations of a kind that are told in full (5)")
    options = parser.parse_args()
    report = Report(options.show)
    try:
        counts = check(Config(options.config), options.dumps, read_profiles(options.profiles),
                       options.restarts, report)
    except (Unreadable, OSError) as error:
        print(f"check_run.py: {error}", file=sys.stderr)
        return 1
    for name, count in counts.items():
        print(f"{name} {count}")
    violations = sum(map(len, report.by_kind.values()))
    print(f"violations {violations}")
    report.print()
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())

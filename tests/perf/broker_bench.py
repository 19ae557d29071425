#!/usr/bin/env python3
"""The whole pipeline through a real broker, against copying the same records with the same client.

    broker_bench.py FOVEA BOOTSTRAP [EVENTS [ROUNDS [SECONDS]]]

BOOTSTRAP is an address, or a file that holds one: scripts/kafka.sh start --dir D, then D/bootstrap.

Backlog   EVENTS events lie in a topic. In turns, ROUNDS times: `fovea run` of a new topology takes them
          all, from its partitions to its end with everything committed, at least once and exactly once
          with a transaction every 20, 100 and 500 ms; and kcat copies them to another topic, reader and
          writer two processes of librdkafka, from start to end. Wall time. A backlog is answered once a
          user and batch. `/ alo` is the median of the ratio of two runs of one round, and its quartiles.
Latency   New topologies are sent 1,000 events a second for SECONDS (20). From the broker's timestamp of an
          event to the moment a read_committed consumer has the slate it triggered. The broker's round
          trip, as fovea's client measures it, stands beside it.

Every slate read back must name an event that is there.
"""

import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
from prometheus_test import get, running, wait_for  # noqa: E402

SEED, ITEMS, USERS = 7, 10_000, 5_000
RATE = 1_000
# Delivery and its commit interval; the first is what the others are held against.
WAYS = (("at_least_once", "100ms"), ("exactly_once", "20ms"), ("exactly_once", "100ms"), ("exactly_once", "500ms"))


class Bench:
    def __init__(self, fovea, bootstrap, folder):
        self.fovea, self.bootstrap, self.folder = fovea, bootstrap, pathlib.Path(folder)
        self.prefix = f"bench{time.time_ns()}"

    def run(self, *command, **more):
        return subprocess.run(list(map(str, command)), check=True, stderr=subprocess.DEVNULL, **more)

    def kcat(self, *arguments):
        return self.run("kcat", "-b", self.bootstrap, *arguments, stdout=subprocess.PIPE).stdout.decode()

    def topology(self, number, source, way=WAYS[0]):
        """A topology of its own, reading `source`; its topics exist."""
        path = self.folder / f"{number}.toml"
        path.write_text(f"""
name = "{self.prefix}-{number}"
[input]
topics = ["{source}"]
[events.learn]
positive = ["view", "click", "add_to_cart", "purchase"]
[delivery]
mode = "{way[0]}"
commit_interval = "{way[1]}"
[emit]
max_event_age = "0"
[metrics]
listen = "127.0.0.1:0"
[state]
directory = "{self.folder / str(number)}"
[kafka]
"bootstrap.servers" = "{self.bootstrap}"
""", encoding="utf8")
        self.run(self.fovea, "topics", "create", path, stdout=subprocess.DEVNULL)
        return path

    def fovea_run(self, topology):
        self.log = topology.with_suffix(".log")
        return running([self.fovea, "run", str(topology)], self.log)

    def metrics(self):
        """A function that gives the sum of a metric over its labels."""
        url = wait_for("the metrics address", lambda: re.search(
            r"metrics at (http://[0-9.:]+/metrics)", self.log.read_text(encoding="utf8"))).group(1)

        def read(name, labels=""):
            page = get(url)[1]
            values = re.findall(rf"^{name}(?:{{([^}}]*)}})? ([0-9.e+-]+)$", page, re.M)
            return sum(float(value) for label, value in values if labels in label)
        return read

    def backlog(self, topology, events):
        """Seconds from the assignment of partitions to the end."""
        with self.fovea_run(topology) as process:
            read = self.metrics()
            while "partitions assigned" not in self.log.read_text(encoding="utf8"):
                time.sleep(0.005)
            began = time.monotonic()
            wait_for("the last record", lambda: read("fovea_records_total") >= events, 600)
            process.terminate()
            assert process.wait(timeout=60) == 0, self.log.read_text(encoding="utf8")
        return time.monotonic() - began

    def copy(self, source):
        began = time.monotonic()
        reader = subprocess.Popen(["kcat", "-b", self.bootstrap, "-C", "-q", "-e", "-o", "beginning", "-t", source,
                                   "-f", "%k\t%s\n"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.run("kcat", "-b", self.bootstrap, "-P", "-t", f"{self.prefix}-copy.events", "-K", "\t",
                 "-X", "linger.ms=1", "-X", "compression.codec=lz4", stdin=reader.stdout)
        assert reader.wait() == 0
        return time.monotonic() - began

    def latencies(self, topology, events_path, seconds):
        """Milliseconds from an event's broker timestamp to its slate's arrival, sorted, and the round trip in ms."""
        source = re.search(r'topics = \["([^"]+)"', topology.read_text(encoding="utf8")).group(1)
        arrived = []
        consumer = subprocess.Popen(
            ["kcat", "-b", self.bootstrap, "-C", "-q", "-u", "-o", "beginning", "-X", "fetch.wait.max.ms=5",
             "-t", f"{self.prefix}-{topology.stem}.recommendations"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

        def listen():
            for line in consumer.stdout:
                arrived.append((time.time(), line))
        listening = threading.Thread(target=listen)
        listening.start()
        with self.fovea_run(topology) as process:
            read = self.metrics()
            wait_for("readiness", lambda: read("fovea_ready") == 1)
            count = RATE * seconds
            self.run(self.fovea, "produce", topology, "--events", events_path, "--rate", RATE, "--limit", count, "--loop")
            wait_for("the last record", lambda: read("fovea_records_total") >= count)
            trip = read("fovea_kafka_broker_rtt_seconds", 'stat="p50"') or None
            process.terminate()
            assert process.wait(timeout=60) == 0, self.log.read_text(encoding="utf8")
        time.sleep(1)
        consumer.terminate()
        listening.join()
        sent = {}
        for line in self.kcat("-C", "-q", "-e", "-o", "beginning", "-t", source, "-f", "%p %o %T\n").splitlines():
            partition, offset, when = map(int, line.split())
            sent[partition, offset] = when
        waits = []
        for when, slate in arrived:
            trigger = json.loads(slate)["trigger"]
            waits.append((sent[trigger["partition"], trigger["offset"]], when * 1e3))
        assert waits, "no slate was sent"
        # The first fifth is the start's: connections, an empty model.
        begin = min(event for event, _ in waits) + seconds * 200
        return sorted(when - event for event, when in waits if event >= begin), trip


def quartiles(values):
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def main(fovea, bootstrap, events=100_000, rounds=5, seconds=20):
    if "/" in bootstrap:
        if not os.path.exists(bootstrap):
            print("broker_bench: NOT RUN: no Kafka broker", file=sys.stderr)
            return 1 if os.environ.get("CI") == "true" else 77
        bootstrap = pathlib.Path(bootstrap).read_text(encoding="utf8").strip()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(fovea, bootstrap, folder)
        path = bench.folder / "events"
        bench.run(fovea, "generate", "--seed", SEED, "--items", ITEMS, "--users", USERS, "--events", events,
                  "--out", path)
        source = f"{bench.prefix}-source.events"
        first = bench.topology("source", source)
        bench.run(fovea, "produce", first, "--events", path)
        bench.topology("copy", f"{bench.prefix}-copy.events")

        folds = {way: [] for way in WAYS}
        copies = []
        for number in range(rounds):
            for way in WAYS:
                topology = bench.topology(f"{number}-{way[0]}-{way[1]}".replace("_", "-"), source, way)
                folds[way].append(bench.backlog(topology, events))
            copies.append(bench.copy(source))
        other = statistics.median(copies)
        print(f"{events} events, {rounds} rounds; kcat copies {events / other:.0f} a second\n")
        print("| delivery | commit interval | events/s, median | MAD | / kcat | / at_least_once (quartiles) |")
        print("|---|---|---|---|---|---|")
        for way, times in folds.items():
            middle = statistics.median(times)
            spread = statistics.median(abs(seconds - middle) for seconds in times)
            print(f"| {way[0]} | {way[1]} | {events / middle:.0f} | {spread / middle:.1%} "
                  f"| {statistics.median(b / a for a, b in zip(times, copies)):.3f} "
                  f"| {quartiles([b / a for a, b in zip(times, folds[WAYS[0]])])} |")

        print(f"\n{RATE} events a second for {seconds} s\n")
        print("| delivery | commit interval | slates | p50, ms | p90 | p99 | worst | a round trip, p50, ms |")
        print("|---|---|---|---|---|---|---|---|")
        for way in WAYS:
            name = f"latency-{way[0]}-{way[1]}".replace("_", "-")
            waits, trip = bench.latencies(bench.topology(name, f"{bench.prefix}-{name}.events", way), path, seconds)
            at = [waits[min(len(waits) - 1, int(share * len(waits)))] for share in (.5, .9, .99)]
            print(f"| {way[0]} | {way[1]} | {len(waits)} | {at[0]:.0f} | {at[1]:.0f} | {at[2]:.0f} | {waits[-1]:.0f} "
                  f"| {f'{trip * 1e3:.1f}' if trip else ''} |")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))

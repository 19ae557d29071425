#!/usr/bin/env python3
"""How long until fovea answers again: after a kill, from an empty disk, and where another process takes over.

    recovery_bench.py FOVEA BOOTSTRAP [PROFILES [RESTARTS [TAKEOVERS]]]

BOOTSTRAP is an address, or a file that holds one: scripts/kafka.sh start --dir D, then D/bootstrap.

PROFILES users with an event each are folded into the store first (1,000,000), over 10,000 items; then 300 events a
second go on. Exactly once, a transaction every 100 ms, six partitions.

Restart    kill -9, started again at once, RESTARTS times (30): from the kill to the arrival of the first slate that
           was made after it, at a read_committed consumer. Beside it, from the process's log: until the model was
           restored and until the partitions were assigned, which is the broker's part, too.
Empty disk The state directory goes, three times. Changelog records a second, all partitions together, against a bare
           librdkafka consumer (kcat) that reads as many of the same topic right afterwards.
Takeover   Of two processes one is killed, TAKEOVERS times (10): until slates of every partition arrive again, and how
           long the other's model stood still meanwhile.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
from prometheus_test import get, wait_for  # noqa: E402

ITEMS, RATE, PARTITIONS = 10_000, 300, 6
LONG_AGO_MS = 1_700_000_000_000


def stamp(line):
    """Seconds since the epoch of a log line."""
    return time.mktime(time.strptime(line[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone + float(line[19:23])


class Process:
    def __init__(self, bench, name):
        self.bench, self.name = bench, name
        self.state = bench.folder / name
        self.toml = bench.folder / f"{name}.toml"
        self.toml.write_text(f"""
name = "{bench.name}"
[group]
instance = "{name}"
[topics]
partitions = {PARTITIONS}
[events.learn]
positive = ["view"]
[metrics]
listen = "127.0.0.1:0"
[state]
directory = "{self.state}"
[kafka]
"bootstrap.servers" = "{bench.bootstrap}"
""", encoding="utf8")

    def start(self):
        self.log = self.toml.with_suffix(f".{time.time_ns()}.log")
        with self.log.open("w") as out:
            self.process = subprocess.Popen([self.bench.fovea, "run", self.toml], stdout=out, stderr=out)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=60) == 0, self.said()

    def said(self):
        return self.log.read_text(encoding="utf8")

    def when(self, words):
        return next((stamp(line) for line in self.said().splitlines() if words in line), None)

    def metric(self, name):
        found = re.search(r"metrics at (http://[0-9.:]+/metrics)", self.said())
        if not found:
            return None
        values = re.findall(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+-]+)$", get(found.group(1))[1], re.M)
        return sum(map(float, values)) if values else None

    def idle(self):
        return self.metric("fovea_input_lag_records") == 0


class Slates:
    """What a read_committed consumer sees, as it arrives."""

    def __init__(self, bench):
        self.arrived = collections.deque(maxlen=200_000)
        self.consumer = subprocess.Popen(
            ["kcat", "-b", bench.bootstrap, "-C", "-q", "-u", "-o", "end", "-X", "fetch.wait.max.ms=5",
             "-t", f"{bench.name}.recommendations"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.consumer.stdout:
            self.arrived.append((time.time(), line))

    def since(self, when):
        """(arrival, partition of the trigger) of those that were made after it."""
        slates = [(at, json.loads(line)) for at, line in list(self.arrived) if at > when]
        return [(at, slate["trigger"]["partition"]) for at, slate in slates if slate["emitted_at"] > when * 1e3]


class Bench:
    def __init__(self, fovea, bootstrap, folder, profiles):
        self.fovea, self.bootstrap, self.folder = fovea, bootstrap, pathlib.Path(folder)
        self.profiles = profiles
        self.name = f"recovery{time.time_ns()}"
        self.a, self.b = Process(self, "a"), Process(self, "b")

    def run(self, *command):
        return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)

    def fill(self):
        self.run(self.fovea, "topics", "create", self.a.toml)
        path = self.folder / "events"
        with path.open("w", encoding="utf8") as events:
            for user in range(self.profiles):
                events.write(f'{{"user":"u{user}","type":"view","item":"i{user % ITEMS}","ts":{LONG_AGO_MS + user}}}\n')
        self.run(self.fovea, "produce", self.a.toml, "--events", path)
        self.a.start()
        # Not until nothing is behind: at the start that is so before the partitions are known.
        wait_for("the profiles", lambda: (self.a.metric("fovea_events_total") or 0) >= self.profiles, 1200)
        with path.open("w", encoding="utf8") as events:
            for number in range(100_000):
                user, item = number * 7919 % self.profiles, number * 104_729 % ITEMS
                events.write(f'{{"user":"u{user}","type":"view","item":"i{item}"}}\n')
        return path

    def load(self, path):
        return subprocess.Popen([self.fovea, "produce", self.a.toml, "--events", path, "--rate", str(RATE), "--loop"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def restarts(self, slates, rounds):
        rows = []
        for _ in range(rounds):
            time.sleep(2)
            killed = time.time()
            self.a.kill()
            self.a.start()
            first = wait_for("a slate", lambda: slates.since(killed), 120)[0][0]
            rows.append([1e3 * (when - killed) for when in
                         (self.a.when("the learning log ends at"), self.a.when("partitions assigned"), first)])
        return rows

    def empty_disk(self):
        self.a.stop()
        shutil.rmtree(self.a.state)
        self.a.start()
        wait_for("the restore", lambda: self.a.when("partitions assigned"), 1200)
        restored = re.findall(r": (\d+) changelog records restored in (\d+) ms", self.a.said())
        records, ms = (sum(int(row[i]) for row in restored) for i in (0, 1))
        # As many, not up to the end: while events come in, a consumer need not be told of any.
        began = time.monotonic()
        read = self.run("kcat", "-b", self.bootstrap, "-C", "-q", "-c", records, "-o", "beginning", "-t",
                        f"{self.name}.profiles", "-f", "\n").stdout.count("\n")
        return records, records / ms * 1e3, read / (time.monotonic() - began)

    def takeovers(self, slates, rounds):
        rows = []
        for _ in range(rounds):
            self.b.start()
            wait_for("both to have partitions", lambda: self.b.when("partitions assigned"), 120)
            wait_for("the input", lambda: self.a.idle() and self.b.idle(), 120)
            time.sleep(2)
            killed = time.time()
            self.b.kill()
            still, moved, position = 0.0, killed, self.a.metric("fovea_model_position")
            arrived = {}
            while len(arrived) < PARTITIONS:
                now, at = time.time(), self.a.metric("fovea_model_position")
                if at != position:
                    still, moved, position = max(still, now - moved), now, at
                # What the dead one had committed arrives within a second.
                arrived = dict((partition, when) for when, partition in reversed(slates.since(killed + 1)))
                assert now - killed < 120, "nobody took over"
                time.sleep(0.02)
            rows.append([max(arrived.values()) - killed, max(still, time.time() - moved)])
        return rows


def main(fovea, bootstrap, profiles=1_000_000, restarts=30, takeovers=10):
    if "/" in bootstrap:
        if not os.path.exists(bootstrap):
            print("recovery_bench: NOT RUN: no Kafka broker", file=sys.stderr)
            return 1 if os.environ.get("CI") == "true" else 77
        bootstrap = pathlib.Path(bootstrap).read_text(encoding="utf8").strip()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(fovea, bootstrap, folder, profiles)
        path = bench.fill()
        slates = Slates(bench)
        producer = bench.load(path)
        try:
            wait_for("a slate", lambda: slates.since(0), 120)
            rows = bench.restarts(slates, restarts)
            print(f"{profiles} profiles, {ITEMS} items, {RATE} events a second; ms from the kill, {restarts} times\n")
            print("| until | median | worst |\n|---|---|---|")
            for number, what in enumerate(("the model is restored", "partitions are assigned", "a new slate is seen")):
                times = [row[number] for row in rows]
                print(f"| {what} | {statistics.median(times):.0f} | {max(times):.0f} |")

            rows = [bench.empty_disk() for _ in range(3)]
            ratio, ours, bare, records = sorted((ours / bare, ours, bare, records) for records, ours, bare in rows)[1]
            print(f"\nFrom an empty disk, the median of three: {records} changelog records, {ours:.0f} a second; kcat reads "
                  f"{bare:.0f} a second, ratio {ratio:.2f} ({min(o / b for _, o, b in rows):.2f} to {max(o / b for _, o, b in rows):.2f})")

            rows = bench.takeovers(slates, takeovers)
            print(f"\nTakeover, {takeovers} times, s: median {statistics.median(row[0] for row in rows):.1f}, worst "
                  f"{max(row[0] for row in rows):.1f}; the other's model stood still for {statistics.median(row[1] for row in rows):.1f}, "
                  f"at most {max(row[1] for row in rows):.1f}")
        finally:
            producer.kill()
            slates.consumer.kill()
            for process in (bench.a, bench.b):
                if hasattr(process, "process") and process.process.poll() is None:
                    process.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))

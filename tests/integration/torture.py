"""fovea under load against a real Kafka broker while processes and the broker are killed at random.

usage: torture.py FOVEA [--kills N] [--rate R] [--seed S] [--delivery MODE] [--brokers 3]

A broker of its own, a producer that never pauses, and one to three `fovea run`. At random a process is killed with
SIGKILL and started again, at once or after its session has ended, one joins or leaves, and every tenth time the broker
is killed and started again. Of three brokers each in turn is killed, or cut off from the others and from all clients
and let back, while processes go on being killed; the next one's turn comes when all copies are in sync. Then
everything is left to come to rest, and scripts/check_run.py proves from the topics alone that nothing was lost and
nothing is there twice. Ends with a report; exit status 1 if anything is violated, 77 where no broker can be had.
"""
import argparse
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
PARTITIONS = 6
REST_WITHIN_S = 180
IN_SYNC_WITHIN_S = 120
# What a client has asked a broker that was cut off is given up after ten, asked elsewhere and answered.
ANSWERED_WITHIN_S = 15
LEAST_FREE = 1 << 30


def sh(*command, **options):
    return subprocess.run([str(part) for part in command], text=True, capture_output=True, **options)


class Broker:
    count = 1

    def __init__(self, directory):
        self.directory = directory
        self.kills = 0

    def command(self, name, *options):
        return sh(SCRIPTS / "kafka.sh", name, "--dir", self.directory, *options)

    def start(self):
        return self.command("start")

    @property
    def address(self):
        return (self.directory / "bootstrap").read_text(encoding="utf8").strip()

    def hurt(self, torture):
        """Whether that was the harm of this turn."""
        if torture.random.random() >= 0.1:
            return False
        self.kills += 1
        self.command("kill")
        torture.say("broker killed")
        torture.wait(0, 5)
        started = self.start()
        assert started.returncode == 0, started.stdout + started.stderr
        torture.say("broker is back")
        return True

    def heal(self, torture):
        """Until it is as it was, for clients as well."""

    def report(self):
        return f"{self.kills} of the broker"

    def stop(self):
        self.command("kill")


class Brokers(Broker):
    """Three of them, two in sync: at most one is away, and the next goes when all copies are in sync again."""
    count = 3

    def __init__(self, directory):
        super().__init__(directory)
        self.cuts = 0
        self.turns = itertools.cycle("123")
        self.away = self.back_at = self.bring_back = self.starting = None

    def start(self):
        return self.command("start", "--brokers", self.count, "--apart")

    def hurt(self, torture):
        if self.away and time.monotonic() >= self.back_at:
            self.bring_back(torture)
        elif not self.away and torture.random.random() < 0.3 and self.in_sync():
            self.away = next(self.turns)
            harm = self.kill if torture.random.random() < 0.6 else self.cut
            harm(torture)
        return False

    def kill(self, torture):
        self.kills += 1
        self.command("kill", "--node", self.away)
        self.back_at = time.monotonic() + torture.random.uniform(0, 10)
        self.bring_back = self.start_again
        torture.say(f"broker {self.away} killed")

    def start_again(self, torture):
        """Begins to, and says so when it is done: processes are killed meanwhile."""
        if self.starting is None:
            self.starting = subprocess.Popen(
                [SCRIPTS / "kafka.sh", "start", "--dir", self.directory, "--node", self.away],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if self.starting.poll() is None:
            return
        assert self.starting.returncode == 0, self.starting.stdout.read()
        torture.say(f"broker {self.away} is back")
        self.away = self.starting = None

    def cut(self, torture):
        """For longer than sessions, theirs and the group's, and every third time than a client waits for an answer."""
        self.cuts += 1
        self.command("cut", "--node", self.away)
        seconds = torture.random.uniform(10, 30) + (50 if self.cuts % 3 == 0 else 0)
        self.back_at = time.monotonic() + seconds
        self.bring_back = self.mend
        torture.say(f"broker {self.away} cut off for {seconds:.0f} s")

    def mend(self, torture):
        assert not self.in_sync(), f"broker {self.away} was cut off, and its copies still count as in sync"
        self.command("mend", "--node", self.away)
        torture.say(f"broker {self.away} is let back")
        self.away = None

    def heal(self, torture):
        while self.away:
            self.bring_back(torture)
            time.sleep(0.1)
        deadline = time.monotonic() + IN_SYNC_WITHIN_S
        while not self.in_sync():
            assert time.monotonic() < deadline, f"copies are not in sync within {IN_SYNC_WITHIN_S} s"
            time.sleep(0.5)
        time.sleep(ANSWERED_WITHIN_S)

    def in_sync(self):
        """Whether every broker within reach knows of three copies in sync of each partition."""
        addresses = self.address.split(",")
        if self.away:
            del addresses[int(self.away) - 1]
        return all(map(self.all_copies_by, addresses))

    def all_copies_by(self, address):
        asked = sh("kcat", "-L", "-J", "-m", "5", "-b", address)
        if asked.returncode != 0:
            return False
        partitions = [one for topic in json.loads(asked.stdout)["topics"] for one in topic["partitions"]]
        return all(len(one["isrs"]) == self.count for one in partitions)

    def report(self):
        return f"{self.kills} of brokers, {self.cuts} cut off"


class Member:
    """One `fovea run`, with a state directory that survives it."""

    def __init__(self, fovea, directory, name, broker, delivery):
        self.fovea, self.name, self.process = fovea, name, None
        self.toml = directory / f"{name}.toml"
        self.log = directory / f"{name}.log"
        self.toml.write_text(f"""name = "torture"
[group]
instance = "{name}"
[topics]
partitions = {PARTITIONS}
replication = {broker.count}
[delivery]
mode = "{delivery}"
[emit]
max_event_age = "0"
[model]
half_life = "10m"
[metrics]
listen = "127.0.0.1:0"
[state]
directory = "{directory / name}"
[kafka]
"bootstrap.servers" = "{broker.address}"
""", encoding="utf8")

    def start(self, *options):
        self.said_before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a", encoding="utf8") as log:
            self.process = subprocess.Popen([self.fovea, "run", self.toml, *options], stdout=log, stderr=log)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if not self.running():
            return
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        # One that was started a moment ago and has said nothing may not know of signals yet.
        if status == -signal.SIGTERM and self.log.stat().st_size == self.said_before:
            return
        if status != 0:
            raise AssertionError(f"{self.name} ended with exit status {status}")

    def metrics(self):
        """By (name, labels); empty while it does not answer."""
        said = self.log.read_text(encoding="utf8", errors="replace")[self.said_before:]
        found = re.search(r"metrics at http://([0-9.:]+)/metrics", said)
        if not found:
            return {}
        try:
            with urllib.request.urlopen(f"http://{found.group(1)}/metrics", timeout=5) as answer:
                text = answer.read().decode("utf8")
        except (urllib.error.URLError, OSError):
            return {}
        lines = re.findall(r"^(\w+)(\{[^}]*\})? ([0-9.e+-]+)$", text, re.M)
        return {(name, labels): float(value) for name, labels, value in lines}


class Torture:
    def __init__(self, options, directory, broker):
        self.options, self.directory, self.broker = options, directory, broker
        self.random = random.Random(options.seed)
        self.kills = self.changes = self.producers = 0
        make = lambda name: Member(options.fovea, directory, name, broker, options.delivery)
        self.members = [make("a"), make("b"), make("c")]
        self.producer_log = directory / "produce.log"
        self.began = time.monotonic()

    def say(self, line):
        print(f"{time.monotonic() - self.began:6.1f} s  {line}", flush=True)

    def wait(self, least, most):
        time.sleep(self.random.uniform(least, most))

    def run(self):
        created = sh(self.options.fovea, "topics", "create", self.members[0].toml)
        assert created.returncode == 0, created.stderr
        self.start_producer()
        for member in self.members[:2]:
            member.start()
        self.wait(3, 4)
        while self.kills < self.options.kills:
            self.look_for_room()
            self.hurt()
            self.wait(1, 4)
            self.keep_producing()
        self.broker.heal(self)
        self.revive()
        self.keep_producing()
        self.producer.send_signal(signal.SIGINT)
        assert self.producer.wait(timeout=90) == 0, self.producer_log.read_text(encoding="utf8")
        self.rest()

    def look_for_room(self):
        """Brokers and stores end on a full disk, rightly; what is left then proves nothing of the kills."""
        free = shutil.disk_usage(self.directory).free
        assert free > LEAST_FREE, f"{free >> 20} MiB are left on the disk of {self.directory}, {LEAST_FREE >> 20} are needed"

    def start_producer(self):
        """Of a world of its own."""
        self.producers += 1
        with self.producer_log.open("w", encoding="utf8") as log:
            self.producer = subprocess.Popen(
                [self.options.fovea, "produce", self.members[0].toml, "--demo", "--rate", str(self.options.rate),
                 "--seed", str(self.producers)], stdout=log, stderr=log)

    def keep_producing(self):
        if self.producer.poll() is None:
            return
        said = self.producer_log.read_text(encoding="utf8")
        # librdkafka before 2.3 (its #4438): fatal to a producer whose leader went away at the wrong moment.
        assert self.broker.count > 1 and "sequence" in said.splitlines()[-1], said
        self.say("the producer's client is lost, another begins")
        self.start_producer()

    def hurt(self):
        self.revive_some()
        one = self.random.choice([member for member in self.members if member.running()])
        if self.broker.hurt(self):
            return
        if self.random.random() < 0.15 and sum(member.running() for member in self.members) > 1:
            one.stop()
            self.changes += 1
            self.say(f"{one.name} left")
        else:
            one.kill()
            self.kills += 1
            self.say(f"{one.name} killed, {self.kills} of {self.options.kills}")
            # Now and then for longer than its session: somebody else takes over.
            if self.random.random() < 0.7:
                self.wait(0, 0.5)
                one.start()

    def revive_some(self):
        for member in self.members:
            if not member.running() and self.random.random() < 0.3:
                member.start()
                self.changes += 1
                self.say(f"{member.name} joined")
        if not any(member.running() for member in self.members):
            self.members[0].start()

    def revive(self):
        for member in self.members:
            if not member.running():
                member.start()
        # Told to stop before that, a process has not got to its own answer to the signal.
        for member in self.members:
            while member.running() and not member.metrics():
                time.sleep(0.1)

    def rest(self):
        """Until one process has everything and nothing is left to do."""
        for member in self.members[1:]:
            member.stop()
        keeper = self.members[0]
        deadline = time.monotonic() + REST_WITHIN_S
        quiet = 0
        while quiet < 3:
            assert keeper.running(), f"{keeper.name} has ended"
            assert time.monotonic() < deadline, f"no rest within {REST_WITHIN_S} s"
            time.sleep(0.5)
            lags = {labels: value for (name, labels), value in keeper.metrics().items()
                    if name == "fovea_input_lag_records"}
            events = [labels for labels in lags if "torture.events" in labels]
            quiet = quiet + 1 if len(events) == PARTITIONS and not any(lags.values()) else 0
        self.say("everything is processed")
        keeper.stop()

    def check(self):
        config = self.directory / "config.toml"
        profiles = self.directory / "profiles.ndjson"
        keeper = self.members[0].toml
        config.write_text(sh(self.options.fovea, "run", keeper, "--print-config").stdout, encoding="utf8")
        profiles.write_text(sh(self.options.fovea, "profile", "export", keeper).stdout, encoding="utf8")
        dumped = sh(SCRIPTS / "dump_topics.sh", self.broker.address, config, self.directory / "dumps")
        assert dumped.returncode == 0, dumped.stderr
        line = ["python3", SCRIPTS / "check_run.py", "--config", config, "--dumps", self.directory / "dumps",
                "--profiles", profiles]
        checked = sh(*line, *([] if self.options.delivery == "exactly_once" else ["--restarts"]))
        print(f"seed {self.options.seed}, {self.options.delivery}: {self.kills} kills, {self.broker.report()}, "
              f"{self.changes} changes of members, {self.producers} producers in {time.monotonic() - self.began:.0f} s")
        print(checked.stdout + checked.stderr, end="")
        return checked.returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fovea")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rate", type=int, default=300, help="events a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--delivery", choices=["exactly_once", "at_least_once"], default="exactly_once")
    parser.add_argument("--brokers", type=int, choices=[1, 3], default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fovea-torture-") as scratch:
        directory = pathlib.Path(scratch)
        broker = (Brokers if options.brokers == 3 else Broker)(directory / "broker")
        started = broker.start()
        if started.returncode != 0:
            print(f"torture: NOT RUN: no Kafka broker: {started.stdout}{started.stderr}", file=sys.stderr)
            return 1 if os.environ.get("CI") == "true" else 77
        torture = Torture(options, directory, broker)
        try:
            torture.run()
            status = torture.check()
        except BaseException:
            for member in torture.members:
                if member.log.exists():
                    print(f"--- {member.name}\n" + "\n".join(member.log.read_text(encoding="utf8", errors="replace").splitlines()[-40:]))
            raise
        finally:
            for member in torture.members:
                if member.running():
                    member.kill()
            broker.stop()
        return status


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The whole pipeline from file to file, against reading and checking the same events.

    pipeline_bench.py FOVEA TOPOLOGY [EVENTS [RUNS]]

A log of a fixed seed over 10,000 items is generated. Then, in turns so that what else the machine
does falls on both alike: `fovea replay` of it, and `fovea validate` of it, which decodes every
record and does nothing with it. CPU time of all threads. Fails where two replays differ.
"""

import hashlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

SEED, ITEMS, USERS = 7, 10_000, 5_000


def cpu_seconds(command):
    """CPU time that the command takes, user and system."""
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def main(fovea, topology, events=100_000, runs=9):
    with tempfile.TemporaryDirectory() as folder:
        log, catalogue, out = (str(pathlib.Path(folder, name)) for name in ("e", "i", "o"))
        cpu_seconds([fovea, "generate", "--seed", str(SEED), "--items", str(ITEMS), "--users", str(USERS),
                     "--events", str(events), "--out", log, "--items-out", catalogue])
        inputs = [topology, "--events", log, "--items", catalogue]
        replays, checks, digests = [], [], set()
        for _ in range(runs):
            replays.append(cpu_seconds([fovea, "replay", *inputs, "--out", out]))
            checks.append(cpu_seconds([fovea, "validate", *inputs]))
            digests.add(hashlib.sha256(pathlib.Path(out).read_bytes()).hexdigest())
        lines = pathlib.Path(out).read_bytes().count(b"\n")
    if len(digests) != 1 or lines == 0:
        sys.exit(f"{lines} recommendations, {len(digests)} different outputs of {runs} replays")

    print("| events | recommendations | replay, CPU us an event, median | MAD | validate, us an event "
          "| replay / validate | events/s a core |")
    print("|---|---|---|---|---|---|---|")
    middle, other = statistics.median(replays), statistics.median(checks)
    spread = statistics.median(abs(time - middle) for time in replays)
    ratio = statistics.median(a / b for a, b in zip(replays, checks)) if min(checks) > 0 else 0
    print(f"| {events} | {lines} | {middle / events * 1e6:.1f} | {spread / events * 1e6:.1f} "
          f"| {other / events * 1e6:.2f} | {ratio:.0f} | {events / middle:.0f} |")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))

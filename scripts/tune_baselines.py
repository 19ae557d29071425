#!/usr/bin/env python3
"""Tries each baseline of `fovea evaluate` with a small grid of parameters on one log.

    tune_baselines.py topologies/video.toml --events data/events.ndjson --every 5

One pass ranks every setting on the same events; the model's own parts are switched off where they
can be, so that only the baselines cost time. Prints a table, best first within a kind. The choice is
made with sight of all scored events, which favours the baselines. Standard library only.
"""
import argparse
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]

# kind -> lists of parameters; each list is a grid of its own.
GRID = {
    "popularity": [{"half_life": [0, 8, 1, 0.5, 0.125, 0.03, 0.01]}],
    "transitions": [{"lags": [1, 5, 10], "asked": [1, 5, 10], "forgetting": [0, 0.02, 0.05]}],
    "item-cosine": [{"last": [1, 5, 20], "damping": [5, 50]}, {"last": [5], "decay": [1, 2], "damping": [20]}],
    "vsknn": [{"last": [2, 10], "neighbours": [100, 500], "reach": [5, 20]}],
    "stan": [{"item_decay": [0.3, 1, 3], "recency": [0, 1, 5], "position_decay": [1, 4]},
             {"neighbours": [100, 2000], "sample": [2000]}],
    "isgd": [{"rate": [0.02, 0.05, 0.2], "steps": [1, 5]}],
    "bpr": [{"rate": [0.02, 0.05, 0.2], "steps": [5, 20]}],
    "recently-viewed": [{}],
    "count-blend": [{"half_life": [1, 0.3, 0.1], "lags": [5, 10], "forgetting": [0.02, 0.05]}, {"epsilon": [5e-4]}],
}


def specs(kinds, leave_out_seen):
    for kind in kinds:
        for grid in GRID[kind]:
            for values in itertools.product(*grid.values()):
                text = ":".join([kind, *(f"{name}={value}" for name, value in zip(grid, values))])
                yield text
                if leave_out_seen:
                    yield text + ":seen=0"


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topology", metavar="TOPOLOGY.toml")
    parser.add_argument("--events", required=True, metavar="FILE")
    parser.add_argument("--every", default="1", metavar="K")
    parser.add_argument("--limit", metavar="N")
    parser.add_argument("--kinds", default=",".join(GRID), metavar="KIND,...")
    parser.add_argument("--leave-out-seen", action="store_true",
                        help="each setting also with what the user has had left out")
    parser.add_argument("--best", type=int, default=1000, metavar="N", help="rows a kind")
    parser.add_argument("--fovea", default=os.environ.get(
        "FOVEA", str(ROOT / "build/release/topologies/fovea")), metavar="BINARY")
    return parser.parse_args()


def main():
    options = arguments()
    kinds = options.kinds.split(",")
    unknown = [kind for kind in kinds if kind not in GRID]
    if unknown:
        raise SystemExit(f"tune_baselines.py: no grid for {', '.join(unknown)}; for {', '.join(GRID)}")
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "figures.json")
        command = [options.fovea, "evaluate", options.topology, "--events", options.events,
                   "--every", options.every, "--json", str(out),
                   "--baselines", ",".join(specs(kinds, options.leave_out_seen))]
        for part in ("learning", "attention", "pairs", "neighbours"):
            command += ["--without", part]
        if options.limit:
            command += ["--limit", options.limit]
        run = subprocess.run(command, stdout=subprocess.DEVNULL)
        if run.returncode:
            return run.returncode
        figures = json.loads(out.read_text(encoding="utf8"))
    for kind in kinds:
        of_kind = [one for one in figures["baselines"] if one["name"].split(":")[0] == kind]
        of_kind.sort(key=lambda one: -one["ndcg_10"]["value"])
        for one in of_kind[:options.best]:
            print(f"{one['ndcg_10']['value']:.4f} ({one['ndcg_10']['error']:.4f})  "
                  f"HR@10 {one['hr_10']['value']:.4f}  {one['learning_us']:6.1f} {one['scoring_us']:7.1f} us  {one['name']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

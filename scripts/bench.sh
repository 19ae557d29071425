#!/usr/bin/env bash
# Measures: tests/perf, nine times each, on one core; a table to paste into tests/perf/RESULTS.md.
#
#   scripts/bench.sh [REGEX]      all benchmarks, the pipeline, the pipeline through a broker, what
#                                 follows a kill; or those benchmarks whose name matches
#
# CPU time, not wall time: other work on the machine then shows in the spread and less in the median.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
scripts/install.sh --for test
cmake --preset release >/dev/null
cmake --build --preset release --target scorer_bench codecs_bench fovea >&2

pin=()
command -v taskset >/dev/null && pin=(taskset -c "$(($(nproc) - 1))")
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for bench in scorer codecs; do
  "${pin[@]}" build/release/tests/perf/${bench}_bench --benchmark_filter="${1:-.}" \
    --benchmark_repetitions=9 --benchmark_min_time=0.1 --benchmark_out="$out/$bench.json" \
    --benchmark_out_format=json >&2
done

cpu=$(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)
printf '%s, %s cores, %s MiB; Linux %s; %s; load %s\n\n' "$cpu" "$(nproc)" \
  "$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" "$(uname -r)" \
  "$(c++ --version | head -1)" "$(cut -d' ' -f1 /proc/loadavg)"
python3 - "$out"/*.json <<'PYTHON'
import json
import statistics
import sys

runs, last = {}, {}
for path in sys.argv[1:]:
    with open(path, encoding="utf8") as file:
        for run in json.load(file)["benchmarks"]:
            if run["run_type"] == "iteration":
                scale = {"ns": 1e-3, "us": 1, "ms": 1e3}[run["time_unit"]]
                runs.setdefault(run["name"], []).append(run["cpu_time"] * scale)
                last[run["name"]] = run

print("| benchmark | CPU, us, median | MAD | against its reference | of the memory bound |")
print("|---|---|---|---|---|")
for name, times in runs.items():
    middle = statistics.median(times)
    spread = statistics.median(abs(time - middle) for time in times)
    head, _, size = name.partition("/")
    other = runs.get(head + "Reference" + ("/" + size if size else ""))
    ratio = f"{middle / statistics.median(other):.2f}" if other else ""
    bound = last[name].get("of_memory_bound")
    print(f"| {name} | {middle:.3f} | {spread:.3f} | {ratio} | {f'{bound:.0%}' if bound else ''} |")
PYTHON

[[ -n ${1:-} ]] && exit 0
echo
"${pin[@]}" python3 tests/perf/pipeline_bench.py build/release/topologies/fovea topologies/product.toml

echo
if scripts/kafka.sh start --dir "$out/kafka" >&2; then
  python3 tests/perf/broker_bench.py build/release/topologies/fovea "$out/kafka/bootstrap"
  echo
  python3 tests/perf/recovery_bench.py build/release/topologies/fovea "$out/kafka/bootstrap"
  scripts/kafka.sh kill --dir "$out/kafka" >&2
else
  echo "bench.sh: NOT RUN: the pipeline through a broker, no Kafka is to be had" >&2
fi

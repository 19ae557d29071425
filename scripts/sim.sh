#!/usr/bin/env bash
# The simulation (tests/sim): fovea over a simulated cluster, disk and clock, from one seed.
#
#   scripts/sim.sh [COUNT [FIRST]]    so many seeds, 2000, on every core; stops at one that fails
#   scripts/sim.sh --seed SEED        one seed, with what its processes log
#   scripts/sim.sh --shrink SEED      one that fails, with fewer faults and fewer turns
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

scripts/install.sh --for test
log=$(mktemp)
trap 'rm -f "$log"' EXIT
{ cmake --preset release && cmake --build --preset release --target sim_run_seeds; } >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
program=build/release/tests/sim/sim_run_seeds
[[ ${1:-} == --* ]] && exec "$program" "$@"

count=${1:-2000}
first=${2:-1}
parts=$(nproc)
each=$(((count + parts - 1) / parts))
for ((part = 0; part < parts; ++part)); do echo "$((first + part * each)) $each"; done |
  xargs -P "$parts" -L 1 "$program"

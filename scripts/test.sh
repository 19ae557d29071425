#!/usr/bin/env bash
# Packages, build, every test: what CI runs. Ends with CTest's summary.
#
#   scripts/test.sh           everything, with a real Kafka broker
#   scripts/test.sh --fast    for every commit: without a broker's tests and the many seeds
#   scripts/test.sh -R NAME   any option of ctest is passed on
set -euo pipefail
cd "$(dirname "$0")/.."

select=()
while (($#)); do
  case $1 in
    --fast) select+=(-LE 'integration|seeds') ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) select+=("$1") ;;
  esac
  shift
done

# A compiler takes up to 1.5 GB here; a machine with many cores and little memory takes fewer at once.
jobs=$(nproc)
memory_jobs=$(awk '/MemTotal/ { print int($2 / 1500000) + 1 }' /proc/meminfo)
((jobs <= memory_jobs)) || jobs=$memory_jobs
stage() { printf '== %s (%d s)\n' "$1" "$SECONDS"; }

stage "packages"
scripts/install.sh --for test
stage "configure"
cmake --preset release
stage "build"
cmake --build --preset release -j "$jobs"
stage "test"
run_tests() { ctest --preset release -j "$jobs" --no-tests=error "${select[@]}"; }
# A terminal sees every test as it ends; a file or a pipe gets what did not pass, and the summary.
if [[ -t 1 ]]; then
  run_tests
else
  run_tests | grep --line-buffered -vE '^ *Start +[0-9]+: | Passed +[0-9.]+ sec$'
fi

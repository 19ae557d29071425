#!/usr/bin/env bash
# fovea under load against a real Kafka broker, processes and broker killed at random; what is left
# is proved complete and free of repeats from the topics alone. Ends with its report.
#
#   scripts/torture.sh                                  20 kills, about two minutes
#   scripts/torture.sh --kills 700 --seed 3             an hour
#   scripts/torture.sh --delivery at_least_once         state exact, outputs may repeat
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

scripts/install.sh --for test
cmake --preset release >/dev/null
cmake --build --preset release --target fovea >&2
exec python3 tests/integration/torture.py build/release/topologies/fovea "$@"

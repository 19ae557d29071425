#!/usr/bin/env bash
# fovea under load against a real Kafka broker, processes and broker killed at random; what is left
# is proved complete and free of repeats from the topics alone. Ends with its report.
#
#   scripts/torture.sh                                  20 kills, about two minutes
#   scripts/torture.sh --kills 700 --seed 3             an hour
#   scripts/torture.sh --delivery at_least_once         state exact, outputs may repeat
#   scripts/torture.sh --brokers 3                      each in turn killed or cut off; as root, or where
#                                                       the kernel lets users have a network of their own;
#                                                       an hour of it takes 27 GB of disk; its proof, by
#                                                       what a short one takes, 9 GB of memory
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

scripts/install.sh --for test
cmake --preset release >/dev/null
cmake --build --preset release --target fovea >&2
run=(python3 tests/integration/torture.py build/release/topologies/fovea "$@")
[[ " $* " == *" --brokers"[\ =]"3 "* ]] || exec "${run[@]}"

# What is made there to be cut, and whoever runs there, is gone with the last process.
apart=(unshare --net --mount --pid --fork --kill-child --mount-proc)
((EUID == 0)) || apart+=(--user --map-root-user)
"${apart[@]}" true 2>/dev/null || {
  echo "torture.sh: --brokers 3 cuts them off in a network of its own: be root, or allow users namespaces" >&2
  exit 1
}
# From in there Maven's registry is out of reach.
scripts/kafka.sh fetch
"${apart[@]}" bash -c 'mount -t tmpfs tmpfs /run && ip link set lo up && "$@"' - "${run[@]}"

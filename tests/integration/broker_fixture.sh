#!/usr/bin/env bash
# The broker that the integration tests share: broker_fixture.sh start|stop DIR
#
# Where none can be had the tests are skipped, and this says which and why; in CI it is a failure.
set -uo pipefail

kafka=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/scripts/kafka.sh
command=$1
dir=$2

if [[ -n ${FOVEA_TEST_BROKER:-} ]]; then
  echo "using the broker at $FOVEA_TEST_BROKER"
  exit 0
fi
if [[ $command == stop ]]; then
  "$kafka" kill --dir "$dir"
  rm -rf "$dir"
  exit 0
fi

# What a run that was cut short left behind.
"$kafka" kill --dir "$dir" >/dev/null
rm -rf "$dir"
"$kafka" start --dir "$dir" && exit 0

rm -rf "$dir"
echo "NOT RUN: every test of tests/integration that needs a real Kafka broker."
echo "Give one with FOVEA_TEST_BROKER=host:port, or install Java 17 and Maven."
[[ ${CI:-} == true ]] && exit 1
exit 77

#!/usr/bin/env bash
# docker-compose.yml as people run it: up, slates read through the published port, containers
# restarted and killed, everything accounted for, down.
#
#   tests/compose/run.sh           exit status 0 passed, 1 failed, 3 not run: no Docker engine here
#
# FOVEA_COMPOSE_DUMPS   keep the topic dumps in this directory
set -euo pipefail
cd "$(dirname "$0")/../.."

project=fovea-compose-test
topology=video
work=$(mktemp -d)
dumps=${FOVEA_COMPOSE_DUMPS:-$work/dumps}
mkdir -p "$dumps"
failed_at="finding an engine"
begun=$SECONDS
report=()

stage() {
  failed_at=$1
  stage_begun=$SECONDS
  echo "compose: $1" >&2
}
passed() { report+=("$(printf '%4d s  %s' $((SECONDS - stage_begun)) "$failed_at${1:+: $1}")"); }

compose() { $COMPOSE -p "$project" "$@"; }
container() { compose ps -q "$1"; }
kafka_tool() { docker exec "$(container kafka)" "/opt/kafka/bin/$1" --bootstrap-server localhost:19092 "${@:2}"; }

finish() {
  local status=$?
  trap - EXIT INT TERM
  if ((status != 0 && status != 3)); then
    echo "compose: FAILED while $failed_at" >&2
    if [[ -n ${COMPOSE:-} ]]; then
      compose ps >&2 || true
      compose logs --tail 40 >&2 || true
    fi
  fi
  [[ -z ${COMPOSE:-} ]] || compose down --volumes --remove-orphans >/dev/null 2>&1 || true
  .ci/docker.sh down || true
  rm -rf "$work"
  ((${#report[@]} == 0)) || printf '%s\n' "${report[@]}"
  case $status in
    0) echo "compose: passed in $((SECONDS - begun)) s" ;;
    3) printf '%s\n' "**" "** compose: NOT RUN: docker-compose.yml was not brought up, no Docker engine is to be had here." "**" ;;
    *) echo "compose: failed after $((SECONDS - begun)) s" ;;
  esac
  exit "$status"
}
trap finish EXIT
trap 'exit 1' INT TERM

# Waits until the container of service $1 is healthy, at most $2 seconds.
wait_healthy() {
  local deadline=$((SECONDS + $2)) state=
  while ((SECONDS < deadline)); do
    state=$(docker inspect -f '{{.State.Health.Status}}' "$(container "$1")" 2>/dev/null || true)
    [[ $state == healthy ]] && return
    sleep 0.5
  done
  echo "compose: $1 is ${state:-not there} after $2 s" >&2
  return 1
}

# Reads $1 slates written from now on, through the published port, and checks each by itself.
new_slates() {
  local deadline=$((SECONDS + $2))
  # The very first events are answered before the model knows an item: those slates are empty.
  while
    timeout "$2" kcat -b "localhost:$port" -X topic.metadata.refresh.interval.ms=500 -C -q -J \
      -t "$topology.recommendations" -o end -c "$1" >"$work/slates" ||
      { echo "compose: fewer than $1 new slates within $2 s" >&2; return 1; }
    ! grep -q rank "$work/slates" && ((SECONDS < deadline))
  do :; done
  python3 tests/compose/check_slates.py slates "$work/slates"
}

stage "finding an engine"
settings=$(.ci/docker.sh up)
eval "$settings"
passed "$(docker version -f '{{.Server.Version}}'), $($COMPOSE version --short)"

# A published port may be taken on this machine; then any other does.
port_or_other() {
  if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
  else
    echo "$1"
  fi
}
port=$(port_or_other 9092)
metrics_port=$(port_or_other 9464)
export FOVEA_KAFKA_PORT=$port FOVEA_METRICS_PORT=$metrics_port
compose down --volumes --remove-orphans >/dev/null 2>&1 || true

stage "getting the public images"
for name in debian:trixie-slim "$(awk '$1 == "image:" && $2 ~ /kafka/ { print $2 }' docker-compose.yml)"; do
  .ci/docker.sh image "$name"
done
passed

stage "building fovea's image"
compose build >"$work/build.log" 2>&1 || { tail -60 "$work/build.log" >&2; exit 1; }
passed "$(docker image inspect -f '{{.Size}}' fovea | awk '{ printf "%.0f MB", $1 / 1e6 }')"

stage "running the unit tests on its compiler and libraries"
$COMPOSE -p "$project-image" -f tests/compose/unit_tests.yml build --progress plain >"$work/test.log" 2>&1 ||
  { grep -A 40 '\*\*\*' "$work/test.log" >&2 || true; tail -30 "$work/test.log" >&2; exit 1; }
passed "$(grep -o '[0-9]* tests failed out of [0-9]*' "$work/test.log" || echo "unchanged since they passed")"

stage "bringing everything up"
if [[ $COMPOSE == docker-compose ]]; then
  compose up -d >"$work/up.log" 2>&1 || { cat "$work/up.log" >&2; exit 1; }
else
  compose up -d --wait --wait-timeout 120 >"$work/up.log" 2>&1 || { cat "$work/up.log" >&2; exit 1; }
fi
for service in kafka fovea; do wait_healthy "$service" 60; done
passed "healthy"

stage "reading slates through localhost:$port"
said=$(new_slates 20 60)
passed "$said"

stage "reading metrics through localhost:$metrics_port"
python3 tests/compose/check_slates.py metrics "http://localhost:$metrics_port" >"$work/metrics"
passed "$(cat "$work/metrics")"

stage "restarting fovea"
compose restart fovea >/dev/null 2>&1
wait_healthy fovea 60
said=$(new_slates 20 60)
passed "$said"

stage "restarting Kafka under it"
compose restart kafka >/dev/null 2>&1
wait_healthy kafka 90
said=$(new_slates 20 90)
passed "$said"

stage "killing fovea"
docker kill --signal KILL "$(container fovea)" >/dev/null
compose up -d fovea >/dev/null 2>&1
wait_healthy fovea 60
said=$(new_slates 20 60)
passed "$said"

stage "letting it finish"
compose stop producer >/dev/null 2>&1
lag=unknown
for _ in $(seq 60); do
  lag=$(kafka_tool kafka-consumer-groups.sh --describe --group "$topology" 2>/dev/null |
    awk 'NR > 1 && $6 ~ /^[0-9]+$/ { lag += $6; rows++ } END { print rows ? lag : "unknown" }')
  [[ $lag == 0 ]] && break
  sleep 0.5
done
[[ $lag == 0 ]] || { echo "compose: the group still lags $lag events behind" >&2; exit 1; }
id=$(container fovea)
compose stop fovea >/dev/null 2>&1
code=$(docker inspect -f '{{.State.ExitCode}}' "$id")
[[ $code == 0 ]] || { echo "compose: fovea ended with exit status $code when stopped" >&2; exit 1; }
passed "no lag, exit status 0"

stage "accounting for every event"
# Stopped, its volume is read by a second container of the same service.
fovea() { compose run --rm --no-deps -T fovea "$@" 2>"$work/said" || { cat "$work/said" >&2; return 1; }; }
fovea run "/etc/fovea/$topology.toml" --print-config >"$dumps/config.toml"
fovea profile export "/etc/fovea/$topology.toml" >"$dumps/profiles.ndjson"
scripts/dump_topics.sh "localhost:$port" "$dumps/config.toml" "$dumps" >&2
said=$(python3 tests/compose/check_slates.py account "topologies/$topology.toml" \
  "$dumps/$topology.events.jsonl" "$dumps/$topology.recommendations.jsonl" "$dumps/$topology.dead-letter.jsonl")
passed "$said"

stage "checking the whole run"
python3 scripts/check_run.py --config "$dumps/config.toml" --dumps "$dumps" \
  --profiles "$dumps/profiles.ndjson" >&2
passed "check_run.py agrees with profiles, changelog, learning log and slates"

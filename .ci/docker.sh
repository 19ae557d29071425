#!/usr/bin/env bash
# A Docker engine, compose and images for tests/compose, also on a machine that has none of them.
#
#   eval "$(.ci/docker.sh up)"   finds or starts an engine; prints DOCKER_HOST and COMPOSE to use
#   .ci/docker.sh image NAME     makes sure that the engine has one of the images named below
#   .ci/docker.sh down           stops the engine that `up` started, and no other
#
# Images are pulled. Where no registry answers, an engine that `up` started (never somebody's own)
# gets stand-ins under the same public names: the base image from Debian's package archive by
# debootstrap, Kafka's from the jars of its release. Exit status 3: no engine is to be had here.
#
# Everything is kept below ~/.cache/fovea/docker, so that a second run finds images and layers made.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}
dir=$cache/docker
socket=unix://$dir/docker.sock
compose_module=github.com/docker/compose/v2/cmd@v2.29.7

say() { echo "docker.sh: $*" >&2; }
no_engine() { say "$*"; exit 3; }
answers() { DOCKER_HOST=$1 timeout 20 docker info >/dev/null 2>&1; }

# The engine in force: ours when its socket answers, else what the docker client finds by itself.
engine() {
  if [[ -S $dir/docker.sock ]] && answers "$socket"; then
    echo "$socket"
  elif command -v docker >/dev/null && answers "${DOCKER_HOST:-}"; then
    echo "${DOCKER_HOST:-}"
  else
    return 1
  fi
}

start_engine() {
  ((EUID == 0)) || no_engine "no Docker engine answers, and starting one takes root"
  command -v apt-get >/dev/null || no_engine "no Docker engine answers, and there is no apt-get to install one"
  "$here/../scripts/install.sh" --for compose || no_engine "no Docker engine could be installed"
  command -v dockerd >/dev/null || no_engine "docker.io brought no dockerd"
  mkdir -p "$dir"
  rm -f "$dir/pid" "$dir/docker.sock"
  # A session of its own, and nobody's pipe held open: the engine outlives this script.
  setsid dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" \
    -H "$socket" </dev/null >"$dir/log" 2>&1 &
  local child=$!
  disown
  for _ in $(seq 120); do
    answers "$socket" && return
    [[ -d /proc/$child ]] || break
    sleep 0.5
  done
  grep -E 'level=(error|fatal)|^failed' "$dir/log" | tail -5 >&2
  stop_engine
  no_engine "dockerd does not come up here; its log is $dir/log"
}

stop_engine() {
  [[ -s $dir/pid ]] || return 0
  local pid
  pid=$(<"$dir/pid")
  # Numbers are used again: only the process that runs on our directory is ours.
  if [[ -r /proc/$pid/cmdline ]] && tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qxF "$dir/data"; then
    # Layers are kept for the next run, but not those of every run there ever was.
    DOCKER_HOST=$socket timeout 60 docker image prune -f >/dev/null 2>&1 || say "images were not pruned"
    DOCKER_HOST=$socket timeout 60 docker builder prune -f --keep-storage 4GB >/dev/null 2>&1 || say "layers were not pruned"
    kill "$pid"
    for _ in $(seq 300); do
      [[ -d /proc/$pid ]] || break
      sleep 0.1
    done
    [[ -d /proc/$pid ]] && kill -KILL "$pid"
  fi
  rm -f "$dir/pid" "$dir/docker.sock"
}

# Compose 2 as people have it; 1.29 where nothing newer is to be had.
find_compose() {
  export DOCKER_CONFIG=${DOCKER_CONFIG:-$HOME/.docker}
  docker compose version >/dev/null 2>&1 && { echo "docker compose"; return; }
  local plugins=$dir/client/cli-plugins candidate
  if [[ -x $plugins/docker-compose ]]; then
    echo "docker --config $dir/client compose"
    return
  fi
  if ((EUID == 0)) && command -v apt-get >/dev/null; then
    for candidate in docker-compose-v2 docker-compose; do
      if apt-cache policy "$candidate" 2>/dev/null | grep -qE 'Candidate: (2|[3-9])'; then
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$candidate" >&2 </dev/null
        echo "docker compose"
        return
      fi
    done
  fi
  if command -v go >/dev/null; then
    say "building docker compose 2 (minutes, once)"
    local work
    work=$(mktemp -d)
    if GOBIN=$work go install "$compose_module" 2>"$work/log"; then
      mkdir -p "$plugins"
      mv "$work/cmd" "$plugins/docker-compose"
      rm -rf "$work"
      echo "docker --config $dir/client compose"
      return
    fi
    tail -3 "$work/log" >&2
    rm -rf "$work"
  fi
  if ! command -v docker-compose >/dev/null && ((EUID == 0)); then
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker-compose >&2 </dev/null
  fi
  command -v docker-compose >/dev/null || no_engine "no docker compose is to be had here"
  echo "docker-compose"
}

# The archives that apt itself uses, as lines of a sources.list for release $1.
debian_sources() {
  local host_release uri release
  host_release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  targets() { apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Identifier: Packages' 'Origin: Debian' | sort -u; }
  [[ -n $(targets) ]] || apt-get update -qq >&2
  targets | while read -r uri release; do
    echo "deb $uri ${release/#$host_release/$1} main"
  done | grep -E " $1(-updates|-security)? main$" | sort -u
}

# debian:<release>-slim out of the package archive.
make_debian() {
  local image=$1 release=${1#debian:} sources root
  release=${release%-slim}
  sources=$(debian_sources "$release")
  [[ -n $sources ]] || { say "no Debian archive among apt's sources to make $image from"; return 1; }
  say "making $image from Debian's package archive"
  root=$(mktemp -d "$cache/debian.XXXXXX")
  if ! debootstrap --variant=minbase "$release" "$root" \
      "$(awk -v want="$release" '$3 == want { print $2; exit }' <<<"$sources")" >"$dir/debootstrap.log" 2>&1; then
    tail -3 "$dir/debootstrap.log" >&2
    rm -rf "$root"
    return 1
  fi
  echo "$sources" >"$root/etc/apt/sources.list"
  apt-config dump | grep -E '^Acquire::https?::Proxy' >"$root/etc/apt/apt.conf.d/50proxy" || rm "$root/etc/apt/apt.conf.d/50proxy"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,locale,man}/*
  tar -C "$root" --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' -c . | docker import - "$image" >/dev/null
  rm -rf "$root"
}

# apache/kafka:<version> from the jars of that release.
make_kafka() {
  local image=$1 version=${1#apache/kafka:} jars work
  image debian:trixie-slim
  jars=$cache/kafka-image-$version
  say "making $image from the jars of its release"
  if [[ ! -e $jars/complete ]]; then
    rm -rf "$jars"
    mvn -q -B -f "$here/kafka_image/pom.xml" "-Dkafka=$version" dependency:copy-dependencies \
      -DincludeScope=runtime "-DoutputDirectory=$jars" >"$dir/maven.log" 2>&1 || { tail -5 "$dir/maven.log" >&2; return 1; }
    touch "$jars/complete"
  fi
  work=$(mktemp -d "$cache/context.XXXXXX")
  cp -r "$here/kafka_image/." "$work"
  cp -r "$jars" "$work/libs"
  DOCKER_BUILDKIT=0 docker build -t "$image" "$work" >"$dir/build.log" 2>&1 || { tail -20 "$dir/build.log" >&2; return 1; }
  rm -rf "$work"
}

image() {
  docker image inspect "$1" >/dev/null 2>&1 && return
  timeout 300 docker pull -q "$1" >/dev/null 2>&1 && return
  if [[ $DOCKER_HOST != "$socket" ]]; then
    say "$1 cannot be pulled"
    return 1
  fi
  case $1 in
    debian:*-slim) make_debian "$1" ;;
    apache/kafka:*) make_kafka "$1" ;;
    *) say "$1 cannot be pulled, and nothing here can stand in for it"; return 1 ;;
  esac
}

case ${1:-} in
  up)
    engine >/dev/null || start_engine
    DOCKER_HOST=$(engine)
    export DOCKER_HOST
    compose=$(find_compose)
    printf 'export DOCKER_HOST=%q COMPOSE=%q\n' "$DOCKER_HOST" "$compose"
    ;;
  image)
    DOCKER_HOST=$(engine) || no_engine "no Docker engine answers: .ci/docker.sh up"
    export DOCKER_HOST
    image "${2:?docker.sh: image needs a name}"
    ;;
  down) stop_engine ;;
  *) sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
esac

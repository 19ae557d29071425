#!/usr/bin/env bash
# A real Apache Kafka for tests and trials: one node, KRaft, in a directory of its own.
#
#   scripts/kafka.sh start [--dir D] [--port P] [--install]   prints the bootstrap address
#   scripts/kafka.sh stop|kill|status [--dir D]
#
# start    a free port is chosen once per directory and kept, so that a restart on the same data
#          has the same address; it is written to D/bootstrap.
# kill     kill -9, for tests of what a crash leaves behind.
# --install  as root, installs Java and Maven with apt-get when they are missing.
#
# Environment
#   FOVEA_KAFKA_DIR       default of --dir; else build/kafka-broker of this repository
#   FOVEA_CACHE           where Kafka's jars are kept; else ~/.cache/fovea
#   KAFKA_VERSION         4.1.1
#   KAFKA_HEAP            512m
#   KAFKA_START_TIMEOUT   seconds until a broker that does not answer is given up: 120

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
version=${KAFKA_VERSION:-4.1.1}
cache=${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}
jars=$cache/kafka-$version
dir=${FOVEA_KAFKA_DIR:-$here/build/kafka-broker}
port=
install=no

die() { echo "kafka.sh: $*" >&2; exit 1; }
usage() { sed -n '2,20p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' >&2; exit 2; }

[[ $# -ge 1 ]] || usage
command=$1
shift
while [[ $# -gt 0 ]]; do
  case $1 in
    --dir) [[ $# -ge 2 ]] || usage; dir=$2; shift 2 ;;
    --port) [[ $# -ge 2 ]] || usage; port=$2; shift 2 ;;
    --install) install=yes; shift ;;
    *) usage ;;
  esac
done
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac

java_bin() { if [[ -n ${JAVA_HOME:-} && -x $JAVA_HOME/bin/java ]]; then echo "$JAVA_HOME/bin/java"; else command -v java || true; fi; }

# The pid, if that process is still this directory's broker: numbers are used again.
running_pid() {
  local pid
  [[ -s $dir/pid ]] || return 1
  pid=$(<"$dir/pid")
  [[ -r /proc/$pid/cmdline ]] || return 1
  tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$dir/server.properties" || return 1
  echo "$pid"
}

# Waits until the process is gone, at most $2 seconds.
wait_gone() {
  local tries=$(($2 * 10))
  while [[ -d /proc/$1 ]] && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; do
    ((tries-- > 0)) || return 1
    sleep 0.1
  done
}

free_port() {
  local candidate
  for _ in $(seq 100); do
    # Below the ports that the kernel hands out to clients.
    candidate=$((20000 + RANDOM % 12000))
    [[ $candidate != "${1:-}" ]] || continue
    (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null || { echo "$candidate"; return; }
  done
  die "no free port found between 20000 and 32000"
}

need_java() {
  local java major
  if [[ $install == yes && $(id -u) == 0 ]] && { [[ -z $(java_bin) ]] || ! command -v mvn >/dev/null; }; then
    echo "kafka.sh: installing Java and Maven" >&2
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends default-jre-headless maven; } >&2 ||
      die "apt-get could not install default-jre-headless and maven"
  fi
  java=$(java_bin)
  [[ -n $java ]] || die "no Java found: Kafka $version needs Java 17 or later (apt-get install default-jre-headless, or start --install as root)"
  major=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -1)
  [[ ${major:-0} -ge 17 ]] || die "$java is Java ${major:-unknown}: Kafka $version needs 17 or later"
}

fetch_jars() {
  local work
  [[ -e $jars/complete ]] && return
  command -v mvn >/dev/null ||
    die "no Maven found and $jars is empty: it fetches Kafka $version (apt-get install maven, or start --install as root)"
  mkdir -p "$cache"
  exec 9>"$cache/kafka-$version.lock"
  flock 9
  [[ -e $jars/complete ]] && return
  echo "kafka.sh: fetching Apache Kafka $version with Maven" >&2
  work=$(mktemp -d "$cache/kafka-$version.XXXXXX")
  cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>fovea</groupId><artifactId>kafka-broker</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
POM
  if ! mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
      -DoutputDirectory="$work/jars" >"$work/log" 2>&1; then
    tail -5 "$work/log" >&2
    rm -rf "$work"
    die "Maven could not fetch org.apache.kafka:kafka_2.13:$version: is Maven's registry within reach?"
  fi
  touch "$work/jars/complete"
  rm -rf "$jars"
  mv "$work/jars" "$jars"
  rm -rf "$work"
  exec 9>&-
}

write_properties() {
  local broker_port=$1 controller_port=$2
  cat >"$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:$controller_port
listeners=PLAINTEXT://localhost:$broker_port,CONTROLLER://localhost:$controller_port
advertised.listeners=PLAINTEXT://localhost:$broker_port
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/data
auto.create.topics.enable=false
num.partitions=1
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
# A broker that was killed may come back only when its old session has run out: 9 s by default.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
PROPERTIES
}

start() {
  local pid java deadline
  mkdir -p "$dir"
  # Two starts of one directory: the second finds the first's broker.
  exec 8>"$dir/lock"
  flock 8
  if pid=$(running_pid); then
    cat "$dir/bootstrap"
    return
  fi
  need_java
  fetch_jars
  java=$(java_bin)

  if [[ ! -e $dir/server.properties || ! -e $dir/bootstrap ]]; then
    local broker_port=${port:-$(free_port)}
    write_properties "$broker_port" "$(free_port "$broker_port")"
    echo "localhost:$broker_port" >"$dir/bootstrap"
  elif [[ -n $port && $(<"$dir/bootstrap") != "localhost:$port" ]]; then
    die "$dir already belongs to $(<"$dir/bootstrap"), not to port $port"
  fi
  if [[ ! -e $dir/data/meta.properties ]]; then
    # 16 random bytes in URL-safe base64 is Kafka's form of a cluster id; 'f' keeps it from looking like an option.
    local id
    id=f$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 2-22)
    "$java" -cp "$jars/*" -Xshare:auto -XX:TieredStopAtLevel=1 kafka.tools.StorageTool format \
      -t "$id" -c "$dir/server.properties" >"$dir/format.log" 2>&1 ||
      { tail -5 "$dir/format.log" >&2; die "could not format $dir/data"; }
  fi

  [[ ! -e $dir/server.log ]] || mv "$dir/server.log" "$dir/server.log.1"
  # A session of its own and no inherited descriptors: the broker outlives its caller and keeps nobody's pipe open.
  setsid bash -c 'echo $$ >"$1/pid"; shift; exec "$@"' - "$dir" \
    "$java" -cp "$jars/*" "-Xmx${KAFKA_HEAP:-512m}" -XX:+UseSerialGC \
    -Dorg.slf4j.simpleLogger.showDateTime=true \
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS" \
    kafka.Kafka "$dir/server.properties" \
    </dev/null >"$dir/server.log" 2>&1 8>&- 9>&- &
  disown

  deadline=$((SECONDS + ${KAFKA_START_TIMEOUT:-120}))
  until grep -q 'Kafka Server started' "$dir/server.log" 2>/dev/null; do
    if [[ -s $dir/pid && ! -d /proc/$(<"$dir/pid") ]]; then
      grep -E 'ERROR|FATAL|Exception' "$dir/server.log" | head -5 >&2 || true
      die "the broker ended while starting; its log is $dir/server.log"
    fi
    ((SECONDS < deadline)) || die "no answer from the broker for ${KAFKA_START_TIMEOUT:-120} s; its log is $dir/server.log"
    sleep 0.1
  done
  cat "$dir/bootstrap"
}

stop() {
  local pid
  pid=$(running_pid) || { echo "stopped"; return; }
  kill "-$1" "$pid" 2>/dev/null || true
  if ! wait_gone "$pid" 30; then
    kill -KILL "$pid" 2>/dev/null || true
    wait_gone "$pid" 10 || die "process $pid does not end"
  fi
  rm -f "$dir/pid"
  echo "stopped"
}

case $command in
  start) start ;;
  stop) stop TERM ;;
  kill) stop KILL ;;
  status)
    if pid=$(running_pid); then
      echo "running $(<"$dir/bootstrap") pid $pid"
    else
      echo "stopped"
      exit 1
    fi
    ;;
  *) usage ;;
esac

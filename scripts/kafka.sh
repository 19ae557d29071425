#!/usr/bin/env bash
# A real Apache Kafka for tests and trials: one node, KRaft, in a directory of its own.
#
#   scripts/kafka.sh start [--dir D] [--port P] [--install]   prints the bootstrap address
#   scripts/kafka.sh start [--dir D] --brokers 3 [--apart]    three nodes, in D/1, D/2 and D/3
#   scripts/kafka.sh start|stop|kill|status [--dir D] [--node N]
#   scripts/kafka.sh cut|mend [--dir D] --node N
#   scripts/kafka.sh fetch [--install]
#
# start    a free port is chosen once per directory and kept, so that a restart on the same data
#          has the same address; it is written to D/bootstrap.
# kill     kill -9, for tests of what a crash leaves behind.
# cut      takes the node's cable off: neither the others nor clients reach it, and nobody is told.
# mend     puts it back.
# fetch    Kafka's jars, which the first start fetches otherwise.
# --brokers 3  one quorum, three copies of each partition, two of which must have a record.
# --node N     that node of the three alone.
# --apart      as root: each node in a network namespace of its own, on a bridge, so that it can be cut.
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
brokers=
node=
apart=no
install=no
# Namespaces and cables are called so, and -1, -2, -3. Addresses are of the range for test networks.
bridge=fovea-kafka
subnet=198.18.0

die() { echo "kafka.sh: $*" >&2; exit 1; }
usage() { sed -n '2,26p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' >&2; exit 2; }

[[ $# -ge 1 ]] || usage
command=$1
shift
while [[ $# -gt 0 ]]; do
  case $1 in
    --dir) [[ $# -ge 2 ]] || usage; dir=$2; shift 2 ;;
    --port) [[ $# -ge 2 ]] || usage; port=$2; shift 2 ;;
    --brokers) [[ $# -ge 2 && $2 =~ ^[13]$ ]] || usage; brokers=$2; shift 2 ;;
    --node) [[ $# -ge 2 && $2 =~ ^[123]$ ]] || usage; node=$2; shift 2 ;;
    --apart) apart=yes; shift ;;
    --install) install=yes; shift ;;
    *) usage ;;
  esac
done
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac

java_bin() { if [[ -n ${JAVA_HOME:-} && -x $JAVA_HOME/bin/java ]]; then echo "$JAVA_HOME/bin/java"; else command -v java || true; fi; }

# Sets homes: the directories of the nodes that the command is about, of a single one its own.
find_homes() {
  homes=("$dir")
  if [[ -n $node ]]; then
    [[ -e $dir/$node/server.properties ]] || die "$dir has no node $node"
    homes=("$dir/$node")
  elif [[ -e $dir/1 ]]; then
    homes=("$dir"/[123])
  fi
}

# The pid, if that process is still the broker of directory $1: numbers are used again.
running_pid() {
  local pid
  [[ -s $1/pid ]] || return 1
  pid=$(<"$1/pid")
  [[ -r /proc/$pid/cmdline ]] || return 1
  tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$1/server.properties" || return 1
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

# A free port that is none of those given.
free_port() {
  local candidate
  for _ in $(seq 100); do
    # Below the ports that the kernel hands out to clients.
    candidate=$((20000 + RANDOM % 12000))
    [[ " $* " != *" $candidate "* ]] || continue
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

# Node $1 of a quorum $4, in directory $2 and on the addresses $3.
write_properties() {
  local id=$1 home=$2 addresses=$3 voters=$4 copies=$brokers in_sync=$(((brokers + 1) / 2))
  cat >"$home/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=$id
controller.quorum.voters=$voters
listeners=PLAINTEXT://${addresses% *},CONTROLLER://${addresses#* }
advertised.listeners=PLAINTEXT://${addresses% *}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$home/data
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=$copies
min.insync.replicas=$in_sync
offsets.topic.num.partitions=4
offsets.topic.replication.factor=$copies
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$in_sync
share.coordinator.state.topic.replication.factor=$copies
share.coordinator.state.topic.min.isr=$in_sync
group.initial.rebalance.delay.ms=0
# A broker that was killed may come back only when its old session has run out: 9 s by default.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
PROPERTIES
}

# Chooses the addresses and writes what they are: once, then they belong to the directory.
lay_out() {
  local id host ports=() addresses=() voters='' bootstrap='' home
  : "${brokers:=1}"
  [[ -z $port || $brokers == 1 ]] || die "--port is for one broker"
  [[ $apart == no || $brokers == 3 ]] || die "--apart is for three brokers"
  for id in $(seq "$brokers"); do
    host=localhost
    [[ $apart == no ]] || host=$subnet.$id
    ports+=("${port:-$(free_port "${ports[@]}")}")
    bootstrap+=,$host:${ports[-1]}
    addresses[id]=$host:${ports[-1]}
    ports+=("$(free_port "${ports[@]}")")
    voters+=,$id@$host:${ports[-1]}
    addresses[id]+=" $host:${ports[-1]}"
  done
  for id in $(seq "$brokers"); do
    home=$dir
    [[ $brokers == 1 ]] || home=$dir/$id
    mkdir -p "$home"
    write_properties "$id" "$home" "${addresses[id]}" "${voters#,}"
  done
  # 16 random bytes in URL-safe base64 is Kafka's form of a cluster id; 'f' keeps it from looking like an option.
  echo "f$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 2-22)" >"$dir/cluster"
  echo "${bootstrap#,}" >"$dir/bootstrap"
}

check_layout() {
  local found
  found=$(tr , '\n' <"$dir/bootstrap" | wc -l)
  [[ -z $brokers || $brokers == "$found" ]] || die "$dir already belongs to $found broker(s)"
  [[ -z $port || $(<"$dir/bootstrap") == "localhost:$port" ]] ||
    die "$dir already belongs to $(<"$dir/bootstrap"), not to port $port"
}

is_apart() { [[ -e $dir/bootstrap ]] && grep -qF "$subnet." "$dir/bootstrap"; }

# A bridge, which clients are on, and behind a cable each a namespace a node.
connect_nodes() {
  local id
  command -v ip >/dev/null || die "--apart needs ip (apt-get install iproute2)"
  ! ip link show "$bridge" >/dev/null 2>&1 || return 0
  ip link add "$bridge" type bridge || die "--apart needs root: it makes network namespaces"
  ip addr add "$subnet.254/24" dev "$bridge"
  ip link set "$bridge" up
  for id in 1 2 3; do
    ip netns add "$bridge-$id"
    ip link add "$bridge-$id" type veth peer name eth0 netns "$bridge-$id"
    ip -n "$bridge-$id" addr add "$subnet.$id/24" dev eth0
    ip -n "$bridge-$id" link set eth0 up
    ip -n "$bridge-$id" link set lo up
    ip link set "$bridge-$id" master "$bridge" up
  done
}

disconnect_nodes() {
  local id
  ip link show "$bridge" >/dev/null 2>&1 || return 0
  for id in 1 2 3; do
    # By name, for a namespace may outlive its own.
    ip link del "$bridge-$id"
    ip netns del "$bridge-$id"
  done
  ip link del "$bridge"
}

move_cable() {
  is_apart && [[ -n $node ]] || die "only a node started with --apart has a cable, and --node says which"
  ip link set "$bridge-$node" "$1"
}

format() {
  local home=$1
  [[ ! -e $home/data/meta.properties ]] || return 0
  "$(java_bin)" -cp "$jars/*" -Xshare:auto -XX:TieredStopAtLevel=1 kafka.tools.StorageTool format \
    -t "$(<"$dir/cluster")" -c "$home/server.properties" >"$home/format.log" 2>&1 ||
    { tail -5 "$home/format.log" >&2; die "could not format $home/data"; }
}

launch() {
  local home=$1 inside=()
  ! is_apart || inside=(ip netns exec "$bridge-${home##*/}")
  rm -f "$home/pid"
  [[ ! -e $home/server.log ]] || mv "$home/server.log" "$home/server.log.1"
  # A session of its own and no inherited descriptors: the broker outlives its caller and keeps nobody's pipe open.
  setsid bash -c 'echo $$ >"$1/pid"; shift; exec "$@"' - "$home" "${inside[@]}" \
    "$(java_bin)" -cp "$jars/*" "-Xmx${KAFKA_HEAP:-512m}" -XX:+UseSerialGC \
    -Dorg.slf4j.simpleLogger.showDateTime=true \
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS" \
    kafka.Kafka "$home/server.properties" \
    </dev/null >"$home/server.log" 2>&1 8>&- 9>&- &
  disown
}

await() {
  local home=$1 deadline=$((SECONDS + ${KAFKA_START_TIMEOUT:-120}))
  until grep -q 'Kafka Server started' "$home/server.log" 2>/dev/null; do
    if [[ -s $home/pid && ! -d /proc/$(<"$home/pid") ]]; then
      grep -E 'ERROR|FATAL|Exception' "$home/server.log" | head -5 >&2 || true
      die "the broker ended while starting; its log is $home/server.log"
    fi
    ((SECONDS < deadline)) || die "no answer from the broker for ${KAFKA_START_TIMEOUT:-120} s; its log is $home/server.log"
    sleep 0.1
  done
}

start() {
  local home down=()
  mkdir -p "$dir"
  # Two starts of one directory: the second finds the first's broker.
  exec 8>"$dir/lock"
  flock 8
  if [[ -e $dir/bootstrap ]]; then check_layout; else lay_out; fi
  find_homes
  for home in "${homes[@]}"; do running_pid "$home" >/dev/null || down+=("$home"); done
  if ((${#down[@]})); then
    need_java
    fetch_jars
    ! is_apart || connect_nodes
    for home in "${down[@]}"; do format "$home"; done
    # Together: two of three are needed for any of them to get somewhere.
    for home in "${down[@]}"; do launch "$home"; done
    for home in "${down[@]}"; do await "$home"; done
  fi
  cat "$dir/bootstrap"
}

# Sends signal $1 to the nodes and waits until they are gone.
stop() {
  local home pid
  find_homes
  for home in "${homes[@]}"; do
    pid=$(running_pid "$home") && kill "-$1" "$pid" 2>/dev/null || true
  done
  for home in "${homes[@]}"; do
    if pid=$(running_pid "$home") && ! wait_gone "$pid" 30; then
      kill -KILL "$pid" 2>/dev/null || true
      wait_gone "$pid" 10 || die "process $pid does not end"
    fi
    rm -f "$home/pid"
  done
  if [[ -z $node ]] && is_apart; then disconnect_nodes; fi
  echo "stopped"
}

status() {
  local home pid addresses id=0 all=0
  find_homes
  [[ ! -e $dir/bootstrap ]] || IFS=, read -ra addresses <"$dir/bootstrap"
  for home in "${homes[@]}"; do
    [[ $home == "$dir" ]] || id=$((${home##*/} - 1))
    if pid=$(running_pid "$home"); then
      echo "running ${addresses[id]} pid $pid"
    else
      echo "stopped"
      all=1
    fi
  done
  return $all
}

case $command in
  start) start ;;
  stop) stop TERM ;;
  kill) stop KILL ;;
  cut) move_cable down ;;
  mend) move_cable up ;;
  fetch) need_java; fetch_jars ;;
  status) status ;;
  *) usage ;;
esac

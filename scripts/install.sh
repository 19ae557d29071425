#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that are missing, and nothing else.
#
#   scripts/install.sh --for build     what `cmake --build` needs (the default)
#   scripts/install.sh --for test      that, and what scripts/test.sh needs
#   scripts/install.sh --for check     what scripts/check.sh needs: that of test, clang, its sanitizers
#   scripts/install.sh --for fuzz      what scripts/fuzz.sh needs: that of build, and clang's fuzzer runtime
#   scripts/install.sh --for compose   a Docker engine for tests/compose, where none answers
#   scripts/install.sh --for aarch64   what scripts/aarch64.sh needs: that of build, a cross compiler, qemu-user
#
# With --list, their names and nothing else.
set -euo pipefail

build=(g++ cmake ninja-build pkg-config ccache
  librdkafka-dev librocksdb-dev libeigen3-dev libfmt-dev libsimdjson-dev libtomlplusplus-dev
  libcli11-dev libjs-chart.js libcpp-httplib-dev libspdlog-dev libxxhash-dev libicu-dev zlib1g-dev nlohmann-json3-dev
  libgtest-dev librapidcheck-dev libbenchmark-dev)
# One name, or alternatives in order of preference.
test=(iproute2 kcat maven prometheus curl python3 "openjdk-17-jre-headless|openjdk-21-jre-headless|default-jre-headless")
check=("clang-14" "lld-14" "libclang-rt-14-dev" "clang-format-14" "clang-tidy-14" git)
fuzz=("clang-14|clang" "libclang-rt-14-dev|libclang-rt-dev")
aarch64=(g++-aarch64-linux-gnu "qemu-user-static|qemu-user" dpkg python3)
compose=(docker.io iptables debootstrap kcat python3 maven)

purpose=build
list=false
while (($#)); do
  case $1 in
    --for) purpose=${2:?--for needs build, test, check, fuzz, compose or aarch64}; shift 2 ;;
    --list) list=true; shift ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "install.sh: unknown option $1" >&2; exit 1 ;;
  esac
done
case $purpose in
  build) wanted=("${build[@]}") ;;
  test) wanted=("${build[@]}" "${test[@]}") ;;
  check) wanted=("${build[@]}" "${test[@]}" "${check[@]}") ;;
  fuzz) wanted=("${build[@]}" "${fuzz[@]}") ;;
  compose) wanted=("${compose[@]}") ;;
  aarch64) wanted=("${build[@]}" "${aarch64[@]}") ;;
  *) echo "install.sh: --for is build, test, check, fuzz, compose or aarch64, not $purpose" >&2; exit 1 ;;
esac

if $list; then
  printf '%s\n' "${wanted[@]}"
  exit 0
fi
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  [[ ${FOVEA_SKIP_INSTALL:-} == 1 ]] && exit 0
  cat >&2 <<MSG
install.sh: this machine has no apt-get. fovea builds with the packages of Debian 12, Debian 13 and
Ubuntu; elsewhere, install the equivalents of these and run the same command with
FOVEA_SKIP_INSTALL=1: ${wanted[*]}
MSG
  exit 1
fi

# A line an architecture: any will do.
installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

missing=()
for entry in "${wanted[@]}"; do
  IFS='|' read -ra names <<<"$entry"
  for name in "${names[@]}"; do installed "$name" && continue 2; done
  missing+=("$entry")
done
((${#missing[@]})) || exit 0
if [[ ${FOVEA_SKIP_INSTALL:-} == 1 ]]; then
  echo "install.sh: not installed, as FOVEA_SKIP_INSTALL asks: ${missing[*]}" >&2
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "install.sh: not root and no sudo; have an administrator install: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "packages: ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 "$@" \
    </dev/null >"$log" 2>&1 && return
  cat "$log" >&2
  echo "install.sh: apt-get $1 failed" >&2
  exit 1
}
apt update

# Debian 13's `apt-cache show` is content with a name that others only mention.
available() { LC_ALL=C apt-cache policy "$1" | grep 'Candidate: [^(]' >/dev/null; }

# The first alternative that this release has.
names=()
for entry in "${missing[@]}"; do
  IFS='|' read -ra alternatives <<<"$entry"
  for name in "${alternatives[@]}"; do
    if available "$name"; then
      names+=("$name")
      continue 2
    fi
  done
  names+=("${alternatives[0]}")  # apt-get names it as the one it cannot find
done
apt install -y --no-install-recommends "${names[@]}"

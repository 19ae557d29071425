#!/usr/bin/env bash
# The same on other processors: a cross build for 64-bit ARM, its unit tests under qemu-user, and a
# replay whose bytes must be this machine's: profiles, learning log and the learner's digest.
#
#   scripts/aarch64.sh
#
# On Debian and Ubuntu. The libraries are unpacked into build/aarch64-root: installed beside this
# machine's, some of their development packages would replace them.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
scripts/install.sh --for aarch64

root=$PWD/build/aarch64-root
apt=$PWD/build/aarch64-apt
log=$(mktemp)
work=$(mktemp -d)
trap 'rm -rf "$log" "$work"' EXIT

quietly() { "$@" >"$log" 2>&1 || { tail -60 "$log" >&2; echo "aarch64.sh: failed: $*" >&2; exit 1; }; }

# apt for another machine on which nothing is installed yet: it finds all that a package needs.
arm_apt() {
  apt-get -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root \
    -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" \
    -o Dir::Cache="$apt" -o Dir::Cache::archives="$apt/archives" -o Acquire::Retries=3 "$@"
}

libraries() {
  local wanted=("libstdc++-$(aarch64-linux-gnu-g++ -dumpversion | cut -d. -f1)-dev") package
  for package in $(scripts/install.sh --for build --list); do
    [[ $package == *-dev ]] && wanted+=("$package")
  done
  [[ -f $root.of && $(<"$root.of") == "${wanted[*]}" ]] && return
  rm -rf "$root" "$apt"
  mkdir -p "$root" "$apt"/{lists,archives}/partial
  : >"$apt/status"
  quietly arm_apt update
  quietly arm_apt install -y --no-install-recommends --download-only "${wanted[@]}"
  for package in "$apt"/archives/*.deb; do dpkg -x "$package" "$root"; done
  # A package's CMake files may name its libraries absolutely; nobody looks those up in the root.
  find "$root/usr/lib" -path '*/cmake/*' -name '*.cmake' -exec sed -i "s|\"/usr|\"$root/usr|g" {} +
  rm -rf "$apt"
  echo "${wanted[*]}" >"$root.of"
}

echo "== libraries"
libraries
echo "== build"
jobs=$(nproc)
quietly cmake --preset aarch64
quietly cmake --build --preset aarch64 -j "$jobs"
echo "== unit tests"
# Left out: what needs a broker or does not run the binary; five tests that start a second program of
# this architecture, which qemu-user does not pass on; and two of much arithmetic that others do, too.
ctest --preset aarch64 -j "$jobs" --no-tests=error -O "$log" \
  -LE 'integration|embedded|mutation|scripts|compile_fail|perf|seeds' \
  -E 'RocksDbProfileStore\.(SurvivesAKill|StopsAtAFull|ALostTail|IsRefusedWhile|AReaderBeside)|LearningBeatsPopularity|CorrectsScoresThatPromise' >/dev/null ||
  { tail -60 "$log" >&2; exit 1; }
tail -25 "$log"

echo "== the same log, the same bytes"
quietly cmake --preset release
quietly cmake --build --preset release -j "$jobs" --target fovea
generated=(--users 300 --items 500 --events 20000 --seed 1)
build/release/topologies/fovea generate "${generated[@]}" --out "$work/events" --items-out "$work/items"
replay() {
  "${@:2}" replay topologies/video.toml --events "$work/events" --items "$work/items" \
    --out "$work/slates.$1" --profiles-out "$work/profiles.$1" --learning-log "$work/learning.$1"
}
quietly replay here build/release/topologies/fovea
quietly replay arm qemu-aarch64-static -L "$root" build/aarch64/topologies/fovea
for what in profiles learning; do
  cmp "$work/$what.here" "$work/$what.arm"
  echo "$what: $(wc -c <"$work/$what.arm") bytes, $(sha256sum <"$work/$what.arm" | cut -c1-16), the same"
done
# A slate's matrix-vector product adds in the order that the processor's vectors suggest; of a score
# and of a probability, which has four digits, the last may be another one, of all else nothing.
python3 - "$work/slates.here" "$work/slates.arm" <<'END'
import json, sys

differing = largest = slates = 0


def compare(here, arm, place):
    global differing, largest
    if isinstance(here, float) and isinstance(arm, float):
        if here != arm:
            differing += 1
            largest = max(largest, abs(here - arm))
            limit = 1e-3 * here if place.endswith(".probability") else 2e-5
            if abs(here - arm) > 1.01 * limit:
                sys.exit(f"aarch64.sh: {place}: {here} here, {arm} there")
    elif isinstance(here, dict) and isinstance(arm, dict) and here.keys() == arm.keys():
        for key in here:
            compare(here[key], arm[key], f"{place}.{key}")
    elif isinstance(here, list) and isinstance(arm, list) and len(here) == len(arm):
        for k, pair in enumerate(zip(here, arm)):
            compare(*pair, f"{place}[{k}]")
    elif here != arm:
        sys.exit(f"aarch64.sh: {place}: {here} here, {arm} there")


with open(sys.argv[1]) as here, open(sys.argv[2]) as arm:
    for slates, pair in enumerate(zip(here, arm, strict=True), 1):
        compare(*map(json.loads, pair), f"slate {slates}: ")
print(f"slates: {slates}, {differing} numbers differ, by at most {largest:.2g}")
if not slates:
    sys.exit("aarch64.sh: there are no slates")
END

if [[ $(uname -m) == x86_64 ]]; then
  echo "== an x86-64 that is too old says so"
  status=0
  qemu-x86_64-static -cpu Nehalem build/release/topologies/fovea --version >"$log" 2>&1 || status=$?
  grep -q 'x86-64-v3' "$log" && ((status == 1)) || { cat "$log" >&2; exit 1; }
  grep x86-64-v3 "$log"
fi

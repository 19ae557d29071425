#!/usr/bin/env bash
# What the release tests cannot see: another compiler's warnings, sanitizers, headers alone, form.
#
#   scripts/check.sh              all of them
#   scripts/check.sh clang asan   some: format, tidy, clang (with headers), asan, tsan
#
# Every check is run, also after one has failed; exit status 1 if any did. Needs no broker: what
# needs one is scripts/test.sh's.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

all=(format tidy clang asan tsan)
(($#)) || set -- "${all[@]}"
scripts/install.sh --for check

jobs=$(nproc)
memory_jobs=$(awk '/MemTotal/ { print int($2 / 1500000) + 1 }' /proc/meminfo)
((jobs <= memory_jobs)) || jobs=$memory_jobs

# Configures and builds preset $1 (targets follow), prints warnings and errors only. A hundred programs
# are linked: with lld in a third of the time.
build() {
  local preset=$1 log
  log=$(mktemp)
  cmake --preset "$preset" -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld-14 >"$log" 2>&1 &&
    cmake --build --preset "$preset" -j "$jobs" --target "${@:2}" >"$log" 2>&1 ||
    { grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking)' "$log" | tail -60 >&2; rm -f "$log"; return 1; }
  rm -f "$log"
}
without_broker() { ctest --preset "$1" -j "$jobs" --no-tests=error -LE 'integration|mutation|seeds|perf' "${@:2}"; }

format() {
  local files
  mapfile -t files < <(git ls-files '*.h' '*.cc')
  clang-format-14 --dry-run -Werror "${files[@]}"
}
# The product's own files, each with the headers it includes.
tidy() {
  cmake --preset clang -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >/dev/null &&
    git ls-files 'vocab/*.cc' 'ingest/*.cc' 'profile_store/*.cc' 'scorer/*.cc' 'topologies/*.cc' |
    xargs -P "$jobs" -n 4 clang-tidy-14 -p build/clang --quiet 2>/dev/null
}
# The tests are clang's in asan.
clang() { build clang fovea all_verify_interface_header_sets; }
# But for two that are much arithmetic by code that others run, too.
asan() { build asan all && without_broker asan -E 'LearningBeatsPopularity|OfEveryCodePoint'; }
# Of all tests those in which threads of ours meet, whole processes on the embedded broker among them;
# not the one that wants something learned within its 2,000 events, which takes longer here.
tsan() {
  local tests=(scorer_views_test scorer_learner_test topologies_metrics_test topologies_http_server_test
    topologies_log_test topologies_model_publisher_test topologies_model_start_test
    topologies_learner_thread_test topologies_demo_test integration_embedded_run_test fovea)
  build tsan "${tests[@]}" && ctest --preset tsan -j "$jobs" --no-tests=error \
    -R 'Views|Learner|Metrics|HttpServer|RateLimiter|Publisher|ModelBeginning|Demo|Embedded|^embedded/' -E 'NOT_BUILT|ExplainsASlate'
}

failed=()
for check in "$@"; do
  [[ " ${all[*]} " == *" $check "* ]] || { echo "check.sh: no check is called $check: ${all[*]}" >&2; exit 1; }
  began=$SECONDS
  echo "== $check"
  status=0
  "$check" || status=$?
  ((status == 0)) || failed+=("$check")
  echo "== $check: exit status $status after $((SECONDS - began)) s"
done
if ((${#failed[@]})); then
  echo "check.sh: failed: ${failed[*]}" >&2
  exit 1
fi

#!/usr/bin/env bash
# Builds the fuzz targets (clang, libFuzzer, address and undefined behaviour) and runs them.
#
#   scripts/fuzz.sh                          every target, 60 s each, one after the other
#   scripts/fuzz.sh event_codec config       these
#   scripts/fuzz.sh --seconds 600 TARGET     longer
#   scripts/fuzz.sh --list                   names them
#
# Ends with executions and findings a target; exit status 1 if anything was found. An input that
# breaks a target is kept below build/fuzz/findings/TARGET; build/fuzz/tests/fuzz/fuzz_TARGET FILE plays it
# again. Inputs that reach new code are kept below build/fuzz/grown/TARGET and used by the next run.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=60
targets=()
known() { sed -n 's/^fovea_fuzz(\([a-z_]*\).*/\1/p' tests/fuzz/CMakeLists.txt; }
while (($#)); do
  case $1 in
    --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
    --list) known; exit 0 ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "fuzz.sh: unknown option $1" >&2; exit 1 ;;
    *)
      known | grep -qx -- "$1" || { echo "fuzz.sh: no target $1; there are:" $(known) >&2; exit 1; }
      targets+=("$1"); shift ;;
  esac
done
((${#targets[@]})) || mapfile -t targets < <(known)

scripts/install.sh --for fuzz
compilers=()
if ! command -v clang++-14 >/dev/null; then
  compilers=(-DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++)
fi
cmake --preset fuzz "${compilers[@]}" >/dev/null
cmake --build --preset fuzz --target "${targets[@]/#/fuzz_}"

build=build/fuzz
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=0
failed=0
summary=()
for target in "${targets[@]}"; do
  grown=$build/grown/$target
  findings=$build/findings/$target
  mkdir -p "$grown" "$findings"
  log=$build/findings/$target.log
  dictionary=()
  [[ -f tests/fuzz/dictionaries/$target.dict ]] && dictionary=(-dict="tests/fuzz/dictionaries/$target.dict")
  # Snapshots begin at several KiB; text finds its way better when it is short.
  length=4096
  [[ $target == model_snapshot ]] && length=65536
  status=ok
  # A small input must never ask for much memory: one allocation at most 64 MiB, 1 GiB in all.
  "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -max_len="$length" -timeout=10 \
    -malloc_limit_mb=64 -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$findings/" \
    "${dictionary[@]}" "$grown" "tests/fuzz/corpus/$target" >"$log" 2>&1 || status=FOUND
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  coverage=$(sed -n 's/.* cov: \([0-9]*\) ft: .*/\1/p' "$log" | tail -n 1)
  rss=$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")
  line=$(printf '%-16s %12s executions %8s edges %6s MB  %s' \
    "$target" "${executions:-?}" "${coverage:-?}" "${rss:-?}" "$status")
  echo "$line"
  summary+=("$line")
  if [[ $status != ok ]]; then
    failed=1
    grep -m1 -E 'ERROR|runtime error|broken invariant|the codec says' "$log" || true
    echo "  log: $log"
    ls -1 "$findings" | sed "s|^|  input: $findings/|"
  fi
done
printf '== %d s each\n' "$seconds"
printf '%s\n' "${summary[@]}"
exit $failed

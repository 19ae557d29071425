#!/usr/bin/env bash
# Deliberate one-line faults (tests/mutation/mutations.toml): does a test fall for each?
#
#   scripts/mutate.sh [NAME...]     all of them, or those whose file or name contains a NAME
#
# Works on a copy of the last commit with a build of its own; the tree is not touched. One fault at a
# time: its file is compiled, its tests are linked and run until one fails. Minutes to an hour. Exit
# status 1 where a fault survives that the table does not explain.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  sed -n '2,8s/^# \{0,1\}//p' "$0"
  exit 0
fi

copy=$(mktemp -d "${TMPDIR:-/tmp}/fovea-mutate.XXXXXX")
trap 'rm -rf "$copy"' EXIT
export CCACHE_BASEDIR=$copy  # so that a second run finds what the first compiled
git archive HEAD | tar -x -C "$copy"
cmake --preset release -S "$copy" -B "$copy/build/mutate" >"$copy/configure.log" 2>&1 || {
  cat "$copy/configure.log" >&2
  exit 1
}
nice python3 "$copy/tests/mutation/mutate.py" --run "$copy" "$copy/build/mutate" "$@"

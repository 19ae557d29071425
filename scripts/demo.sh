#!/usr/bin/env bash
# The main job in one command: packages, build, and `fovea demo` with whatever options are given.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install.sh --for build
# Reconfiguring takes seconds: ninja does it by itself when a CMakeLists.txt has changed.
[[ -f build/release/build.ninja ]] || cmake --preset release >/dev/null
if [[ -t 2 ]]; then
  cmake --build --preset release --target fovea
else
  # Ninja's counter is for terminals; elsewhere only what went wrong is worth reading.
  echo "building fovea (a few minutes the first time)" >&2
  cmake --build --preset release --target fovea >build/demo.log 2>&1 || {
    cat build/demo.log >&2
    exit 1
  }
fi
exec build/release/topologies/fovea demo "$@"

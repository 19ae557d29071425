#!/usr/bin/env bash
# check.sh FILE COMPILER FLAGS...: FILE compiles as written; with -DMUST_NOT_COMPILE it does not, and
# the compiler's reason is the one that its line "Expected:" gives as a regular expression.
set -euo pipefail

file=$1
shift
expected=$(sed -n 's|^// Expected: ||p' "$file")
[[ -n $expected ]] || { echo "$file has no line 'Expected:'"; exit 1; }
"$@" -fsyntax-only "$file" || { echo "$file does not compile as written"; exit 1; }
if said=$("$@" -fsyntax-only -DMUST_NOT_COMPILE "$file" 2>&1); then
  echo "$file compiles with -DMUST_NOT_COMPILE"
  exit 1
fi
grep -E 'error:' <<<"$said" | grep -qE "$expected" || { echo "$said"; echo "$file is refused, but not for: $expected"; exit 1; }

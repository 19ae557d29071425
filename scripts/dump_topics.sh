#!/usr/bin/env bash
# Dumps the topics of a topology for check_run.py: OUT/TOPIC.jsonl, kcat's JSON envelope a line.
#
#   fovea run topologies/product.toml --print-config > config.toml
#   scripts/dump_topics.sh localhost:9092 config.toml dumps
#
# Reads everything from the beginning to the end of the moment, committed records only.

set -euo pipefail

die() { echo "dump_topics.sh: $*" >&2; exit 1; }
[[ $# -eq 3 ]] || { sed -n '2,7p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' >&2; exit 2; }
broker=$1 config=$2 out=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command -v kcat >/dev/null || die "kcat is missing: apt-get install kcat"

topics=$(PYTHONPATH=$here python3 -c '
import sys
from checker.dumps import Config, Unreadable
try:
    config = Config(sys.argv[1])
except (Unreadable, OSError) as error:
    sys.exit(f"dump_topics.sh: {error}")
print(config.input, config.items, config.learning, config.profiles, config.recommendations,
      config.dead_letter)' "$config")

mkdir -p "$out"
for topic in $topics; do
  kcat -C -b "$broker" -t "$topic" -o beginning -e -q -J > "$out/$topic.jsonl" ||
    die "topic $topic cannot be read from $broker"
  echo "$topic $(wc -l < "$out/$topic.jsonl")"
done

#!/usr/bin/env python3
"""Which folder may include what: the arrows of the README, as a test.

usage: check_layers.py [ROOT]        prints `file:line: what is wrong`, exit status 1 if anything is

Peers never include each other; vocab knows the standard library only; a third-party library
appears in the .cc files of the folders named here and in no header at all.
"""
import pathlib
import re
import sys

MAY_INCLUDE = {
    "vocab": {"vocab"},
    "ingest": {"ingest", "vocab"},
    "profile_store": {"profile_store", "vocab"},
    "scorer": {"scorer", "vocab"},
    "topologies": {"topologies", "ingest", "profile_store", "scorer", "vocab"},
}
ABOVE_VOCAB = set(MAY_INCLUDE) - {"vocab"}

# Include path -> folders whose .cc files may name it.
THIRD_PARTY = [
    (r"librdkafka/", {"ingest"}),
    (r"simdjson", {"ingest"}),
    (r"rocksdb/", {"profile_store"}),
    (r"(unsupported/)?Eigen/", {"scorer"}),
    (r"unicode/", {"scorer"}),
    (r"toml(\+\+|plusplus)", {"topologies"}),
    (r"CLI(11)?/", {"topologies"}),
    (r"spdlog/", {"topologies"}),
    (r"httplib", {"topologies"}),
    (r"nlohmann/", {"topologies"}),
    (r"fmt/", ABOVE_VOCAB),
    (r"xxhash", ABOVE_VOCAB),
    (r"zlib\.h", ABOVE_VOCAB),
]
# Of the system or the compiler: fine in any .cc file above vocab.
SYSTEM = re.compile(r"((sys|arpa|netinet)/)?[a-z0-9_]+\.h$")
INCLUDE = re.compile(r'\s*#\s*include\s*[<"]([^>"]+)[>"]')


def wrong(folder, is_source, included):
    """What is wrong with this include, or None."""
    head = included.split("/")[0]
    if "/" in included and head in MAY_INCLUDE:
        if head not in MAY_INCLUDE[folder]:
            return f"{folder} must not include {head}"
        return None
    if head == "tests":
        return f"{folder} must not include tests"
    for pattern, homes in THIRD_PARTY:
        if re.match(pattern, included):
            if folder in homes and is_source:
                return None
            return f"{included} belongs in " + ", ".join(f"{home}/*.cc" for home in sorted(homes))
    if re.fullmatch(r"[a-z_0-9]+", included):
        return None  # the standard library
    if SYSTEM.match(included):
        return None if is_source and folder != "vocab" else f"{included} belongs in a .cc file above vocab"
    return f"{included} is not a library that check_layers.py knows"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1])
    found, files = 0, 0
    for folder in MAY_INCLUDE:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            files += 1
            for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), 1):
                match = INCLUDE.match(line)
                problem = match and wrong(folder, path.suffix == ".cc", match.group(1))
                if problem:
                    print(f"{path.relative_to(root)}:{number}: {problem}")
                    found += 1
    if not files:
        print(f"{root}: no sources found", file=sys.stderr)
        return 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

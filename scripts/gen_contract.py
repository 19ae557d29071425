#!/usr/bin/env python3
"""The tables of reasons in ingest/README.md, made from ingest/contract.toml.

usage: gen_contract.py [--check] [ROOT]    rewrites the page; --check prints how it differs, status 1
"""
import difflib
import pathlib
import sys
import tomllib

TABLES = (("event", "### Reasons for events"), ("item", "### Reasons for items"))


def table(entries):
    """One row a reason, with the words of the first record that is refused for it."""
    rows = ["| reason | meaning | for example |", "|---|---|---|"]
    for entry in entries:
        if "reason" not in entry:
            continue
        message = entry["refused"][0]["message"].replace("|", "\\|")
        rows.append(f"| `{entry['reason']}` | {entry['meaning']} | {message} |")
    return rows


def with_tables(page, contract):
    lines = page.splitlines()
    for section, heading in TABLES:
        begin = lines.index(heading) + 2
        end = begin
        while end < len(lines) and lines[end].startswith("|"):
            end += 1
        lines[begin:end] = table(contract[section])
    return "\n".join(lines) + "\n"


def main():
    arguments = sys.argv[1:]
    check = "--check" in arguments
    roots = [argument for argument in arguments if argument != "--check"]
    root = pathlib.Path(roots[0] if roots else pathlib.Path(__file__).parents[1])
    path = root / "ingest" / "README.md"
    with open(root / "ingest" / "contract.toml", "rb") as file:
        contract = tomllib.load(file)
    page = path.read_text(encoding="utf8")
    right = with_tables(page, contract)
    if not check:
        path.write_text(right, encoding="utf8")
        return 0
    difference = list(difflib.unified_diff(page.splitlines(), right.splitlines(),
                                           "ingest/README.md", "as contract.toml says", lineterm=""))
    print("\n".join(difference + ["run scripts/gen_contract.py"] * bool(difference)), end="")
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Deliberate one-line faults: does a test fall for each? scripts/mutate.sh makes the copy it works on.

usage: mutate.py --check ROOT                every fault's line stands in the tree exactly once
       mutate.py --run COPY BUILD [NAME...]  applies each to COPY, builds in BUILD, runs its tests

mutations.toml names the faults; a file's tests are tried in order until one fails, which kills the
fault. What survives is listed, and is an error unless the table says why it is no fault at all.
"""
import pathlib
import subprocess
import sys
import time
import tomllib

TABLE = pathlib.Path(__file__).with_name("mutations.toml")


def load():
    table = tomllib.loads(TABLE.read_text())
    for number, fault in enumerate(table["fault"], 1):
        fault["name"] = f"{number:02} {fault['file']}: {fault['what']}"
        fault["tests"] = table["tests"][fault["file"]] if "tests" not in fault else fault["tests"]
    return table["fault"]


def place(root, fault):
    """The file's text and where the line begins; an error in words instead of a place."""
    path = root / fault["file"]
    text = path.read_text() if path.exists() else ""
    found = [at for at, line in enumerate(text.split("\n")) if line.strip() == fault["was"].strip()]
    if len(found) != 1:
        return text, f"{fault['name']}: its line stands {len(found)} times: {fault['was'].strip()}"
    if fault["was"].strip() == fault["now"].strip():
        return text, f"{fault['name']}: changes nothing"
    return text, found[0]


def check(root):
    errors = [where for _, where in (place(root, fault) for fault in load())
              if isinstance(where, str)]
    print("\n".join(errors) or "every fault can be applied")
    return 1 if errors else 0


def binary(build, test):
    folder = next(f for f in ("profile_store", "topologies", "property", "ingest", "scorer", "sim")
                  if test.startswith(f + "_"))
    return build / "tests" / folder / test


def falls(build, test):
    """Whether the test, built anew, fails; 'broken' if it does not build."""
    built = subprocess.run(["cmake", "--build", build, "--target", test, "-j2"],
                           capture_output=True, text=True)
    if built.returncode != 0:
        print(built.stdout[-2000:])
        return "broken"
    try:
        ran = subprocess.run([binary(build, test)], capture_output=True, timeout=120,
                             env={"FOVEA_SEED": "1", "PATH": "/usr/bin:/bin"})
    except subprocess.TimeoutExpired:
        return True
    return ran.returncode != 0


def verdict(root, build, fault):
    text, line = place(root, fault)
    if isinstance(line, str):
        return "broken", line
    lines = text.split("\n")
    indent = lines[line][:len(lines[line]) - len(lines[line].lstrip())]
    lines[line] = indent + fault["now"].strip()
    path = root / fault["file"]
    path.write_text("\n".join(lines))
    try:
        for test in fault["tests"]:
            fell = falls(build, test)
            if fell:
                return ("broken" if fell == "broken" else "killed"), test
    finally:
        path.write_text(text)
    return "survived", fault.get("equivalent", "")


def run(root, build, names):
    faults = [f for f in load() if not names or any(n in f["name"] for n in names)]
    for test in sorted({test for fault in faults for test in fault["tests"]}):
        if falls(build, test):
            print(f"{test} fails without any fault")
            return 1
    counts = {"killed": 0, "survived": 0, "broken": 0}
    unexplained = []
    for fault in faults:
        start = time.monotonic()
        outcome, detail = verdict(root, build, fault)
        counts[outcome] += 1
        if outcome == "broken" or (outcome == "survived" and not detail):
            unexplained.append(fault["name"])
        seconds = time.monotonic() - start
        print(f"{outcome:8} {fault['name']} ({detail or 'no test falls'}; {seconds:.0f} s)",
              flush=True)
    print(f"{len(faults)} faults: {counts['killed']} killed, {counts['survived']} survived, "
          f"{counts['broken']} broken")
    print("\n".join(f"unexplained: {name}" for name in unexplained))
    return 1 if unexplained else 0


if len(sys.argv) == 3 and sys.argv[1] == "--check":
    sys.exit(check(pathlib.Path(sys.argv[2])))
if len(sys.argv) >= 4 and sys.argv[1] == "--run":
    sys.exit(run(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), sys.argv[4:]))
sys.exit(__doc__)

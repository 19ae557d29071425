#!/usr/bin/env python3
"""Whether the links of the READMEs lead where they say, as a test.

usage: check_links.py [--fix] [ROOT]    prints `file:line: what is wrong`, exit status 1 if anything is

A relative link must name a file or folder of the tree, its #heading one of that page. A link to a line
of code, [`Worker::step`](worker.cc#L180), must show what its text names: the last word of the code in
the text stands in that line. --fix moves such a link to the nearest line that has it.
"""
import pathlib
import re
import sys

SKIPPED = {"build", ".git", "node_modules"}
# [text](target), the text possibly with code in it; images too.
LINK = re.compile(r"\[((?:[^\[\]`]|`[^`]*`)*)\]\(([^()\s]+)\)")
LINE_ANCHOR = re.compile(r"L(\d+)$")
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def pages(root):
    for path in sorted(root.rglob("*.md")):
        if not SKIPPED & set(path.relative_to(root).parts):
            yield path


def heading_anchors(text):
    """The #names that a page's headings have, as code forges make them."""
    anchors, fenced = set(), False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        heading = None if fenced else re.match(r"#{1,6}\s+(.*)", line)
        if heading:
            plain = re.sub(r"[^\w\- ]", "", heading.group(1).strip().lower())
            anchors.add(plain.replace(" ", "-"))
    return anchors


def named(text):
    """The word that the linked line must hold, or None where the text names no code."""
    code = re.findall(r"`([^`]*)`", text)
    words = WORD.findall(code[-1]) if code else []
    return words[-1] if words else None


def nearest_line(lines, word, number):
    """The line nearest to `number` that has the word, outermost definitions first; None: no line."""
    pattern = re.compile(rf"\b{re.escape(word)}\b")
    having = [i for i, line in enumerate(lines, 1) if pattern.search(line)]
    outer = [i for i in having if re.match(r"[A-Za-z]", lines[i - 1])]
    return min(outer or having, key=lambda i: abs(i - number), default=None)


def check_link(page, text, target):
    """(what is wrong or None, the target as it should be or None)."""
    file_name, _, anchor = target.partition("#")
    file = page if not file_name else (page.parent / file_name)
    if not file.exists():
        return f"{target} is not in the tree", None
    if not anchor:
        return None, None
    line_anchor = LINE_ANCHOR.fullmatch(anchor)
    if not line_anchor:
        known = file.suffix == ".md" and anchor in heading_anchors(file.read_text(encoding="utf8"))
        return (None if known else f"{target}: no such heading"), None
    word, number = named(text), int(line_anchor.group(1))
    if word is None:
        return f"{target}: the text of a link to a line names no code", None
    lines = file.read_text(encoding="utf8").splitlines()
    if number <= len(lines) and re.search(rf"\b{re.escape(word)}\b", lines[number - 1]):
        return None, None
    right = nearest_line(lines, word, number)
    if right is None:
        return f"{target}: {file.name} has no {word}", None
    return f"{target}: {word} stands in line {right}", f"{file_name}#L{right}"


def check_page(page, root, fix):
    """How many links of the page are wrong, after fixing what can be."""
    text = page.read_text(encoding="utf8")
    wrong, repaired, fenced = 0, [], False
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        for match in () if fenced else LINK.finditer(line):
            target = match.group(2)
            if re.match(r"[a-z]+:", target):
                continue
            problem, better = check_link(page, match.group(1), target)
            if problem and fix and better:
                line = line.replace(match.group(0), f"[{match.group(1)}]({better})")
            elif problem:
                print(f"{page.relative_to(root)}:{number}: {problem}")
                wrong += 1
        repaired.append(line)
    if fix and "".join(repaired) != text:
        page.write_text("".join(repaired), encoding="utf8")
    return wrong


def main():
    arguments = sys.argv[1:]
    fix = "--fix" in arguments
    roots = [argument for argument in arguments if argument != "--fix"]
    root = pathlib.Path(roots[0] if roots else pathlib.Path(__file__).parents[1]).resolve()
    found = list(pages(root))
    if not found:
        print(f"{root}: no page found", file=sys.stderr)
        return 1
    return 1 if sum(check_page(page, root, fix) for page in found) else 0


if __name__ == "__main__":
    sys.exit(main())

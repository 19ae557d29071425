"""scripts/encode_items.py --words, on small files of each form; the binary says what a word is.

    encode_words_test.py FOVEA"""
import array
import gzip
import json
import math
import pathlib
import struct
import subprocess
import sys
import tempfile
import unicodedata
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from encoder import mean_words, word_vectors  # noqa: E402
from loader.log import Progress  # noqa: E402

FOVEA = sys.argv.pop(1)
VECTORS = {"heat": (1.0, 0.5), "in": (-2.0, 0.25), "straße": (3.0, -1.0)}


def text(vectors, end="\n"):
    return "".join(f"{word} {' '.join(map(str, vector))}{end}" for word, vector in vectors.items()).encode()


def header(vectors):
    return f"{len(vectors)} {len(next(iter(vectors.values())))}\n".encode()


def binary(vectors, end=b"\n"):
    return b"".join(word.encode() + b" " + struct.pack(f"<{len(vector)}f", *vector) + end
                    for word, vector in vectors.items())


class Files(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name)

    def read(self, data, wanted=("heat", "in", "strasse")):
        path = self.folder / "vectors"
        path.write_bytes(data)
        return word_vectors.read(path, set(wanted), Progress("words"))

    def vectors(self, *arguments):
        return {word: tuple(vector) for word, vector in self.read(*arguments).vectors.items()}

    def error(self, data):
        with self.assertRaises(word_vectors.BadFile) as raised:
            self.read(data)
        return str(raised.exception)

    def test_the_forms_say_the_same(self):
        same = {"heat": (1.0, 0.5), "in": (-2.0, 0.25), "strasse": (3.0, -1.0)}
        forms = {"GloVe": text(VECTORS), "word2vec text": header(VECTORS) + text(VECTORS),
                 "fastText": header(VECTORS) + text(VECTORS, " \n"), "Windows": header(VECTORS) + text(VECTORS, "\r\n"),
                 "word2vec": header(VECTORS) + binary(VECTORS), "gensim": header(VECTORS) + binary(VECTORS, b"")}
        for name, data in forms.items():
            for packed in (data, gzip.compress(data)):
                with self.subTest(name):
                    found = self.read(packed)
                    self.assertEqual({word: tuple(vector) for word, vector in found.vectors.items()}, same)
                    self.assertEqual((found.dim, found.count), (2, 3))

    def test_only_what_is_wanted_is_kept_and_read(self):
        self.assertEqual(self.vectors(b"heat 1 2\nin x y\n", ["heat"]), {"heat": (1, 2)})

    def test_the_folded_spelling_counts_else_the_first(self):
        self.assertEqual(self.vectors(b"HEAT 1 1\nHeat 2 2\nIn 3 3\nIN 4 4\nheat 5 5\nHeaT 6 6\n"),
                         {"heat": (5, 5), "in": (3, 3)})

    def test_a_word_with_spaces_is_passed_over(self):
        found = self.read(b"in 1 2\nto the heat 3 4\n. . . 5 6\nheat 7 8\n")
        self.assertEqual({word: tuple(vector) for word, vector in found.vectors.items()},
                         {"in": (1, 2), "heat": (7, 8)})
        self.assertEqual(found.count, 4)

    def test_words_that_are_not_utf8_are_counted_and_passed_over(self):
        for data in (b"stra\xdfe 1 2\nheat 3 4\n", b"2 2\n" + b"stra\xdfe " + bytes(8) + b"\nheat " + bytes(8)):
            found = self.read(data)
            self.assertEqual(list(found.vectors), ["heat"])
            self.assertRegex(found.not_utf8[0], "^(line|word) 1$")

    def test_a_control_character_makes_no_binary_file_of_a_text(self):
        self.assertEqual(self.vectors(b"2 1\nheat 1\n\x02 2\n"), {"heat": (1,)})

    def test_a_binary_file_is_read_across_chunks(self):
        chunk, word_vectors.CHUNK_BYTES = word_vectors.CHUNK_BYTES, 7
        try:
            self.assertEqual(self.vectors(header(VECTORS) + binary(VECTORS))["strasse"], (3, -1))
        finally:
            word_vectors.CHUNK_BYTES = chunk

    def test_a_file_at_fault_is_told_where(self):
        whole = header(VECTORS) + binary(VECTORS)
        for data, message in {
                b"heat 1 2\nin 1\n": "line 2: 1 numbers after the word, not 2",
                b"heat 1 2\nin 1 2 3\n": "line 2: 3 numbers after the word, not 2",
                b"2 3\nheat 1 2\n": "line 2: 2 numbers after the word, not 3",
                b"heat 1 2\nin 1 x\n": "line 2: could not convert string to float",
                b"heat 1 2\nin 1 nan\n": "line 2: a number is not finite",
                b"heat\n": "line 1: neither how many words and numbers there are nor a word and its numbers",
                b"": "line 1: neither",
                binary(VECTORS): "line 1: neither",
                b"3 2\nheat 1 2\n\n": "ends after 1 of the 3 words that line 1 announces",
                b"3 5000\n": "line 1: 5000 numbers a word; fovea takes 1 to 4096",
                b"3 0\n": "line 1: 0 numbers a word; fovea takes 1 to 4096",
                b"heat" + 4097 * b" 1": "line 1: 4097 numbers a word; fovea takes 1 to 4096",
                whole[:-3]: "ends in word 3 of the 3 that line 1 announces",
                header(VECTORS) + 5000 * b"\0": "word 1 of 3 has no end",
                header(VECTORS) + binary({"in": (1.0, math.inf)}): "word 1: a number is not finite",
                gzip.compress(whole)[:-9]: "cannot be unpacked: Compressed file ended",
                b"PK\x03\x04": "is a zip archive: unpack it first",
                b"\xba\x16\x4f\x2f\x0c": "is a fastText model, not its vectors: take the .vec file"}.items():
            with self.subTest(message):
                self.assertIn(message, self.error(data))


class Means(unittest.TestCase):
    def assert_near(self, vector, expected):
        self.assertEqual([round(x, 6) for x in vector], expected)

    def test_what_all_have_in_common_is_taken_out(self):
        means = [array.array("f", [1, 0, 0]), None, array.array("f", [0, 1, 0]), array.array("f", [0, 0, 1])]
        mean_words.take_common_out(means)  # (1, 1, 1) of each: (2/3, -1/3, -1/3) at length 1 and so on
        far, near = .816497, -.408248
        self.assert_near(means[0], [far, near, near])
        self.assertIsNone(means[1])
        self.assert_near(means[3], [near, near, far])

    def test_items_that_are_all_alike_have_nothing_left(self):
        means = [array.array("f", [.6, .8]), array.array("f", [.6, .8])]
        mean_words.take_common_out(means)
        self.assertEqual(means, [None, None])
        mean_words.take_common_out(means)
        self.assertEqual(means, [None, None])

    def test_a_mean_counts_each_mention_and_has_length_one(self):
        vectors = {"a": array.array("f", [1.5, 0]), "b": array.array("f", [0, 4])}
        self.assert_near(mean_words.mean(["a", "c", "a", "b"], vectors), [.6, .8])
        self.assertIsNone(mean_words.mean(["c"], vectors))
        self.assertIsNone(mean_words.mean([], vectors))
        self.assertIsNone(mean_words.mean(["a", "b"], {"a": [1, -1], "b": [-1, 1]}))


class Words(unittest.TestCase):
    def test_texts_are_cut_as_the_model_reads_them(self):
        self.assertEqual(mean_words.cut(["Don't\nLook", "", "東京タワー", "\ud800x"], FOVEA),
                         [["don", "t", "look"], [], ["東京", "京タ", "タワ", "ワー"], ["x"]])

    def test_a_word_is_folded_as_the_model_does(self):
        words = ["HEAT", "Straße", "İSTANBUL", "Élan", "E\u0301LAN", "ΕΛΛΆΣ", "ἐς", "ﬁn", "ＴＶ", "Ⅻ", "नमस्ते", "Ёж", "東京", "ǅ"]
        self.assertEqual(mean_words.cut(words, FOVEA), [[word_vectors.fold(word)] for word in words])

    def test_every_letter_is_folded_as_the_model_does(self):
        # But one that is written with something else, as a Hebrew point or the apostrophe of ŉ.
        letters = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c))[0] == "L"]
        alone = [(letter, words) for letter, words in zip(letters, mean_words.cut(letters, FOVEA))
                 if words and letter != "ŉ" and word_vectors.fold(letter).isalpha()]
        self.assertGreater(len(alone), 131_000)
        self.assertEqual([letter for letter, words in alone if words != [word_vectors.fold(letter)]], [])


class Command(Files):
    def encode(self, items, vectors, *options):
        for name, data in (("items", items), ("vectors.vec", vectors)):
            (self.folder / name).write_bytes(data)
        return subprocess.run([sys.executable, ROOT / "scripts/encode_items.py", self.folder / "items", self.folder / "out",
                               "--words", self.folder / "vectors.vec", "--fovea", FOVEA, *options],
                              capture_output=True, text=True)

    def test_items_get_the_mean_of_their_words_less_what_is_common(self):
        run = self.encode('{"id":"1","title":"HEAT, heat"}\n\n{"id":"2","title":"?"}\n'
                          '{"id":"3","tags":["Straße"],"vectors":{"i":[1]}}\n{"id":"4","text":"in"}\n'.encode(),
                          b"3 3\nheat 2 0 0\nSTRASSE 0 3 0\nin 0 0 1\n", "--name", "w")

        self.assertEqual(run.returncode, 0, run.stderr)
        items = [json.loads(line) for line in (self.folder / "out").read_text(encoding="utf8").splitlines()]
        far, near = .8165, -.4082
        self.assertEqual(items, [{"id": "1", "title": "HEAT, heat", "vectors": {"w": [far, near, near]}},
                                 {"id": "2", "title": "?"},
                                 {"id": "3", "tags": ["Straße"], "vectors": {"i": [1], "w": [near, far, near]}},
                                 {"id": "4", "text": "in", "vectors": {"w": [near, near, far]}}])
        self.assertIn("has 3 of the items' 3 words among its 3\n3 of 4 items have a vector of 3 numbers\n", run.stderr)

    def test_what_is_at_fault_is_named_in_one_line_and_nothing_is_written(self):
        item = b'{"id":"1","title":"heat"}\n'
        for run, message in (
                (self.encode(item, b"in 1\nthe\n"), "vectors.vec line 2: 0 numbers after the word, not 1"),
                (self.encode(item, b"in 1\n\xdf 2\n"),
                 "vectors.vec has 0 of the items' 1 words among its 2; 1 are not UTF-8, the first in line 2"),
                (self.encode(item + b"{\n", b"in 1\n"), "items line 2: Expecting"),
                (self.encode(item + b'{"id":"\xdf"}\n', b"in 1\n"), "items line 2: 'utf-8' codec can't decode"),
                (self.encode(item, b"in 1\n", "--words", "/nowhere"), "/nowhere: No such file"),
                (self.encode(item, b"in 1\n", "--fovea", "/nowhere"), "/nowhere: No such file or directory; build it")):
            with self.subTest(message):
                self.assertEqual(run.returncode, 1)
                self.assertRegex(run.stderr, "^encode_items.py: [^\n]*\n$")
                self.assertIn(message, run.stderr)
                self.assertFalse((self.folder / "out").exists())


if __name__ == "__main__":
    unittest.main()

"""scripts/encode_items.py, with an encoder that needs no model."""
import contextlib
import io
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import encode_items  # noqa: E402


class EncodeItems(unittest.TestCase):
    def test_words_are_title_text_categories_and_tags_in_order(self):
        item = {"id": "1", "title": " Heat ", "categories": ["Crime", ""], "tags": ["night"], "text": "A film."}
        self.assertEqual(encode_items.words(item), "Heat A film. Crime night")
        self.assertEqual(encode_items.words({"id": "2", "attributes": {"year": 1995}}), "")

    def test_each_item_gets_the_vector_of_its_own_words(self):
        items = [{"id": str(k), "title": f"t{k}"} for k in range(encode_items.BATCH + 3)]
        items[1] = {"id": "1"}
        items[2]["vectors"] = {"image": [1.0]}
        asked = []

        def encode(texts):
            asked.append(len(texts))
            return [[float(text[1:]), 1 / 3] for text in texts]

        with contextlib.redirect_stderr(io.StringIO()):
            encode_items.add_vectors(items, "text", encode)

        self.assertEqual(asked, [encode_items.BATCH, 2])
        self.assertNotIn("vectors", items[1])
        self.assertEqual(items[2]["vectors"], {"image": [1.0], "text": [2.0, .3333]})
        self.assertEqual(items[-1]["vectors"]["text"][0], encode_items.BATCH + 2)


if __name__ == "__main__":
    unittest.main()

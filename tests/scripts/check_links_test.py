"""scripts/check_links.py against pages with one wrong link each: it must name that one."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts" / "check_links.py"
CODE = "// a step\nvoid other();\n\nvoid Worker::step() {\n  step();\n}\n"


class CheckLinks(unittest.TestCase):
    def check(self, page, *options):
        """(exit status, output, the page afterwards) for a tree of one page and one source."""
        with tempfile.TemporaryDirectory() as root:
            pathlib.Path(root, "README.md").write_text(page, encoding="utf8")
            pathlib.Path(root, "worker.cc").write_text(CODE, encoding="utf8")
            run = subprocess.run([sys.executable, SCRIPT, *options, root], capture_output=True, text=True)
            return run.returncode, run.stdout.strip(), pathlib.Path(root, "README.md").read_text(encoding="utf8")

    def test_right_links_pass_without_a_word(self):
        page = ("# The page, whole\n[a](worker.cc) [b](#the-page-whole) [`Worker::step`](worker.cc#L4) "
                "[c](https://example.org/none)\n```\n[d](none.md)\n```\n")
        self.assertEqual(self.check(page), (0, "", page))

    def test_a_missing_file_is_named(self):
        self.assertEqual(self.check("\n[a](none.cc)\n")[:2], (1, "README.md:2: none.cc is not in the tree"))

    def test_a_missing_heading_is_named(self):
        self.assertEqual(self.check("# One\n[a](#two)\n")[:2], (1, "README.md:2: #two: no such heading"))

    def test_a_line_that_shows_something_else_is_named_with_the_right_one(self):
        self.assertEqual(self.check("[`Worker::step`](worker.cc#L2)\n")[:2],
                         (1, "README.md:1: worker.cc#L2: step stands in line 4"))

    def test_a_name_that_is_gone_is_named(self):
        self.assertEqual(self.check("[`Worker::leap`](worker.cc#L2)\n")[:2],
                         (1, "README.md:1: worker.cc#L2: worker.cc has no leap"))

    def test_a_line_link_must_name_code(self):
        self.assertEqual(self.check("[the step](worker.cc#L4)\n")[:2],
                         (1, "README.md:1: worker.cc#L4: the text of a link to a line names no code"))

    def test_fix_moves_line_links_and_leaves_the_rest(self):
        self.assertEqual(self.check("x [`Worker::step()`](worker.cc#L99), [a](worker.cc)\n", "--fix"),
                         (0, "", "x [`Worker::step()`](worker.cc#L4), [a](worker.cc)\n"))


if __name__ == "__main__":
    unittest.main()

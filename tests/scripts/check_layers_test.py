"""scripts/check_layers.py against trees with one planted fault each: it must name that one."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts" / "check_layers.py"


class CheckLayers(unittest.TestCase):
    def check(self, path, text):
        """(exit status, output) for a tree that holds one clean file and the given one."""
        with tempfile.TemporaryDirectory() as root:
            for name, content in (("vocab/ids.h", "#include <string>\n"), (path, text)):
                file = pathlib.Path(root, name)
                file.parent.mkdir(exist_ok=True)
                file.write_text(content, encoding="utf8")
            run = subprocess.run([sys.executable, SCRIPT, root], capture_output=True, text=True)
        return run.returncode, run.stdout.strip()

    def test_clean_tree_passes_without_a_word(self):
        text = '#include <vector>\n#include <Eigen/Core>\n#include "scorer/top_k.h"\n#include "vocab/ids.h"\n'
        self.assertEqual(self.check("scorer/top_k.cc", text), (0, ""))

    def test_peers_are_refused(self):
        self.assertEqual(
            self.check("scorer/bad.h", '#include "profile_store/fold.h"\n'),
            (1, "scorer/bad.h:1: scorer must not include profile_store"))

    def test_upward_includes_are_refused(self):
        self.assertEqual(
            self.check("ingest/bad.cc", '\n#include "topologies/config.h"\n'),
            (1, "ingest/bad.cc:2: ingest must not include topologies"))

    def test_third_parties_in_headers_are_refused(self):
        self.assertEqual(
            self.check("scorer/bad.h", "#include <Eigen/Core>\n"),
            (1, "scorer/bad.h:1: Eigen/Core belongs in scorer/*.cc"))

    def test_third_parties_in_another_folder_are_refused(self):
        for name, home in (("librdkafka/rdkafka.h", "ingest"), ("rocksdb/db.h", "profile_store"),
                           ("simdjson.h", "ingest"), ("toml++/toml.h", "topologies")):
            folder = "topologies" if home != "topologies" else "scorer"
            with self.subTest(name):
                self.assertEqual(
                    self.check(f"{folder}/bad.cc", f"#include <{name}>\n"),
                    (1, f"{folder}/bad.cc:1: {name} belongs in {home}/*.cc"))

    def test_vocab_knows_the_standard_library_only(self):
        for name in ("fmt/format.h", "unistd.h", "xxhash.h"):
            with self.subTest(name):
                status, output = self.check("vocab/bad.h", f"#include <{name}>\n")
                self.assertEqual(status, 1)
                self.assertIn("vocab/bad.h:1: ", output)

    def test_unknown_libraries_are_refused(self):
        self.assertEqual(
            self.check("ingest/bad.cc", "#include <boost/asio.hpp>\n"),
            (1, "ingest/bad.cc:1: boost/asio.hpp is not a library that check_layers.py knows"))

    def test_an_empty_tree_is_not_a_pass(self):
        with tempfile.TemporaryDirectory() as root:
            run = subprocess.run([sys.executable, SCRIPT, root], capture_output=True, text=True)
        self.assertEqual(run.returncode, 1)


if __name__ == "__main__":
    unittest.main()

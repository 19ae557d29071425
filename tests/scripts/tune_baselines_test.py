"""scripts/tune_baselines.py against a binary that only writes down what it was asked."""
import importlib.util
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "tune_baselines.py"

STANDS_IN = """#!{python}
import json, sys
words = sys.argv[1:]
open({asked!r}, "w").write(" ".join(words))
specs = words[words.index("--baselines") + 1].split(",")
mean = lambda value: {{"value": value, "error": 0.001}}
figures = [{{"name": spec, "ndcg_10": mean(0.1 + 0.01 * i), "hr_10": mean(0.2), "learning_us": 1, "scoring_us": 2}}
           for i, spec in enumerate(specs)]
json.dump({{"baselines": figures}}, open(words[words.index("--json") + 1], "w"))
"""


def script():
    spec = importlib.util.spec_from_file_location("tune_baselines", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TuneBaselines(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.asked = pathlib.Path(directory.name, "asked")
        self.binary = pathlib.Path(directory.name, "fovea")
        self.binary.write_text(STANDS_IN.format(python=sys.executable, asked=str(self.asked)))
        self.binary.chmod(0o755)

    def run_script(self, *arguments):
        return subprocess.run(
            [sys.executable, SCRIPT, "t.toml", "--events", "e.ndjson", "--fovea", self.binary, *arguments],
            capture_output=True, text=True)

    def test_asks_for_every_setting_once_and_prints_the_best_first(self):
        run = self.run_script("--kinds", "isgd,recently-viewed", "--every", "7")

        self.assertEqual(run.returncode, 0, run.stderr)
        names = [line.split()[-1] for line in run.stdout.splitlines()]
        self.assertEqual(names, ["isgd:rate=0.2:steps=5", "isgd:rate=0.2:steps=1", "isgd:rate=0.05:steps=5",
                                 "isgd:rate=0.05:steps=1", "isgd:rate=0.02:steps=5", "isgd:rate=0.02:steps=1",
                                 "recently-viewed"])
        self.assertIn("evaluate t.toml --events e.ndjson --every 7", self.asked.read_text())

    def test_leaves_out_what_was_seen_when_asked_to(self):
        run = self.run_script("--kinds", "recently-viewed", "--leave-out-seen", "--best", "1")
        self.assertEqual(run.stdout.split()[-1], "recently-viewed:seen=0")

    def test_an_unknown_kind_is_one_line(self):
        run = self.run_script("--kinds", "luck")
        self.assertEqual(run.returncode, 1)
        self.assertEqual(len(run.stderr.splitlines()), 1)

    def test_the_grid_has_parameters_that_there_are(self):
        text = (ROOT / "scorer/baselines/README.md").read_text(encoding="utf8")
        known = {(kind, name) for kind, name in re.findall(r"^\| `([a-z-]+)` \| `(\w+)` \|", text, re.M)}
        for kind, grids in script().GRID.items():
            for grid in grids:
                for name in grid:
                    self.assertIn((kind, name), known)


if __name__ == "__main__":
    unittest.main()

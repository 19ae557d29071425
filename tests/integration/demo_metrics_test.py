"""A demo is asked while it runs, as `fovea run` is: /healthz, /readyz, /metrics.

usage: demo_metrics_test.py FOVEA    needs no other service
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from prometheus_test import get, running, wait_for


def counter(exposition, name):
    found = re.search(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+]+)$", exposition, re.M)
    return float(found.group(1)) if found else None


def main():
    fovea = sys.argv[1]
    with tempfile.TemporaryDirectory() as scratch:
        log = pathlib.Path(scratch, "demo.log")
        command = [fovea, "demo", "--plain", "--seconds", "600", "--rate", "200", "--metrics", "127.0.0.1:0"]
        with running(command, log) as demo:
            url = "http://" + wait_for("the metrics address", lambda: re.search(
                r"metrics at http://([0-9.:]+)/metrics", log.read_text(encoding="utf8"))).group(1)
            status, why = get(f"{url}/readyz")
            # The workers join their group first, which takes seconds.
            assert status == 503 and why.strip(), (status, why)
            wait_for("readiness", lambda: get(f"{url}/readyz")[0] == 200)
            assert get(f"{url}/healthz") == (200, "ok\n")
            wait_for("a recommendation", lambda: (counter(
                get(f"{url}/metrics")[1], "fovea_recommendations_total") or 0) > 0)
            exposition = get(f"{url}/metrics")[1]
            assert counter(exposition, "fovea_ready") == 1, exposition

            # The address is taken: asked for by name, it is an error.
            second = subprocess.run([fovea, "demo", "--events", "1", "--metrics", url.removeprefix("http://")],
                                    capture_output=True, text=True, timeout=60)
            assert second.returncode == 1 and "metrics.listen" in second.stderr, second

            demo.terminate()
            assert demo.wait(timeout=30) == 0, log.read_text(encoding="utf8")

    if not shutil.which("promtool"):
        print("demo_metrics_test: promtool is not installed: its check was NOT RUN", file=sys.stderr)
        return 1 if os.environ.get("CI") else 77
    checked = subprocess.run(["promtool", "check", "metrics"], input=exposition, text=True, capture_output=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    return 0


if __name__ == "__main__":
    sys.exit(main())

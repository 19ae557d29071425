"""A real Prometheus scrapes a running fovea and answers the five questions of METRICS.md.

usage: prometheus_test.py FOVEA    on the embedded broker: no other service is needed
"""
import contextlib
import json
import math
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).parents[2]
DEADLINE_S = 60


def get(url):
    """(status, body); status 0 while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def wait_for(what, test, within_s=DEADLINE_S):
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        value = test()
        if value:
            return value
        time.sleep(0.2)
    raise SystemExit(f"prometheus_test: {what} did not come within {within_s} s")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command, log):
    with open(log, "wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def queries():
    """The five queries of the page, by their question."""
    page = (ROOT / "topologies" / "METRICS.md").read_text(encoding="utf8")
    section = page.split("## Five questions")[1].split("\n## ")[0]
    found = dict(re.findall(r"^\| ([^|]*\?) \| `(.*)` \|$", section, re.M))
    assert len(found) == 5, found
    return found


def answer(prometheus, query):
    """The value of a query that gives one finite number, else None."""
    status, body = get(f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": query}))
    result = json.loads(body)["data"]["result"] if status == 200 else []
    value = float(result[0]["value"][1]) if len(result) == 1 else math.nan
    return value if math.isfinite(value) else None


def main():
    fovea = sys.argv[1]
    for tool in ("prometheus", "promtool"):
        if not shutil.which(tool):
            print(f"prometheus_test: {tool} is not installed: NOT RUN", file=sys.stderr)
            return 1 if os.environ.get("CI") else 77
    topology = str(ROOT / "topologies" / "video.toml")
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        log = pathlib.Path(scratch, "fovea.log")
        stack.enter_context(running([fovea, "run", topology, "--set", "transport=embedded",
                                     "--set", "metrics.listen=127.0.0.1:0"], log))

        def said(pattern):
            return re.search(pattern, log.read_text(encoding="utf8"))

        url = wait_for("the metrics address", lambda: said(r"http://([0-9.:]+)/metrics")).group(1)
        broker = said(r"embedded broker at ([0-9.:]+[0-9])").group(1)

        port = free_port()
        config = pathlib.Path(scratch, "prometheus.yml")
        config.write_text("global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: fovea\n"
                          f"  static_configs: [{{targets: ['{url}']}}]\n", encoding="utf8")
        stack.enter_context(running(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={scratch}/data",
             f"--web.listen-address=127.0.0.1:{port}"], pathlib.Path(scratch, "prometheus.log")))
        stack.enter_context(running(
            [fovea, "produce", "--topology", topology, "--demo", "--rate", "300",
             "--loop", "--set", f"kafka.bootstrap.servers={broker}"], pathlib.Path(scratch, "produce.log")))

        assert get(f"http://{url}/healthz")[0] == 200
        assert get(f"http://{url}/readyz")[0] in (200, 503)
        wait_for("readiness", lambda: get(f"http://{url}/readyz")[0] == 200)
        wait_for("a hit of the most popular items", lambda: re.search(
            r'^fovea_online_hits_total\{list="popularity",k="10"\} [1-9]', get(f"http://{url}/metrics")[1], re.M))
        prometheus = f"http://127.0.0.1:{port}"
        for question, query in queries().items():
            wait_for(f"an answer to {query}", lambda: answer(prometheus, query) is not None)
            print(f"{question}  {answer(prometheus, query)}")
        slates = queries()["How many slates a second?"]
        wait_for("more than one slate a second", lambda: (answer(prometheus, slates) or 0) > 1)
        up = answer(prometheus, 'up{job="fovea"}')
        assert up == 1, up

        exposition = get(f"http://{url}/metrics")[1]
        checked = subprocess.run(["promtool", "check", "metrics"], input=exposition, text=True,
                                 capture_output=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    return 0


if __name__ == "__main__":
    sys.exit(main())

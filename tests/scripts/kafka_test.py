"""scripts/kafka.sh with a Java that only pretends: which files, addresses and processes there are, without a broker."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts" / "kafka.sh"
JAVA = f"""#!{sys.executable} -IS
import signal, sys
if sys.argv[1] == "-version":
    print('openjdk version "17.0.1"', file=sys.stderr)
elif "format" in sys.argv:
    print(sys.argv[sys.argv.index("-t") + 1])
else:
    print("Kafka Server started", flush=True)
    signal.pause()
"""


class Kafka(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        root = pathlib.Path(scratch.name)
        self.directory = root / "a broker"
        java = root / "jdk" / "bin" / "java"
        java.parent.mkdir(parents=True)
        java.write_text(JAVA, encoding="utf8")
        java.chmod(0o755)
        jars = root / "cache" / "kafka-0"
        jars.mkdir(parents=True)
        (jars / "complete").touch()
        self.environment = {**os.environ, "JAVA_HOME": str(root / "jdk"), "FOVEA_CACHE": str(root / "cache"),
                            "KAFKA_VERSION": "0"}
        self.addCleanup(self.run_script, "kill")

    def run_script(self, *words):
        return subprocess.run([SCRIPT, *words, "--dir", self.directory], env=self.environment, text=True,
                              capture_output=True, check=False)

    def start(self, *words):
        started = self.run_script("start", *words)
        self.assertEqual(started.returncode, 0, started.stderr)
        return started.stdout.strip()

    def properties(self, *node):
        text = self.directory.joinpath(*node, "server.properties").read_text(encoding="utf8")
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def test_one_node_is_the_directory_itself(self):
        address = self.start()
        pid = int((self.directory / "pid").read_text(encoding="utf8"))
        self.assertEqual(self.run_script("status").stdout, f"running {address} pid {pid}\n")
        properties = self.properties()
        self.assertEqual(properties["advertised.listeners"], f"PLAINTEXT://{address}")
        self.assertEqual(properties["transaction.state.log.replication.factor"], "1")
        self.assertEqual(properties["transaction.state.log.min.isr"], "1")
        refused = self.run_script("start", "--brokers", "3")
        self.assertEqual((refused.returncode, "already belongs to 1 broker" in refused.stderr), (1, True))
        self.assertEqual(self.run_script("kill").stdout, "stopped\n")
        stopped = self.run_script("status")
        self.assertEqual((stopped.returncode, stopped.stdout), (1, "stopped\n"))

    def test_three_nodes_are_one_cluster(self):
        addresses = self.start("--brokers", "3").split(",")
        nodes = [self.properties(node) for node in "123"]
        self.assertEqual([node["node.id"] for node in nodes], ["1", "2", "3"])
        self.assertEqual([node["advertised.listeners"] for node in nodes], [f"PLAINTEXT://{one}" for one in addresses])
        listeners = ",".join(node["listeners"] for node in nodes)
        self.assertEqual(len(set(re.findall(r":(\d+)", listeners))), 6, "two listen at one port")
        for node in nodes:
            voters = [f"{other['node.id']}@{other['listeners'].partition('CONTROLLER://')[2]}" for other in nodes]
            self.assertEqual(node["controller.quorum.voters"], ",".join(voters))
            for copies in ("default", "offsets.topic", "transaction.state.log"):
                self.assertEqual(node[f"{copies}.replication.factor"], "3")
            for in_sync in ("min.insync.replicas", "transaction.state.log.min.isr"):
                self.assertEqual(node[in_sync], "2")
        clusters = {self.directory.joinpath(node, "format.log").read_text(encoding="utf8") for node in "123"}
        self.assertEqual(len(clusters), 1)

    def test_one_of_three_is_killed_and_started_again(self):
        addresses = self.start("--brokers", "3")
        before = self.run_script("status").stdout.splitlines()
        self.run_script("kill", "--node", "2")
        without = self.run_script("status")
        self.assertEqual((without.returncode, without.stdout.splitlines()), (1, [before[0], "stopped", before[2]]))
        self.assertEqual(self.start("--node", "2"), addresses)
        after = self.run_script("status").stdout.splitlines()
        self.assertEqual([after[0], after[2]], [before[0], before[2]])
        self.assertRegex(after[1], f"^running {addresses.split(',')[1]} pid")
        self.run_script("kill")
        self.assertEqual(self.run_script("status").stdout, "stopped\n" * 3)
        uncut = self.run_script("cut", "--node", "1")
        self.assertEqual((uncut.returncode, "--apart" in uncut.stderr), (1, True))


if __name__ == "__main__":
    unittest.main()

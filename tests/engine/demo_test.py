"""The demo of a network as a user runs it. Usage: demo_test.py CARELEDGER COMETBFT SAMPLES"""

import glob
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

ENGINE, SAMPLES = os.path.abspath(sys.argv.pop(2)), os.path.abspath(sys.argv.pop(2))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))

from node import PROGRAM  # noqa: E402

STEPS = ["Four organisations found a ledger", "Patients come in", "A clinician asks another organisation for a record",
         "An outsider verifies a record offline", "One member is killed", "One member hangs", "One member is cut off",
         "One member contradicts itself", "One member's state is edited on its disk", "The members vote"]


class Demo(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="careledger-test-")
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name
        self.environment = {**os.environ, "TMPDIR": self.scratch}

    def arguments(self, *more, engine=ENGINE, samples=SAMPLES):
        return [PROGRAM, "demo", "consortium", "--samples", samples, "--engine", engine, *more]

    def play(self, **other):
        done = subprocess.run(self.arguments("--json", **other), capture_output=True, text=True, timeout=400, env=self.environment)
        return done, json.loads(done.stdout)

    def left(self):
        """Processes that work on anything of this test."""
        found = []
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as file:
                    words = file.read()
            except OSError:  # it is gone
                continue
            if self.scratch.encode() in words:
                found.append(words)
        return found

    def assert_fails_at(self, number, text, **other):
        done, told = self.play(**other)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertFalse(told["done"])
        self.assertEqual([step["result"] for step in told["steps"]], ["done"] * (number - 1) + ["failed"])
        self.assertIn(text, told["steps"][-1]["error"])
        self.assertIn(f"The demo failed at step {number}: {STEPS[number - 1]}.", done.stderr)
        self.assertEqual(self.left(), [])

    def test_every_step_is_done_and_nothing_is_left(self):
        done, told = self.play()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue(told["done"])
        self.assertEqual([step["name"] for step in told["steps"]], STEPS)
        for number, step in enumerate(told["steps"], 1):
            self.assertEqual(step["result"], "done", step)
            self.assertIn(f"{number:2}. {step['name']}", done.stderr)
        self.assertEqual(done.stderr.count("proves:"), len(STEPS))
        self.assertIn("do not give the app hash that was signed", done.stderr)
        self.assertGreater(int(told["figures"]["blocks"]), 0)
        self.assertEqual(len([name for name in told["figures"] if name.startswith("on disk at ")]), 4)
        self.assertEqual(glob.glob(self.scratch + "/*"), [])
        self.assertEqual(self.left(), [])

    def test_without_an_engine_the_first_step_says_so(self):
        self.assert_fails_at(1, self.scratch + "/no-engine", engine=self.scratch + "/no-engine")

    def test_a_step_that_fails_ends_all_members(self):
        self.assert_fails_at(2, "too few patients", samples=self.scratch)

    def test_members_do_not_outlive_a_demo_that_is_killed(self):
        with subprocess.Popen(self.arguments(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=self.environment) as demo:
            try:
                self.assertTrue(any(line.startswith(" 2. ") for line in demo.stdout))
                self.assertGreaterEqual(len(self.left()), 8)  # four members, four engines
            finally:
                demo.kill()
        end = time.monotonic() + 30
        while self.left() and time.monotonic() < end:
            time.sleep(0.1)  # between two looks
        self.assertEqual(self.left(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)

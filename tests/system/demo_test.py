"""The demo as a user runs it, told to people and to machines. Usage: demo_test.py CARELEDGER SAMPLES"""

import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

from node import PROGRAM

SAMPLES = os.path.abspath(sys.argv.pop(1))


class Demo(unittest.TestCase):
    def test_every_step_is_done_and_told_as_one_json_value_and_to_people_beside_it(self):
        with tempfile.TemporaryDirectory(prefix="careledger-test-") as scratch:
            done = subprocess.run([PROGRAM, "demo", "--json", "--samples", SAMPLES], capture_output=True, text=True, timeout=580,
                                  env={**os.environ, "TMPDIR": scratch})
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(glob.glob(scratch + "/*"), [], "nothing is left behind")
        told = json.loads(done.stdout)
        self.assertTrue(told["done"])
        self.assertEqual(len(told["steps"]), 11)
        for number, step in enumerate(told["steps"], 1):
            self.assertEqual(step["result"], "done", step)
            self.assertGreaterEqual(step["milliseconds"], 0, step)
            self.assertIn(f"{number:2}. {step['name']}", done.stderr)
        self.assertEqual(done.stderr.count("proves:"), 11)
        self.assertGreater(int(told["figures"]["blocks"]), 0)
        self.assertNotIn("left", told)


if __name__ == "__main__":
    unittest.main()

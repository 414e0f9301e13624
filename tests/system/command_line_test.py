"""The command line as a user meets it: the main path. Usage: command_line_test.py CARELEDGER"""

import json
import os
import shutil
import tempfile
import unittest

from node import NORTH, Node, Scratch, run, token


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.mkdtemp(prefix="careledger-test-")
        cls.folder = os.path.join(cls.scratch, "node")
        run("init", cls.folder, "--organisation", NORTH, "--organisation", "City Laboratory:laboratory", check=0)
        cls.node = Node(cls.folder)
        cls.token = token(cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.scratch)

    def test_a_patient_is_created_proven_and_verified_offline(self):
        status, headers, body = self.node.call("POST", "/Patient", self.token, {"resourceType": "Patient", "name": [{"family": "Example"}]})
        self.assertEqual(status, 201, body)
        patient = headers["Location"].split("/Patient/")[1].split("/")[0]
        bundle, trust = os.path.join(self.scratch, "p.clpb"), os.path.join(self.scratch, "trust.json")
        run("prove", self.folder, "Patient/" + patient, "--organisation", NORTH, "-o", bundle, "--trust-out", trust, check=0)
        proven = json.loads(run("--json", "verify", bundle, "--trust", trust, check=0).stdout)
        self.assertTrue(proven["verified"])
        self.assertTrue(any(NORTH in line for line in proven["proven"]), proven)
        with open(bundle, "rb") as file:
            good = bytearray(file.read())
        good[len(good) // 2] ^= 1
        with open(bundle, "wb") as file:
            file.write(good)
        run("verify", bundle, "--trust", trust, check=1)

    def test_status_reaches_the_running_node(self):
        status = json.loads(run("--json", "status", self.folder, check=0).stdout)
        self.assertEqual([one["organisation"] for one in status], [NORTH, "City Laboratory"])

    def test_every_command_has_help_with_an_example(self):
        listed = run("--help", check=0).stdout.split("SUBCOMMANDS")[-1].split("Subcommands:")[-1]
        rows = [line.split() for line in listed.splitlines() if line.startswith("  ") and line.strip()]
        names = [row[0] for row in rows if not row[0].startswith("careledger")]
        names = [name for name in names if name.isalpha()]
        self.assertIn("init", names)
        for name in names:
            self.assertIn("Example", run(name, "--help", check=0).stdout, name)


class Folders(Scratch):
    def test_a_folder_that_is_not_empty_is_refused(self):
        self.init()
        self.assertEqual(run("init", self.folder, "--organisation", "North").returncode, 4)

    def test_backup_verify_and_restore_of_a_stopped_node(self):
        self.init()
        node = self.serve()
        bearer = token(self.folder)
        patient = self.create(node, bearer, "Patient")
        node.stop()
        where = ["--data", os.path.join(self.scratch, "data"), "--keys", os.path.join(self.scratch, "keys")]
        run("backup", self.folder, *where, check=0)
        run("backup", self.folder, *where, "--verify", check=0)
        shutil.rmtree(self.folder)
        run("restore", self.folder, *where, check=0)
        node = self.serve()
        self.assertEqual(node.call("GET", "/Patient/" + patient, bearer)[0], 200)


if __name__ == "__main__":
    unittest.main()

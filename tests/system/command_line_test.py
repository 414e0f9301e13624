"""The command line as a user meets it: the main path. Usage: command_line_test.py CARELEDGER"""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

from node import NORTH, PROGRAM, Node, Scratch, prove, run, token


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.mkdtemp(prefix="careledger-test-")
        cls.addClassCleanup(shutil.rmtree, cls.scratch)
        cls.folder = os.path.join(cls.scratch, "node")
        run("init", cls.folder, "--organisation", NORTH, "--organisation", "City Laboratory:laboratory", check=0)
        cls.node = Node(cls.folder)
        cls.addClassCleanup(cls.node.end)
        cls.token = token(cls.folder)

    def test_a_patient_is_created_proven_and_verified_offline(self):
        status, headers, body = self.node.call("POST", "/Patient", self.token, {"resourceType": "Patient", "name": [{"family": "Example"}]})
        self.assertEqual(status, 201, body)
        patient = headers["Location"].split("/Patient/")[1].split("/")[0]
        bundle, trust = os.path.join(self.scratch, "p.clpb"), os.path.join(self.scratch, "trust.json")
        receipt = os.path.join(self.scratch, "p.tlog-proof")
        prove(self.folder, "Patient/" + patient, "--organisation", NORTH, "-o", bundle, "--trust-out", trust, "--receipt", receipt)
        self.check_receipt(receipt, trust)
        proven = json.loads(run("--json", "verify", bundle, "--trust", trust, check=0).stdout)
        self.assertTrue(proven["verified"])
        self.assertTrue(any(NORTH in line for line in proven["proven"]), proven)
        # What the witnesses saw and what stands on signatures alone are told apart.
        self.assertEqual((proven["witnessed"]["by"], proven["witnessed"]["what"]), (proven["witnessed"]["of"], "anchor"), proven)
        self.assertLessEqual(proven["witnessed"]["log_entry"], proven["witnessed"]["log_size"])
        self.assertEqual(proven["signed_only"]["what"], ["organisation", "currency"])
        self.assertEqual(proven["checkpoint_older_by"], 0)
        with open(bundle, "rb") as file:
            good = bytearray(file.read())
        good[len(good) // 2] ^= 1
        with open(bundle, "wb") as file:
            file.write(good)
        run("verify", bundle, "--trust", trust, check=1)

    def test_a_trust_file_with_a_trusting_period_expires(self):
        status, _, body = self.node.call("PUT", "/Basic/dated", self.token, {"resourceType": "Basic", "id": "dated", "code": {"text": "x"}})
        self.assertEqual(status, 201, body)
        bundle, trust = os.path.join(self.scratch, "dated.clpb"), os.path.join(self.scratch, "dated.json")
        dated = [self.folder, "Basic/dated", "--organisation", NORTH, "-o", bundle]
        run("prove", *dated, "--trusting-period", "30", check=2)  # of which trust file?
        self.assertEqual(prove(*dated, "--trust-out", trust, "--trusting-period", "14").stderr, "")
        long = prove(*dated, "--trust-out", trust, "--trusting-period", "30")
        self.assertIn("after 14 days members of a network may drop the block", long.stderr)
        proven = json.loads(run("--json", "verify", bundle, "--trust", trust, check=0).stdout)
        self.assertTrue(any(line.startswith("Trusting period: the trust file is of block ") for line in proven["proven"]), proven)
        self.assertIn("trusted_until", proven)
        with open(trust, encoding="utf-8") as file:
            believed = json.load(file)
        self.assertEqual(believed["anchor"]["trusting_period_s"], 30 * 86400)
        believed["anchor"]["time_ms"] -= 31 * 86400 * 1000
        with open(trust, "w", encoding="utf-8") as file:
            json.dump(believed, file)
        self.assertIn("time: expired trust", run("verify", bundle, "--trust", trust, check=1).stdout)

    def check_receipt(self, receipt, trust):
        said = json.loads(run("--json", "verify", receipt, "--trust", trust, check=0).stdout)
        self.assertTrue(said["verified"])
        self.assertGreaterEqual(said["log_size"], said["log_entry"])
        self.assertEqual(said["witnesses"], 2)
        with open(receipt, encoding="utf-8") as file:
            text = file.read()
        self.assertTrue(text.startswith("c2sp.org/tlog-proof@v1\nextra "))
        with open(receipt, "w", encoding="utf-8") as file:
            file.write(text.replace("\nindex ", "\nindex 1", 1))
        self.assertIn("not in the log", run("verify", receipt, "--trust", trust, check=1).stdout)

    def test_status_reaches_the_running_node(self):
        status = json.loads(run("--json", "status", self.folder, check=0).stdout)
        self.assertEqual([one["organisation"] for one in status], [NORTH, "City Laboratory"])

    def commands_below(self, *path):
        """Names of the subcommands that `careledger PATH --help` lists, as whole paths, at every depth."""
        text = run(*path, "--help", check=0).stdout
        for line in text.upper().splitlines():
            if line.startswith("SUBCOMMANDS:"):
                break
        else:
            return
        rows = text[text.upper().index("SUBCOMMANDS:"):].splitlines()[1:]
        for row in rows:
            if not row.startswith("  ") or not row.strip():
                break
            name = row.split()[0] if row[2] != " " else ""
            if name.isalpha():
                yield (*path, name)
                yield from self.commands_below(*path, name)

    def test_every_command_at_every_level_has_help_with_an_example(self):
        commands = list(self.commands_below())
        for known in (("init",), ("wallet", "log"), ("erase",), ("convict",), ("registry", "accredit")):
            self.assertIn(known, commands)
        for command in [(), *commands]:
            text = run(*command, "--help", check=0).stdout
            self.assertRegex(text, r"Example:|Start with:", command)
            for word in command:
                self.assertIn(word, text.split("Example:")[-1], command)

    def test_every_command_answers_bad_usage_with_2_and_json_on_request(self):
        for command in self.commands_below():
            bare = command in (("version",), ("demo",), ("demo", "consortium"))  # of all others something is always required
            self.assertEqual(run(*command, *(["--no-such-option"] if bare else [])).returncode, 2, command)
        for command in (["status", "/nowhere"], ["audit", "/nowhere"], ["verify", "/nowhere", "--trust", "/nowhere"]):
            done = run("--json", *command)
            self.assertNotEqual(done.returncode, 0)
            json.loads(done.stdout)


class Machines(Scratch):
    def test_a_node_that_serves_tells_a_pipe_what_its_ready_file_gets(self):
        self.init()
        ready = os.path.join(self.scratch, "ready")
        with subprocess.Popen([PROGRAM, "serve", self.folder, "--ready-file", ready, "--json"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as process:
            told = process.stdout.readline()
            with open(ready, encoding="utf-8") as file:
                self.assertEqual(told, file.read())
            process.terminate()
            self.assertEqual(process.stdout.read(), "", "one JSON value alone")
        self.assertEqual([one["name"] for one in json.loads(told)["organisations"]], [NORTH])


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

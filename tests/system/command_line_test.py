"""The command line as a user meets it: the main path, and what it says to bad input. Usage: command_line_test.py CARELEDGER"""

import json
import os
import shutil
import signal
import tempfile
import unittest

from node import Node, run


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.mkdtemp(prefix="careledger-test-")
        cls.folder = os.path.join(cls.scratch, "node")
        run("init", cls.folder, "--organisation", "North Hospital", "--organisation", "City Laboratory:laboratory", check=0)
        cls.node = Node(cls.folder)
        cls.token = run("token", cls.folder, "--organisation", "North Hospital", check=0).stdout.strip()

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        shutil.rmtree(cls.scratch)

    def create(self, family="Example"):
        status, headers, body = self.node.call("POST", "/Patient", self.token, {"resourceType": "Patient", "name": [{"family": family}]})
        self.assertEqual(status, 201, body)
        return headers["Location"].split("/Patient/")[1].split("/")[0]

    def test_a_patient_is_created_proven_and_verified_offline(self):
        patient = self.create()
        bundle, trust = os.path.join(self.scratch, "p.clpb"), os.path.join(self.scratch, "trust.json")
        run("prove", self.folder, "Patient/" + patient, "--organisation", "North Hospital", "-o", bundle, "--trust-out", trust, check=0)
        proven = json.loads(run("--json", "verify", bundle, "--trust", trust, check=0).stdout)
        self.assertTrue(proven["verified"])
        self.assertTrue(any("North Hospital" in line for line in proven["proven"]), proven)
        with open(bundle, "rb") as file:
            good = bytearray(file.read())
        good[len(good) // 2] ^= 1
        with open(bundle, "wb") as file:
            file.write(good)
        run("verify", bundle, "--trust", trust, check=1)

    def test_requests_without_a_token_are_refused_and_with_a_bad_one_too(self):
        for token in (None, "x", self.token[:-2] + "AA"):
            status, headers, _ = self.node.call("GET", "/Patient/1", token)
            self.assertEqual(status, 401)
            self.assertIn("WWW-Authenticate", headers)

    def test_bad_bodies_are_refused_with_an_outcome_and_nothing_is_stored(self):
        bad = {
            "no JSON": b"{",
            "duplicate key": b'{"resourceType":"Patient","active":true,"active":false}',
            "bad UTF-8": b'{"resourceType":"Patient","name":[{"family":"\xff"}]}',
            "lone surrogate": b'{"resourceType":"Patient","name":[{"family":"\\ud800"}]}',
            "NaN": b'{"resourceType":"Patient","multipleBirthInteger":NaN}',
            "unknown element": b'{"resourceType":"Patient","nickname":"x"}',
            "wrong type": b'{"resourceType":"Patient","active":"yes"}',
            "wrong resource": b'{"resourceType":"Observation"}',
            "deep": b'{"resourceType":"Patient","x":' + b"[" * 500 + b"]" * 500 + b"}",
        }
        before = json.loads(self.node.call("GET", "/Patient?_total=accurate&_count=0", self.token)[2])["total"]
        for what, body in bad.items():
            status, _, answer = self.node.call("POST", "/Patient", self.token, body)
            self.assertIn(status, (400, 413, 422), what)
            self.assertEqual(json.loads(answer)["resourceType"], "OperationOutcome", what)
        after = json.loads(self.node.call("GET", "/Patient?_total=accurate&_count=0", self.token)[2])["total"]
        self.assertEqual(before, after)

    def test_a_stale_if_match_is_412(self):
        patient = self.create()
        body = {"resourceType": "Patient", "id": patient, "active": True}
        self.assertEqual(self.node.call("PUT", "/Patient/" + patient, self.token, body, {"If-Match": 'W/"1"'})[0], 200)
        self.assertEqual(self.node.call("PUT", "/Patient/" + patient, self.token, body, {"If-Match": 'W/"1"'})[0], 412)

    def test_a_second_process_on_the_folder_is_refused(self):
        done = run("serve", self.folder)
        self.assertEqual(done.returncode, 8)
        self.assertIn("another careledger process", done.stderr)

    def test_status_reaches_the_running_node(self):
        status = json.loads(run("--json", "status", self.folder, check=0).stdout)
        self.assertEqual([one["organisation"] for one in status], ["North Hospital", "City Laboratory"])

    def test_every_command_has_help_with_an_example(self):
        listed = run("--help", check=0).stdout.split("SUBCOMMANDS")[-1].split("Subcommands:")[-1]
        rows = [line.split() for line in listed.splitlines() if line.startswith("  ") and line.strip()]
        names = [row[0] for row in rows if not row[0].startswith("careledger")]
        names = [name for name in names if name.isalpha()]
        self.assertIn("init", names)
        for name in names:
            self.assertIn("Example", run(name, "--help", check=0).stdout, name)


class BadFolders(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="careledger-test-")
        self.folder = os.path.join(self.scratch, "node")

    def tearDown(self):
        shutil.rmtree(self.scratch)

    def init(self):
        run("init", self.folder, "--organisation", "North Hospital", check=0)

    def test_a_folder_that_is_not_empty_is_refused(self):
        self.init()
        self.assertEqual(run("init", self.folder, "--organisation", "North").returncode, 4)

    def test_a_lost_key_and_a_wrong_one_say_what_to_bring(self):
        self.init()
        os.rename(self.folder + ".key", self.folder + ".away")
        lost = run("status", self.folder)
        self.assertIn(lost.returncode, (3, 6), lost.stderr)
        self.assertIn("key", lost.stderr)
        run("init", self.folder + "2", "--organisation", "North", check=0)
        wrong = run("status", self.folder, "--key-file", self.folder + "2.key")
        self.assertEqual(wrong.returncode, 6, wrong.stderr)

    def test_a_configuration_of_a_newer_format_is_refused(self):
        self.init()
        path = os.path.join(self.folder, "careledger.json")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        config["format"] = 99
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        done = run("status", self.folder)
        self.assertEqual(done.returncode, 7)
        self.assertIn("newer", done.stderr)

    def test_acknowledged_writes_survive_sigkill(self):
        self.init()
        node = Node(self.folder)
        token = run("token", self.folder, "--organisation", "North Hospital", check=0).stdout.strip()
        ids = []
        for _ in range(20):
            status, headers, _ = node.call("POST", "/Basic", token, {"resourceType": "Basic", "code": {"text": "x"}})
            self.assertEqual(status, 201)
            ids.append(headers["Location"].split("/Basic/")[1].split("/")[0])
        node.stop(signal.SIGKILL)
        node = Node(self.folder)
        for one in ids:
            self.assertEqual(node.call("GET", "/Basic/" + one, token)[0], 200)
        node.stop()

    def test_a_bit_flipped_in_the_audit_file_is_found_and_named(self):
        self.init()
        node = Node(self.folder)
        token = run("token", self.folder, "--organisation", "North Hospital", check=0).stdout.strip()
        for _ in range(10):
            node.call("GET", "/Patient/none", token)
        node.stop()
        run("audit", self.folder, check=0)
        path = os.path.join(self.folder, "organisations", "north-hospital", "audit", "audit.log")
        with open(path, "r+b") as file:
            data = bytearray(file.read())
            data[len(data) // 2] ^= 1
            file.seek(0)
            file.write(data)
        done = run("audit", self.folder)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("audit", done.stdout)

    def test_backup_verify_and_restore(self):
        self.init()
        node = Node(self.folder)
        token = run("token", self.folder, "--organisation", "North Hospital", check=0).stdout.strip()
        _, headers, _ = node.call("POST", "/Patient", token, {"resourceType": "Patient"})
        patient = headers["Location"].split("/Patient/")[1].split("/")[0]
        node.stop()
        where = ["--data", os.path.join(self.scratch, "data"), "--keys", os.path.join(self.scratch, "keys")]
        run("backup", self.folder, *where, check=0)
        run("backup", self.folder, *where, "--verify", check=0)
        shutil.rmtree(self.folder)
        run("restore", self.folder, *where, check=0)
        node = Node(self.folder)
        self.assertEqual(node.call("GET", "/Patient/" + patient, token)[0], 200)
        node.stop()


if __name__ == "__main__":
    unittest.main()

"""Rotating keys, fresh roots, another seal, and a process that dies in the middle of it. Usage: keys_test.py CARELEDGER"""

import json
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

from node import NORTH, PROGRAM, SOUTH, Scratch, prove, run, token

KEYSTORE = "organisations/north-hospital/keystore"
ROUNDS = 10


class Keys(Scratch):
    def setUp(self):
        super().setUp()
        self.bundle, self.trust = os.path.join(self.scratch, "p.clpb"), os.path.join(self.scratch, "trust.json")

    def keys(self, what, *more, check=0, stdin=None, organisation=NORTH):
        return run("--json", "keys", what, self.folder, "--organisation", organisation, *more, check=check, stdin=stdin)

    def current(self):
        """The current key of each purpose that has a public half."""
        found = json.loads(self.keys("list").stdout)
        return {one["purpose"]: one["public_key"] for one in found if one["state"] == "current" and one["public_key"]}

    def kept_node(self, *organisations):
        """A node with one record, and the record's id."""
        self.init(*organisations)
        node = self.serve()
        record = self.create(node, token(self.folder))
        prove(self.folder, "Basic/" + record, "--organisation", NORTH, "-o", self.bundle, "--trust-out", self.trust)
        return node, record

    def expect_working(self, record, *seal):
        """It serves, the record from before is there, proofs from before and after hold, and new records reach the ledger."""
        node = self.serve(*seal)
        bearer = run("token", self.folder, "--organisation", NORTH, *seal, check=0).stdout.strip()
        self.assertEqual(node.call("GET", "/Basic/" + record, bearer)[0], 200)
        for one in (record, self.create(node, bearer)):
            prove(self.folder, "Basic/" + one, "--organisation", NORTH, "-o", self.bundle + "2", *seal)
            run("verify", self.bundle + "2", "--trust", self.trust, check=0)
        run("verify", self.bundle, "--trust", self.trust, check=0)
        node.stop()
        run("audit", self.folder, *seal, check=0)


class Rotation(Keys):
    def test_every_signing_key_is_another_one_and_what_the_old_ones_signed_still_holds(self):
        node, record = self.kept_node()
        bearer = token(self.folder)
        self.assertIn("stop it first", run("keys", "rotate", self.folder, "--organisation", NORTH, check=8).stderr)
        node.stop()
        before = self.current()
        self.assertEqual(json.loads(self.keys("rotate").stdout), {"authority": 2})
        after = self.current()
        for purpose in ("command", "batch", "http-signature", "promise", "opening", "access-token"):
            self.assertNotEqual(before[purpose], after[purpose], purpose)
        self.assertEqual(before["cosign"], after["cosign"], "trust files name it")
        node = self.serve()
        self.assertEqual(node.call("GET", "/Basic/" + record, bearer)[0], 401, "tokens of before hold no longer")
        node.stop()
        self.expect_working(record)
        self.assertEqual(json.loads(self.keys("rotate").stdout), {"authority": 3})
        self.expect_working(record)
        self.keys("rotate", organisation="Nobody", check=3)

    def test_records_are_asked_for_and_released_after_both_sides_have_rotated(self):
        self.init(NORTH, SOUTH)
        node, wallet = self.serve(), os.path.join(self.scratch, "me.wallet")
        run("wallet", "create", wallet, check=0)
        north, south = (self.enrol(node, self.folder, wallet, name, "p1") for name in (NORTH, SOUTH))
        run("wallet", "grant", wallet, "--node", north, "--grantee", SOUTH, "--grantee-node", south, "--category", "laboratory", check=0)
        node.stop()
        for name in (NORTH, SOUTH):
            self.keys("rotate", organisation=name)
        node = self.serve()
        body = {"resourceType": "Parameters", "parameter": [{"name": "from", "valueString": NORTH}]}
        status, _, answer = node.call("POST", "/Patient/p1/$retrieve", token(self.folder, SOUTH), body, organisation=SOUTH)
        self.assertEqual(status, 200, answer)
        told = json.loads(run("--json", "wallet", "log", wallet, "--node", node.origin, check=0).stdout)
        self.assertIn("release", [one["kind"] for one in told["accesses"]])

    def test_until_the_ledger_has_the_new_keys_the_old_ones_are_used(self):
        node, record = self.kept_node()
        node.stop()
        before = self.current()
        run("registry", "suspend", self.folder, "--organisation", NORTH, check=0)
        self.keys("rotate", check=4)  # prepared, and the ledger takes nothing
        self.assertEqual(self.current(), before)
        prepared = {one["purpose"] for one in json.loads(self.keys("list").stdout) if one["state"] == "prepared"}
        self.assertEqual(prepared, {"command", "batch", "http-signature", "promise", "opening"})
        shutil.copy(os.path.join(self.folder, KEYSTORE), self.scratch + "/prepared")
        run("registry", "reinstate", self.folder, "--organisation", NORTH, check=0)
        self.expect_working(record)
        self.keys("rotate")
        after = self.current()
        # As if the process had died when the ledger had the keys and the keystore did not know that yet.
        shutil.copy(self.scratch + "/prepared", os.path.join(self.folder, KEYSTORE))
        self.assertEqual(self.current()["command"], before["command"])
        self.expect_working(record)
        for purpose in ("command", "batch", "http-signature", "promise", "opening"):
            self.assertEqual(self.current()[purpose], after[purpose], purpose)

    def test_an_older_ledger_finds_its_keys_among_the_retired_ones(self):
        node, record = self.kept_node()
        node.stop()
        old, new = ([f"--data={self.scratch}/{one}-data", f"--keys={self.scratch}/{one}-keys"] for one in ("old", "new"))
        run("backup", self.folder, *old, check=0)
        self.keys("rotate")
        run("backup", self.folder, *new, check=0)
        shutil.rmtree(self.folder)
        run("restore", self.folder, old[0], new[1], check=0)
        self.expect_working(record)

    def test_killed_at_any_moment_nobody_is_without_a_key(self):
        chance = random.Random(20_260_102)
        node, record = self.kept_node()
        node.stop()
        began = time.monotonic()
        self.keys("rotate")
        took = time.monotonic() - began
        killed = 0
        for number in range(ROUNDS):
            what = ("rotate", "rewrap")[number % 2]
            process = subprocess.Popen([PROGRAM, "keys", what, self.folder, "--organisation", NORTH],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(chance.uniform(0.2, 1.1) * took)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed += 1
            self.expect_working(record)
        self.assertGreater(killed, 0)


class Roots(Keys):
    def test_fresh_roots_lead_to_the_same_records_and_older_keys_open_nothing(self):
        node, record = self.kept_node()
        node.stop()
        shutil.copytree(self.folder, self.folder + ".before")
        self.assertEqual(json.loads(self.keys("rewrap").stdout), {"rewrapped": True})
        self.expect_working(record)
        shutil.copy(os.path.join(self.folder + ".before", KEYSTORE), os.path.join(self.folder, KEYSTORE))
        self.assertEqual(run("status", self.folder).returncode, 6)


class Seals(Keys):
    def test_keystores_are_sealed_under_another_key_file_and_back_under_a_passphrase(self):
        node, record = self.kept_node(NORTH, SOUTH)
        reseal = ["keys", "reseal", self.folder]
        self.assertIn("stop it first", run(*reseal, "--new-key-file", self.scratch + "/other.key", check=8).stderr)
        node.stop()
        other = ("--key-file", self.scratch + "/other.key")
        done = run("--json", *reseal, "--new-key-file", other[1], check=0)
        self.assertEqual(json.loads(done.stdout), {"keystores": 3})
        self.assertEqual(run("status", self.folder).returncode, 6, "the old key file opens nothing")
        self.expect_working(record, *other)
        run(*reseal, *other, "--new-passphrase-file", "-", check=0, stdin="right horse\n")
        self.assertEqual(run("status", self.folder, *other).returncode, 6)
        run("status", self.folder, "--passphrase-file", "-", check=0, stdin="right horse\n")
        run(*reseal, check=5)
        run(*reseal, "--new-key-file", self.folder + "/inside.key", "--passphrase-file", "-", check=4, stdin="right horse\n")
        run(*reseal, "--passphrase-file", "-", "--new-passphrase-file", "-", check=5, stdin="right horse\n")
        run("status", self.folder, "--passphrase-file", "-", check=0, stdin="right horse\n")

    def test_a_reseal_that_was_cut_off_is_ended_by_the_same_command(self):
        node, record = self.kept_node()
        node.stop()
        shutil.copy(os.path.join(self.folder, KEYSTORE), self.scratch + "/old-seal")
        reseal = ["keys", "reseal", self.folder, "--new-key-file", self.scratch + "/other.key"]
        run(*reseal, check=0)
        shutil.copy(self.scratch + "/old-seal", os.path.join(self.folder, KEYSTORE))  # as if it had died between two keystores
        other = ("--key-file", self.scratch + "/other.key")
        self.assertEqual(run("status", self.folder, *other).returncode, 6)
        self.assertEqual(run("status", self.folder).returncode, 6)
        run(*reseal, check=0)
        self.expect_working(record, *other)


if __name__ == "__main__":
    unittest.main()

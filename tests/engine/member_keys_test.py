"""A real network whose members' validator keys change while it runs: a member rotates its key, killed in the middle too, and a follower
becomes a validator; and a member rotates the keys of its organisation.
Usage: member_keys_test.py CARELEDGER COMETBFT"""

import json
import os
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from members import ALL, CITY, EAST, ENGINE, MEMBERS, NORTH, REGION, SOUTH, Newcomer, until  # noqa: E402
from node import PROGRAM, ended, http, run  # noqa: E402


class ValidatorKeys(Newcomer):
    def validator(self, name, seen_by=NORTH):
        """The address of a member's validator key, as another member's ledger has it."""
        return self.seen_by(seen_by)[1][name]["validator"]

    def held(self, name):
        """Which validator keys its keystore holds, by label."""
        inventory = json.loads(run("--json", "keys", "list", self.folder(name), check=0).stdout)
        return {one["label"]: one["public_key"] for one in inventory if one["purpose"] == "validator"}

    def rotate(self, name, *more, check=0):
        how = ["--json"] if check == 0 else []  # with it errors go to standard output, too
        done = run(*how, "network", "rotate-key", self.folder(name), "--organisation", name, *more, check=check)
        return json.loads(done.stdout) if check == 0 else done

    def ask(self, name, question):
        status, _, answer = http(self.nodes[name].addresses["rpc"][0] + question)
        self.assertEqual(status, 200, answer)
        return json.loads(answer)["result"]

    def block(self, name):
        """One more block at least, at this member."""
        before = self.height(name)
        self.put(name, {"resourceType": "Basic", "id": f"b{before:.0f}", "code": {"text": "x"}})
        until("a block", lambda: self.height(name) > before)

    def signers(self, height):
        """The addresses whose votes stand under a block."""
        commit = self.ask(NORTH, f"/commit?height={height}")["signed_header"]["commit"]
        return {one["validator_address"].lower() for one in commit["signatures"] if one["block_id_flag"] == 2}

    def validators(self, height):
        return {one["address"].lower() for one in self.ask(NORTH, f"/validators?height={height}")["validators"]}

    def blocks_until(self, name, height):
        while self.height(name) < height:
            self.block(name)

    def changed(self, old, new, since):
        """From `since` on the new key is the validator and signs; before it was the old one; never both."""
        self.blocks_until(NORTH, since + 3)
        for height in range(since - 1, since + 3):
            validators = self.validators(height)
            self.assertEqual((old in validators, new in validators), (height < since, height >= since), height)
            self.assertNotIn(new if height < since else old, self.signers(height))
        def votes():
            height = int(self.height(NORTH)) - 1
            return new in self.signers(height) or self.block(NORTH)

        until("a vote by the new key", votes)

    def no_evidence(self):
        self.assertEqual(self.standing(NORTH)["evidence"], [])

    def test_1_a_member_changes_its_key_and_only_its_own_engine_takes_part_in_that(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        old = self.validator(CITY)
        self.assertEqual(self.rotate(CITY)["status"], "fresh")  # its key was made at the founding, a moment ago
        self.assertEqual(self.validator(CITY), old)
        done = self.rotate(CITY, "--again")
        self.assertEqual(done["status"], "rotated")
        self.changed(old, done["validator"], done["from"])
        self.assertEqual(self.held(CITY), {"": done["key"]})  # nobody can sign with the old one any more
        self.assertEqual({self.validator(CITY, name) for name, _ in MEMBERS}, {done["validator"]})
        until("four that sign", lambda: self.nodes[NORTH].metric("careledger_validators_signing") == 4)
        self.nodes[SOUTH].stop(signal.SIGKILL)  # from now on there is no block without its vote
        self.block(CITY)
        self.nodes[CITY].stop(signal.SIGKILL)
        self.start(CITY)  # and it goes on with the new one
        self.block(CITY)
        self.start(SOUTH)
        self.assertEqual(self.rotate(CITY)["status"], "fresh")
        self.no_evidence()

    def test_2_killed_in_the_middle_it_goes_on_with_the_key_that_was_prepared(self):
        until("all at one height", lambda: len({self.height(name) for name, _ in MEMBERS}) == 1)
        old = self.validator(REGION)
        for name in (NORTH, SOUTH):  # without a quorum the ledger hears of it and does not take it
            self.nodes[name].stop(signal.SIGKILL)
        self.assertIn("did not answer in time", self.rotate(REGION, "--again", check=8).stderr)
        held = self.held(REGION)
        self.assertEqual(set(held), {"", "next"})
        self.nodes[REGION].stop(signal.SIGKILL)
        for name in (NORTH, SOUTH, REGION):
            self.start(name)
        until("blocks again", lambda: all(self.nodes[name].metric("careledger_has_quorum") for name, _ in MEMBERS))
        done = self.rotate(REGION)  # "fresh" when another member's pool kept the first order, which took effect already
        self.assertEqual(done["key"], held["next"], done)
        self.nodes[REGION].stop(signal.SIGKILL)  # the ledger has it, and it is not in force yet, or only just
        self.start(REGION)
        until("the new key alone", lambda: self.held(REGION) == {"": held["next"]} or self.block(NORTH))
        self.assertNotEqual(self.validator(REGION), old)
        self.blocks_until(NORTH, (done["from"] or self.height(NORTH)) + 2)
        self.assertNotIn(old, self.validators(int(self.height(NORTH)) - 1))
        self.nodes[SOUTH].stop(signal.SIGKILL)  # from now on there is no block without its vote
        self.block(REGION)
        self.start(SOUTH)
        self.no_evidence()

    def authority(self, name):
        """Its organisation's keys by their state, of those that the ledger's authority has."""
        inventory = json.loads(run("--json", "keys", "list", self.folder(name), "--organisation", name, check=0).stdout)
        return {(one["purpose"], one["state"]): one["public_key"] for one in inventory if one["purpose"] in ("command", "batch", "opening")}

    def test_3_a_member_rotates_the_keys_of_its_organisation(self):
        rotate = ["keys", "rotate", self.folder(SOUTH), "--organisation", SOUTH, "--engine", ENGINE]
        self.put(SOUTH, {"resourceType": "Basic", "id": "kept", "code": {"text": "x"}})
        self.proof_of(SOUTH, "Basic/kept")
        self.assertIn("stop it first", run(*rotate, check=8).stderr)
        self.nodes[SOUTH].stop()
        before = self.authority(SOUTH)
        killed = subprocess.Popen([PROGRAM, *rotate], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(killed.kill)
        until("prepared keys", lambda: ("command", "prepared") in self.authority(SOUTH) or killed.poll() is not None)
        killed.kill()  # the ledger may have heard of them, or not
        killed.wait()
        done = run("--json", *rotate, timeout=ALL)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreaterEqual(json.loads(done.stdout)["authority"], 2)
        after = self.authority(SOUTH)
        for purpose in ("command", "batch", "opening"):
            self.assertNotEqual(after[(purpose, "current")], before[(purpose, "current")])
        self.start(SOUTH)
        for resource in ("kept", "after"):
            self.put(SOUTH, {"resourceType": "Basic", "id": resource, "code": {"text": "y"}})
            self.proof_of(SOUTH, "Basic/" + resource)
        until("a head over its accesses", lambda: self.nodes[SOUTH].metric("careledger_audit_entries_without_head") == 0)
        self.assertEqual(self.nodes[SOUTH].metric("careledger_anchors_refused"), 0)
        self.block(NORTH)
        self.no_evidence()

    def test_4_a_follower_becomes_a_validator_by_votes_and_a_command_at_its_node(self):
        founding = self.read_ledger()
        wish = self.describe("--founding", founding, "--weight", "0")
        for name, _ in MEMBERS:
            self.let_in(name, wish)
        joining = self.joining()
        self.decide([NORTH, SOUTH, CITY], "--admit", wish)
        said, _ = ended(joining, ALL)
        self.assertEqual(joining.returncode, 0, said)
        self.start(EAST)
        self.assertEqual(self.validator(EAST), "")
        self.assertIn("has no vote", self.rotate(EAST, check=4).stderr)
        refused = run("network", "propose", self.folder(NORTH), "--organisation", NORTH, "--weight-of", EAST, "--weight", "10")
        self.assertEqual(refused.returncode, 4, refused.stderr)
        self.assertIn("let it propose its vote itself", refused.stderr)
        proposal = self.propose(EAST, "--weight-of", EAST, "--weight", "10")
        self.assertEqual([self.vote(name, proposal) for name in (NORTH, SOUTH, CITY)][-1], "carried out")
        new = until("the key on the ledger", lambda: self.validator(EAST))
        until("its vote", lambda: new in self.signers(int(self.height(NORTH)) - 1) or self.block(NORTH))
        self.signs("first")
        self.no_evidence()


if __name__ == "__main__":
    unittest.main(verbosity=2)

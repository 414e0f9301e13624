"""A member of a real network looks after its folder: it audits what it stores, backs it up, loses it and brings it back.
Usage: keeping_test.py CARELEDGER COMETBFT"""

import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from members import CITY, ENGINE, FETCHING, LONGEST, MEMBERS, NORTH, REGION, SOUTH, Network, until  # noqa: E402
from node import PROGRAM, ended, flip, http, run  # noqa: E402

EMPTY = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"  # SHA-256 of nothing: no evidence


class Keeping(Network):
    def write(self, name, *resources):
        for resource in resources:
            self.put(name, {"resourceType": "Basic", "id": resource, "code": {"text": "x"}})
        self.proof_of(name, "Basic/" + resources[-1])

    def audit(self, *more, check=None):
        return run("--json", "audit", self.folder(CITY), "--engine", ENGINE, *more, check=check)

    def described(self, name):
        with open(os.path.join(self.folder(name), "description.json"), encoding="utf-8") as text:
            return text.read()

    def found(self):
        """What an audit finds after a change, by store, place and words; the folder is then as it was."""
        done = self.audit(check=1)
        return [" ".join((one.get("store", ""), one.get("where", ""), one["what"])) for one in json.loads(done.stdout)["findings"]]

    def test_an_audit_names_what_was_changed_in_the_folder_of_a_stopped_member(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        self.write(CITY, *(f"a{number}" for number in range(20)))
        self.assertEqual(self.audit().returncode, 8)  # it serves
        own = {one["purpose"]: one["public_key"] for one in json.loads(run("--json", "keys", "list", self.folder(CITY), check=0).stdout)}
        self.assertIn(own["validator"], self.described(CITY))
        self.assertIn(own["engine-node"], self.described(CITY))
        anchored = os.path.join(self.scratch, "anchored")
        bundle = os.path.join(self.scratch, "proof")
        run("prove", self.folder(CITY), "Basic/a19", "--organisation", CITY, "-o", bundle, "--trust-out", anchored,
            "--trusting-period", "30", check=0)
        self.nodes[CITY].stop()
        self.assertIn("everything in it opens", run("upgrade", self.folder(CITY), check=0).stdout)
        seen = json.loads(self.audit(check=0).stdout)
        self.assertTrue(seen["sound"], seen)
        said = run("audit", self.folder(CITY), "--engine", ENGINE, check=0).stdout
        self.assertRegex(said, r"Looked at [0-9]+ blocks, 2[0-9] record versions")
        self.assertEqual(run("audit", self.folder(CITY), "--engine", "/nowhere").returncode, 3)

        self.assertTrue(json.loads(self.audit("--trust", anchored, check=0).stdout)["sound"])
        with open(anchored, encoding="utf-8") as file:
            other = json.load(file)
        other["anchor"]["hash"] = "00" + other["anchor"]["hash"][2:]
        with open(anchored, "w", encoding="utf-8") as file:
            json.dump(other, file)
        self.assertIn("the block that it names is not on this ledger", self.audit("--trust", anchored, check=1).stdout)

        whole = self.folder(CITY) + ".whole"
        shutil.copytree(self.folder(CITY), whole, ignore=lambda _, names: [name for name in names if name.endswith(".sock")])

        def changed(pattern, change=flip):
            shutil.rmtree(self.folder(CITY))
            shutil.copytree(whole, self.folder(CITY))
            files = glob.glob(os.path.join(self.folder(CITY), pattern))
            change(max(files, key=os.path.getsize))
            return "\n".join(self.found())

        self.assertRegex(changed("engine/data/blockstore.db/*.l*"), r"ledger block [0-9]+ |ledger engine ")
        self.assertRegex(changed("ledger/*.sst"), "/ledger: stored data are damaged")
        self.assertRegex(changed("organisations/*/audit/audit.log"), r"audit entry [0-9]+")
        self.assertRegex(changed("engine/data/blockstore.db/CURRENT", os.unlink), "the engine keeps blocks up to 0|ledger engine")
        shutil.rmtree(self.folder(CITY))
        shutil.move(whole, self.folder(CITY))
        self.audit(check=0)
        self.start(CITY)
        until("all at one height", lambda: len({self.height(name) for name, _ in MEMBERS}) == 1)

    def test_a_block_that_nothing_proves_yet_is_executed_again(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        for number in range(40):
            height = self.height(CITY)
            self.put(NORTH, {"resourceType": "Basic", "id": f"r{number}", "code": {"text": "x"}})
            end = time.monotonic() + LONGEST
            while self.height(CITY) <= height:  # the record's block; without a pause, since the next one comes at once
                self.assertLess(time.monotonic(), end)
            self.nodes[CITY].stop(signal.SIGKILL)  # most often before the block that proves it
            seen = json.loads(self.audit(check=0).stdout)
            self.assertEqual((seen["sound"], seen["not_held_against_anything"]), (True, []), seen)
            if "state and log are what its commands make of those that its own header names" in " ".join(seen["notes"]):
                break
            self.start(CITY)
            until("all blocks", lambda: self.height(CITY) >= self.height(NORTH))
        else:
            self.fail("no kill came between a block and its proof")
        self.assertFalse(os.path.exists(self.folder(CITY) + "/ledger.again"))
        self.start(CITY)
        until("all blocks", lambda: self.height(CITY) >= self.height(NORTH))

    def no_evidence(self):
        """Nobody was seen to contradict itself, in any block."""
        for height in range(1, int(self.height(NORTH)) + 1):
            status, _, answer = http(self.nodes[NORTH].addresses["rpc"][0] + f"/commit?height={height}")
            self.assertEqual(status, 200, answer)
            self.assertEqual(json.loads(answer)["result"]["signed_header"]["header"]["evidence_hash"], EMPTY)

    def test_a_member_that_lost_its_folder_comes_back_from_its_backup_and_contradicts_nothing(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        self.write(CITY, "kept")
        where = ["--data", os.path.join(self.scratch, "data"), "--keys", os.path.join(self.scratch, "keys")]
        run("backup", self.folder(CITY), *where, check=0)  # of a node that serves
        run("backup", self.folder(CITY), *where, "--verify", check=0)
        self.assertFalse(os.path.exists(where[1] + "/engine.signed"))
        self.write(CITY, "lost")  # final: everybody has its anchor, and nobody its content
        until("a head over its accesses", lambda: self.nodes[CITY].metric("careledger_audit_entries_without_head") == 0)
        self.nodes[CITY].stop(signal.SIGKILL)
        shutil.rmtree(self.folder(CITY))

        restore = ["--json", "restore", self.folder(CITY), *where, "--engine", ENGINE]
        killed = subprocess.Popen([PROGRAM, *restore], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until("its folder", lambda: os.path.exists(self.folder(CITY) + "/restoring"))
        killed.kill()
        killed.wait()
        refused = run("serve", self.folder(CITY), "--engine", ENGINE)
        self.assertEqual(refused.returncode, 4, refused.stderr)
        self.assertIn("run careledger restore again", refused.stderr)
        other = run("restore", self.folder(CITY), "--data", self.scratch, "--keys", where[3], "--engine", ENGINE)
        self.assertEqual(other.returncode, 4, other.stderr)
        self.assertIn("is being restored from " + where[1], other.stderr)
        again = subprocess.Popen([PROGRAM, *restore], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            said, error = ended(again, FETCHING)  # it waits for a block that was made ten seconds after the first one: 20 to 36 s
        except AssertionError as late:
            heights = [self.height(name) for name in (NORTH, SOUTH, REGION)]
            with open(self.folder(CITY) + "/engine/engine.log", encoding="utf-8") as log:
                raise AssertionError(f"{late}\nthe others are at {heights}\n{log.read()[-4000:]}") from late
        self.assertEqual(again.returncode, 0, error)
        self.assertGreater(json.loads(said)["lost_accesses"], 0)
        self.assertFalse(os.path.exists(self.folder(CITY) + "/restoring"))

        self.start(CITY)
        self.assertEqual(self.nodes[CITY].call("GET", "/Basic/kept", self.bearer(CITY))[0], 200)
        self.assertEqual(self.nodes[CITY].call("GET", "/Basic/lost", self.bearer(CITY))[0], 404)
        self.proof_of(CITY, "Basic/kept")
        self.nodes[SOUTH].stop(signal.SIGKILL)  # from now on there is no block without its vote
        self.write(CITY, "after")
        self.assertRegex(self.proof_of(CITY, "Basic/after"), r"[Ss]igned by 3 keys")
        until("a head over its accesses", lambda: self.nodes[CITY].metric("careledger_audit_entries_without_head") == 0)
        self.assertEqual(self.nodes[CITY].metric("careledger_audit_heads_refused"), 0)
        self.no_evidence()
        self.nodes[CITY].stop()
        seen = json.loads(self.audit(check=0).stdout)
        self.assertTrue(seen["sound"], seen)
        self.assertRegex(" ".join(seen["notes"]), "City Laboratory: [12] of its anchors on the ledger, in blocks [0-9]+ to [0-9]+, are of ")

        cold = ["--data", os.path.join(self.scratch, "cold"), "--keys", os.path.join(self.scratch, "cold-keys")]
        run("backup", self.folder(CITY), *cold, check=0)  # of one that is stopped
        run("backup", self.folder(CITY), *cold, "--verify", check=0)
        self.start(CITY)
        self.start(SOUTH)
        until("all at one height", lambda: len({self.height(name) for name, _ in MEMBERS}) == 1)
        self.assertIn(REGION, self.seen_by(NORTH)[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)

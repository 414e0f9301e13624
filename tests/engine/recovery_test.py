"""A founder whose ledger was lost fetches it again by a snapshot that the other members made before they were started anew.
Usage: recovery_test.py CARELEDGER COMETBFT"""

import base64
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from members import CITY, ENGINE, FETCHING, MEMBERS, NORTH, SOUTH, Network, until  # noqa: E402
from node import PROGRAM, http, run  # noqa: E402

EVERY = 30  # blocks between two snapshots: no other one comes while members start again and one is fetched, however slow the machine


class Recovering(Network):
    SERVE = ["--snapshot-every", str(EVERY)]

    def rpc(self, name, question):
        return json.loads(http(self.nodes[name].addresses["rpc"][0] + question)[2])["result"]

    def ledger(self, name, question):
        status, _, answer = http(self.nodes[name].origin + "/ledger/v1/" + question)
        self.assertEqual(status, 200, answer)
        return json.loads(answer)

    def on_disk(self, name):
        """Heights of a member's snapshots."""
        return sorted(int(os.path.basename(file).split(".")[0]) for file in glob.glob(self.folder(name) + "/snapshots/*.whole"))

    def enrol(self, name, patient):
        wallet = os.path.join(self.scratch, "me.wallet")
        run("wallet", "create", wallet, check=0)
        self.put(name, {"resourceType": "Patient", "id": patient})
        code = run("wallet", "show", wallet, "--label", name, check=0).stdout.strip()
        body = {"resourceType": "Parameters", "parameter": [{"name": "enrolment", "valueString": code}]}
        status, _, answer = self.nodes[name].call("POST", f"/Patient/{patient}/$relationship", self.bearer(name), body)
        self.assertEqual(status, 200, answer)
        run("wallet", "accept", wallet, "--node", self.nodes[name].origin, "--certificate", self.trusted, "--label", name, check=0)
        return wallet

    def read_log(self, wallet, name):
        return run("wallet", "log", wallet, "--node", self.nodes[name].origin, "--certificate", self.trusted, check=0).stdout

    def recover(self, *more):
        return run("--json", "network", "recover", self.folder(SOUTH), "--engine", ENGINE, *more, timeout=FETCHING)

    def remembers_another_history(self):
        witness, = glob.glob(self.folder(SOUTH) + "/organisations/*/witness")
        with open(witness, encoding="utf-8") as file:
            text = file.read()
        lines = text.split("\n")
        lines[2] = base64.b64encode(b"x" * 32).decode()
        with open(witness, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        refused = self.recover()
        self.assertEqual(refused.returncode, 4, refused.stdout)
        self.assertIn("entries of another history than the one that was fetched", refused.stdout + refused.stderr)
        self.is_not_served()
        with open(witness, "w", encoding="utf-8") as file:
            file.write(text)
        self.assertEqual(self.recover().returncode, 0)

    def is_not_served(self):
        refused = run("serve", self.folder(SOUTH), "--engine", ENGINE)
        self.assertIn("is not recovered yet: run careledger network recover again", refused.stderr)
        self.assertNotEqual(refused.returncode, 0)

    def kill_a_recovery(self, *how):
        killed = subprocess.Popen([PROGRAM, "network", "recover", self.folder(SOUTH), "--engine", ENGINE, *how], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        until("its beginning", lambda: os.path.exists(self.folder(SOUTH) + "/recovering"))
        killed.kill()
        killed.wait()
        self.is_not_served()

    def test_a_founder_with_wallets_comes_back_by_a_snapshot_of_members_that_were_started_anew(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        wallet = self.enrol(SOUTH, "p1")
        self.put(SOUTH, {"resourceType": "Observation", "id": "old", "status": "final", "code": {"text": "x"},
                         "subject": {"reference": "Patient/p1"}})
        self.proof_of(SOUTH, "Observation/old")
        self.read_log(wallet, SOUTH)
        remembered = int(self.ledger(SOUTH, "checkpoint?from=0")["size"])
        self.fill((self.height(NORTH) // EVERY + 2) * EVERY + 6)
        self.read_log(wallet, SOUTH)

        self.nodes[SOUTH].stop(signal.SIGKILL)
        for folder in ("ledger", "engine", "snapshots"):
            shutil.rmtree(os.path.join(self.folder(SOUTH), folder))
        others = [name for name, _ in MEMBERS if name != SOUTH]
        until("two snapshots", lambda: all(len(self.on_disk(name)) == 2 for name in others))
        offered = {name: self.on_disk(name) for name in others}
        for name in others:
            self.nodes[name].stop(signal.SIGKILL if name == CITY else signal.SIGTERM)
        for name in others:
            self.start(name)
        until("their blocks", lambda: len({self.height(name) for name in others}) == 1)
        self.assertEqual({name: self.on_disk(name) for name in others}, offered)

        servers = [option for name in (NORTH, CITY) for option in ("--rpc", self.nodes[name].addresses["rpc"][0])]
        trusted = offered[NORTH][-1] - 1
        block = self.rpc(NORTH, f"/commit?height={trusted}")["signed_header"]["commit"]["block_id"]["hash"]
        how = [*servers, "--trust", f"{trusted}:{block}", "--members-certificates", self.trusted]
        refused = self.recover(*how[:2], *how[4:])
        self.assertEqual(refused.returncode, 5, refused.stdout)
        self.kill_a_recovery(*how)
        came = self.recover(*how)
        self.assertEqual(came.returncode, 0, came.stdout + came.stderr)
        self.assertEqual(self.recover().returncode, 0)  # it is there
        self.remembers_another_history()
        self.start(SOUTH)
        until("all at one height", lambda: len({self.height(name) for name in self.nodes}) == 1)
        first = json.loads(run("--json", "status", self.folder(SOUTH), check=0).stdout)[0]["first_block"]
        self.assertIn(first - 1, offered[NORTH])

        # What wallets and outsiders ask for is as it was: the log came with the state.
        for size in (1, remembered, remembered + 1):
            asked = f"consistency?from={size}"
            until("the same answer while blocks come", lambda: self.ledger(SOUTH, asked) == self.ledger(NORTH, asked))
        self.read_log(wallet, SOUTH)
        self.assertRegex(self.proof_of(SOUTH, "Observation/old"), r"[Ss]igned by [34] keys")
        self.put(SOUTH, {"resourceType": "Basic", "id": "new", "code": {"text": "x"}})
        self.proof_of(SOUTH, "Basic/new")
        until("its vote", lambda: self.seen_by(NORTH)[1][SOUTH]["signed"] > 0)
        self.assertEqual(self.standing(NORTH)["evidence"], [])
        self.nodes[SOUTH].stop()
        seen = json.loads(run("--json", "audit", self.folder(SOUTH), "--engine", ENGINE, check=0).stdout)
        self.assertTrue(seen["sound"], seen)


if __name__ == "__main__":
    unittest.main(verbosity=2)

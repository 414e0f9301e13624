"""A member of a real network whose engine drops old blocks, beside others that keep all.
Usage: pruning_test.py CARELEDGER COMETBFT PRUNING_NODE"""

import http.client
import json
import os
import signal
import sys
import unittest

PRUNING = os.path.abspath(sys.argv.pop(3))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from consortium_test import CITY, ENGINE, MEMBERS, NORTH, SOUTH, Network, until  # noqa: E402
from node import http as ask_http  # noqa: E402
from node import run  # noqa: E402
from over_socket import ask_engine  # noqa: E402


class Pruning(Network):
    SERVE = ["--snapshot-every", "10"]
    OTHERWISE = {CITY: (PRUNING, ["--keep-blocks", "20"])}

    def engine_first(self, name):
        """The lowest block of a member's engine, as the engine itself says; 0 while it does not answer."""
        try:
            return int(ask_engine(self.folder(name), "/status")["sync_info"]["earliest_block_height"])
        except (OSError, http.client.HTTPException):
            return 0

    def ask(self, name, question):
        """Of a member's read-only RPC: its answer, or the words of its error."""
        status, _, answer = ask_http(self.nodes[name].addresses["rpc"][0] + question)
        body = json.loads(answer)
        return body["result"] if status == 200 else body["error"].get("data") or body["error"]["message"]

    def earliest(self, name):
        return int(self.ask(name, "/status")["sync_info"]["earliest_block_height"])

    def fill(self, blocks):
        """So many blocks more, with records: without them there is one each ten seconds."""
        height = self.height(CITY) + blocks
        number = 0
        while self.height(CITY) < height:
            number += 1
            before = self.height(CITY)
            self.put(NORTH, {"resourceType": "Basic", "id": f"b{height:.0f}-{number}", "code": {"text": "x"}})
            until("a block with it", lambda before=before: self.height(CITY) > before)

    def audit(self, *more):
        return json.loads(run("--json", "audit", self.folder(CITY), "--engine", ENGINE, *more, check=0).stdout)

    def says_what_is_gone(self, first):
        for question in ("commit", "header", "consensus_params", "validators"):
            said = self.ask(CITY, f"/{question}?height={first - 1}")
            self.assertRegex(said, f"block {first - 1}: this node keeps signed headers from block [0-9]+ on")
            self.assertIn("ask a member that keeps all", said)
        self.assertIn("height 1 is not available", self.ask(CITY, "/commit?height=1"))
        self.assertEqual(self.ask(CITY, f"/commit?height={first + 9}"), self.ask(NORTH, f"/commit?height={first + 9}"))
        self.assertIn("signed_header", self.ask(NORTH, "/commit?height=1"))

    def test_one_member_drops_old_blocks_and_everything_else_goes_on(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        refused = run("serve", self.folder(SOUTH), "--engine", ENGINE, "--keep-blocks", "999999")
        self.assertEqual(refused.returncode, 5, refused.stderr)
        self.assertIn("--keep-blocks: at least 1000000", refused.stderr)
        self.put(CITY, {"resourceType": "Basic", "id": "old", "code": {"text": "x"}})
        self.proof_of(CITY, "Basic/old")
        anchored, bundle = os.path.join(self.scratch, "anchored"), os.path.join(self.scratch, "early")
        run("prove", self.folder(CITY), "Basic/old", "--organisation", CITY, "-o", bundle, "--trust-out", anchored,
            "--trusting-period", "30", check=0)
        with open(anchored, encoding="utf-8") as file:
            early = int(json.load(file)["anchor"]["height"])
        self.fill(40)

        until("blocks that go", lambda: self.engine_first(CITY) > early)
        self.assertEqual({self.engine_first(name) for name, _ in MEMBERS if name != CITY}, {1})
        first = until("one answer of node and engine",
                      lambda: self.earliest(CITY) if self.earliest(CITY) == self.engine_first(CITY) else None)
        self.assertEqual(self.earliest(NORTH), 1)
        self.says_what_is_gone(first)
        self.assertGreaterEqual(json.loads(run("--json", "status", self.folder(CITY), check=0).stdout)[0]["first_block"], first)
        self.assertRegex(self.proof_of(CITY, "Basic/old"), r"[Ss]igned by [34] keys")  # its own block is gone, its place in the log is not
        run("verify", bundle, "--trust", anchored, check=0)

        self.nodes[CITY].stop()
        seen = self.audit("--trust", anchored)
        self.assertTrue(seen["sound"], seen)
        self.assertIn("the engine keeps blocks from", " ".join(seen["notes"]))
        self.assertRegex(" ".join(seen["notes"]), f"the block that the trust file names is not kept here: block {early}: this node keeps")

        self.start(CITY)
        first = until("its engine", lambda: self.engine_first(CITY))
        self.fill(15)
        until("more that go", lambda: self.engine_first(CITY) > first)
        self.nodes[CITY].stop(signal.SIGKILL)
        self.start(CITY)
        self.fill(2)
        self.assertGreater(until("its engine", lambda: self.engine_first(CITY)), first)

        del self.OTHERWISE[CITY]  # an archive from now on
        self.nodes[CITY].stop()
        self.start(CITY)
        first = until("its engine", lambda: self.engine_first(CITY))
        self.fill(12)
        self.assertEqual(self.engine_first(CITY), first)
        self.assertEqual(self.earliest(CITY), first)
        until("all at one height", lambda: len({self.height(name) for name, _ in MEMBERS}) == 1)
        height = f"/header?height={self.height(CITY):.0f}"
        self.assertEqual(self.ask(CITY, height), self.ask(NORTH, height))


if __name__ == "__main__":
    unittest.main(verbosity=2)

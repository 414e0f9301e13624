"""Members of a real network that drop old blocks, beside others that keep all, and one that was away for longer.
Usage: pruning_test.py CARELEDGER COMETBFT PRUNING_NODE"""

import base64
import http.client
import json
import os
import re
import shutil
import signal
import sys
import unittest

PRUNING = os.path.abspath(sys.argv.pop(3))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from members import CITY, ENGINE, MEMBERS, NORTH, REGION, SOUTH, Network, until  # noqa: E402
from node import run  # noqa: E402
from over_socket import ask_engine  # noqa: E402

# A key that signs nothing here: the first one of RFC 8032, section 7.1.
NOBODY = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


class Dropping(Network):
    """All are founded with evidence that counts for five blocks and a second, so that the engine lets go of all that is old."""

    SERVE = ["--snapshot-every", "10"]
    OTHERWISE = {name: (PRUNING, []) for name, _ in MEMBERS}

    def engine_at(self, name):
        """How a member's engine stands, as the engine itself says; nothing while it does not answer."""
        try:
            return ask_engine(self.folder(name), "/status")["sync_info"]
        except (OSError, http.client.HTTPException):
            return None

    def engine_first(self, name):
        """The lowest block of a member's engine; 0 while it does not answer."""
        known = self.engine_at(name)
        return int(known["earliest_block_height"]) if known else 0

    def fill_more(self, blocks):
        self.fill(self.height(NORTH) + blocks)


class Pruning(Dropping):
    OTHERWISE = {**Dropping.OTHERWISE, CITY: (PRUNING, ["--keep-blocks", "20"])}

    def earliest(self, name):
        return int(self.ask(name, "/status")["sync_info"]["earliest_block_height"])

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

    def refuses_a_ledger_below_the_blocks(self, older):
        whole, ledger = os.path.join(self.scratch, "whole"), self.folder(CITY) + "/ledger"
        shutil.move(ledger, whole)
        shutil.copytree(older, ledger)
        refused = run("serve", self.folder(CITY), "--engine", ENGINE)
        self.assertEqual(refused.returncode, 4, refused.stderr)
        self.assertRegex(refused.stderr, "is at block [0-9]+, and the engine in .* has none below [0-9]+: one of the two is an older copy")
        shutil.rmtree(ledger)
        shutil.move(whole, ledger)

    def says_what_was_made_up(self, anchored):
        """A block and validators that never were, of a height that was dropped."""
        with open(anchored, encoding="utf-8") as file:
            trust = json.load(file)
        trust["anchor"]["hash"] = "ab" * 32
        trust["validators"] = [{"public_key": base64.b64encode(NOBODY).decode(), "power": 10}]
        invented = os.path.join(self.scratch, "invented")
        with open(invented, "w", encoding="utf-8") as file:
            json.dump(trust, file)
        done = run("--json", "audit", self.folder(CITY), "--engine", ENGINE, "--trust", invented, check=1)
        seen = json.loads(done.stdout)
        self.assertTrue(seen["sound"], seen)
        self.assertIn("no two thirds of the votes that it names signed block", " ".join(seen["not_held_against_anything"]))

    def test_one_member_drops_old_blocks_and_everything_else_goes_on(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        with open(self.folder(CITY) + "/engine/config/genesis.json", encoding="utf-8") as genesis:
            self.assertEqual(json.load(genesis)["consensus_params"]["evidence"]["max_age_num_blocks"], "5")
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
        self.fill_more(40)

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
        older = os.path.join(self.scratch, "older")
        shutil.copytree(self.folder(CITY) + "/ledger", older)
        seen = self.audit("--trust", anchored)
        self.assertTrue(seen["sound"], seen)
        own = int(re.search("the ledger says that it has blocks from ([0-9]+) on alone", " ".join(seen["notes"])).group(1))
        self.assertGreater(own, early + 1)  # the block with the record, too
        self.assertRegex(" ".join(seen["notes"]), "of the [1-9][0-9]* entries that they left in the log only that they give its root")
        self.assertRegex(" ".join(seen["notes"]), f"the block that the trust file names is not kept here: block {early}: this node keeps")
        self.assertIn("more than two thirds of the votes that it names signed block", " ".join(seen["notes"]))
        self.assertEqual(seen["not_held_against_anything"], [])
        self.says_what_was_made_up(anchored)

        self.start(CITY)
        first = until("its engine", lambda: self.engine_first(CITY))
        self.assertLessEqual(own, first)  # the engine's go first
        self.assertRegex(self.proof_of(CITY, "Basic/old"), r"[Ss]igned by [34] keys")  # its own copy of that block is gone as well
        run("verify", bundle, "--trust", anchored, check=0)
        self.fill_more(45)
        until("more that go", lambda: self.engine_first(CITY) > first + 30)
        self.nodes[CITY].stop(signal.SIGKILL)
        self.refuses_a_ledger_below_the_blocks(older)
        self.start(CITY)
        self.fill_more(2)
        self.assertGreater(until("its engine", lambda: self.engine_first(CITY)), first)

        self.OTHERWISE[CITY] = (PRUNING, [])  # an archive from now on
        self.nodes[CITY].stop()
        self.start(CITY)
        first = until("its engine", lambda: self.engine_first(CITY))
        self.fill_more(12)
        self.assertEqual(self.engine_first(CITY), first)
        self.assertEqual(self.earliest(CITY), first)
        height = self.height(CITY)
        until("that block at every member", lambda: all(self.height(name) >= height for name, _ in MEMBERS))
        self.assertEqual(self.ask(CITY, f"/header?height={height:.0f}"), self.ask(NORTH, f"/header?height={height:.0f}"))
        self.assertIn("signed_header", self.ask(NORTH, "/commit?height=1"))
        self.assertLess(self.looked_at(CITY), self.looked_at(NORTH) - early)

    def looked_at(self, name):
        """Blocks that an audit finds; those of an archive are all."""
        self.nodes[name].stop()
        said = run("audit", self.folder(name), "--engine", ENGINE, check=0).stdout
        self.assertEqual("has blocks from" in said, name == CITY, said)
        return int(re.search("Looked at ([0-9]+) blocks", said).group(1))


class Away(Dropping):
    OTHERWISE = {**Dropping.OTHERWISE, SOUTH: (PRUNING, ["--keep-blocks", "15"]), CITY: (PRUNING, ["--keep-blocks", "15"])}

    def network_of(self, name):
        return json.loads(run("--json", "status", self.folder(name), check=0).stdout)[0]["network"]

    def test_a_member_that_meets_only_members_without_its_blocks_asks_again_until_one_has_them(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        left = self.height(REGION)
        self.nodes[REGION].stop()
        self.fill_more(35)
        until("blocks that go", lambda: min(self.engine_first(SOUTH), self.engine_first(CITY)) > left + 5)
        self.nodes[NORTH].stop()  # who alone keeps all
        self.start(REGION)
        until("a new start of its engine", lambda: "stayed far behind the other members" in self.nodes[REGION].log())
        told = until("an answer of its engine", lambda: self.engine_at(REGION))
        self.assertLess(int(told["latest_block_height"]), left + 5)
        until("its own word on it", lambda: self.network_of(REGION).get("behind", 0) > 10)
        until("the same for people", lambda: re.search("this node is .*[0-9]+ blocks behind the others",
                                                       run("status", self.folder(REGION), check=0).stdout))
        self.start(NORTH)
        until("all blocks", lambda: self.height(REGION) >= self.height(SOUTH) > left)
        self.fill_more(3)
        until("the newest blocks", lambda: self.height(REGION) >= self.height(NORTH))


if __name__ == "__main__":
    unittest.main(verbosity=2)

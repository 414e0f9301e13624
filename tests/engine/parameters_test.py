"""A real network whose members vote about a parameter that their engines must follow, and about the group of one of them.
Usage: parameters_test.py CARELEDGER COMETBFT"""

import json
import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from members import CITY, MEMBERS, NORTH, REGION, SOUTH, Network, until  # noqa: E402
from node import http, run  # noqa: E402


class Parameters(Network):
    def parameter(self, name, which):
        return next(one for one in self.standing(name)["parameters"] if one["name"] == which)

    def limits(self):
        """By height what North says that the largest block is, and what the engine's header says of all its limits."""
        def ask(question):
            status, _, answer = http(self.nodes[NORTH].addresses["rpc"][0] + question)
            self.assertEqual(status, 200, answer)
            return json.loads(answer)["result"]

        heights = range(1, int(self.height(NORTH)) + 1)
        return [(int(ask(f"/consensus_params?height={height}")["consensus_params"]["block"]["max_bytes"]),
                 ask(f"/header?height={height}")["header"]["consensus_hash"]) for height in heights]

    def test_members_change_a_parameter_and_a_group_by_votes(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        propose = ["network", "propose", self.folder(NORTH), "--organisation", NORTH]
        self.assertIn("proposal_days", run(*propose, "--parameter", "colour", "--value", "1", check=2).stderr)
        refused = run(*propose, "--parameter", "block_bytes", "--value", "5", check=4)
        self.assertIn("parameter_out_of_bounds", refused.stderr)
        said = json.loads(run("--json", *propose, "--parameter", "deciding_kinds", "--value", "2", check=0).stdout)["proposal"]
        self.assertRegex(run("network", "proposals", self.folder(NORTH), "--organisation", NORTH, check=0).stdout,
                         "Parameters: proposal_days 30, .*block_bytes 2097152\n\n" + said + "\n  deciding_kinds 2, proposed by")
        self.decide([NORTH, SOUTH, CITY], "--parameter", "block_bytes", "--value", "1048576")
        until("its beginning", lambda: self.parameter(NORTH, "block_bytes")["value"] == 1048576)
        before = self.height(NORTH)
        self.decide([NORTH, SOUTH, CITY], "--group-of", CITY, "--group", "Trust")
        until("the group", lambda: {"Trust"} == {one["group"] for one in self.standing(REGION)["members"] if one["name"] == CITY})
        self.nodes[SOUTH].stop(signal.SIGKILL)
        self.put(NORTH, {"resourceType": "Basic", "id": "small", "code": {"text": "x"}})
        until("blocks under it", lambda: self.height(NORTH) > before + 3)
        self.start(SOUTH)  # its engine goes on with the new limit
        until("all at one height", lambda: len({self.height(name) for name, _ in MEMBERS}) == 1)
        limits = self.limits()
        self.assertEqual([size for size, _ in limits], sorted((size for size, _ in limits), reverse=True))
        self.assertEqual({size for size, _ in limits}, {2097152, 1048576})
        self.assertEqual(len(set(limits)), 2)  # the engine's own hash changed at that block, and at no other

        self.decide([NORTH, SOUTH, CITY], "--parameter", "proposal_days", "--value", "2")
        until("shorter proposals", lambda: self.parameter(NORTH, "proposal_days")["value"] == 2)
        shorter = [*propose, "--parameter", "proposal_days", "--value", "1"]
        self.assertIn("deadline_out_of_bounds", run(*shorter, "--days", "7", check=4).stderr)
        run(*shorter, check=0)  # who does not say how long asks for no more than the members allow


if __name__ == "__main__":
    unittest.main(verbosity=2)

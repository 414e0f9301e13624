"""A network of four of which one node's application lies to its engine. Usage: byzantine_test.py ENGINE_NODE COMETBFT"""

import os
import shutil
import unittest

from history import History
from network_test import Network, Node
from over_socket import ask_engine


class Liar(Network):
    count = 4
    port = 27861

    def setUp(self):
        super().setUp()
        self.history = History(self)
        self.honest, self.liar = self.nodes[:3], self.nodes[3]
        for node in self.nodes:
            self.history.await_all(self.history.give(node, 3))

    def make_node(self, index, known, created):
        more = ["liar"] if index == 3 else []
        return Node(f"{self.scratch}/{index}", index, self.count, known, self.port, created, look_ms=500, more=more)

    def lies(self, what):
        """How often it has told this lie."""
        self.liar.state()  # which reads what it said until now
        return sum(line[:2] == ["lied", what] for line in self.liar.kept)

    def proposers(self, heights):
        """Whose proposals became the blocks of these heights."""
        return {ask_engine(self.honest[0].folder, f"/header?height={height}")["header"]["proposer_address"] for height in heights}

    def signers(self, height):
        """Whose votes stand under this block, as an honest node has it."""
        signed = ask_engine(self.honest[0].folder, f"/commit?height={height}")["signed_header"]["commit"]["signatures"]
        return {one["validator_address"] for one in signed if one["block_id_flag"] == 2}

    def envelopes(self, height):
        return ask_engine(self.honest[0].folder, f"/block?height={height}")["block"]["data"]["txs"]

    def go_on_while_it_lies(self, what):
        """What is given to any node, the liar too, becomes final; the heights that were decided meanwhile."""
        self.liar.say("lie", what)
        first = self.honest[0].state()["height"] + 3  # what was proposed before
        while self.lies(what) < 3:
            for node in self.nodes:
                self.history.await_all(self.history.give(node, 5))
        return range(first, self.honest[0].state()["height"] + 1)

    def check_end(self):
        self.check_agreement(self.nodes)
        self.history.check(self.nodes)
        self.check_headers(self.nodes, max(height for _, _, height in self.history.answered.values()))

    def test_garbage_is_voted_down_and_votes_against_everything_stop_nobody(self):
        address = ask_engine(self.liar.folder, "/status")["validator_info"]["address"]
        heights = self.go_on_while_it_lies("garbage")
        self.assertGreater(len(heights), 4)
        self.assertNotIn(address, self.proposers(heights))
        self.liar.say("lie", "none")
        self.go_on_while_it_lies("refuse")
        self.liar.say("lie", "none")
        self.check_end()

    def test_an_envelope_that_holds_a_command_twice_is_voted_down(self):
        address = ask_engine(self.liar.folder, "/status")["validator_info"]["address"]
        heights = self.go_on_while_it_lies("twice")
        self.assertEqual([height for height in heights if address in self.proposers([height]) and self.envelopes(height)], [])
        self.liar.say("lie", "none")
        self.check_end()

    def test_a_wrong_app_hash_stops_that_node_alone(self):
        address = ask_engine(self.liar.folder, "/status")["validator_info"]["address"]
        self.wait_until(lambda: any(address in self.signers(at) for at in range(1, self.honest[0].state()["height"])))
        self.liar.say("lie", "hash")
        for node in self.honest:
            self.history.await_all(self.history.give(node, 20))
        self.assertGreater(self.lies("hash"), 0)
        self.wait_until(lambda: "its consensus failed and stood still" in self.read(".log"))
        advice = ("or another build of careledger runs here than at the other members; take theirs: stop the node, install the "
                  "others' build and run careledger network rollback")
        self.wait_until(lambda: advice in self.read(".log"))
        # Started again, it finds another state than it was told.
        self.wait_until(lambda: "AppHash does not match" in self.read("/engine/engine.log"))
        height = self.liar.state()["height"]
        self.liar.say("lie", "none")  # too late
        for node in self.honest:
            self.history.await_all(self.history.give(node, 5))
        self.assertEqual(self.liar.state()["height"], height)
        newest = self.honest[0].state()["height"]
        self.assertLess(height + 1, newest)
        for asked in range(height + 1, newest):  # at the others it is missed
            self.assertNotIn(address, self.signers(asked))

        self.liar.end()  # everything is fetched again from the others; what its validator signed stays known
        for part in ("ledger", "engine"):
            shutil.rmtree(os.path.join(self.liar.folder, part))
        self.liar.start()
        self.history.await_all(self.history.give(self.liar, 5))
        self.check_end()

    def read(self, file):
        """What the liar's node, or its engine, has said."""
        with open(self.liar.folder + file, encoding="utf-8", errors="replace") as log:
            return log.read()


if __name__ == "__main__":
    unittest.main(verbosity=2)

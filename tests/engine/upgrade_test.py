"""A network of four whose nodes are replaced by a newer program, one after the other and under load; then the protocol changes, which the
program of before does not know. Usage: upgrade_test.py ENGINE_NODE COMETBFT"""

import shutil
import unittest

import network_test
from history import History
from network_test import Network


class Upgrade(Network):
    count = 4
    port = 27862

    def setUp(self):
        super().setUp()
        self.history = History(self)
        self.newer = shutil.copy(network_test.PROGRAM, self.scratch)

    def replace(self, node):
        """By the newer program on the same folder, while others work."""
        others = [one for one in self.nodes if one is not node]
        numbers = [number for one in others for number in self.history.give(one, 20)]
        node.end()
        numbers += [number for one in others for number in self.history.give(one, 20)]
        node.arguments[node.arguments.index(network_test.PROGRAM)] = self.newer
        node.arguments.append("newer")
        node.start()
        self.history.await_all(numbers)
        self.history.await_all(self.history.give(node, 5))

    def activate(self, node, height):
        number, self.history.next = self.history.next, self.history.next + 1
        node.say("activate", number, height)
        self.assertEqual(node.final(number)[1], 0)
        self.history.others += 1

    def log(self, node):
        with open(node.folder + ".log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def test_node_by_node_and_whoever_was_left_out_stops_at_the_new_protocol_with_a_clear_word(self):
        newer, left_out = self.nodes[:3], self.nodes[3]
        for node in newer:
            self.replace(node)
        self.check_agreement(self.nodes)
        height = newer[0].state()["height"] + 12
        self.activate(newer[1], height)
        while newer[0].state()["height"] <= height + 2:
            for node in newer:
                self.history.await_all(self.history.give(node, 5))
        self.wait_until(lambda: f"block {height} goes by protocol 2, which this program does not know: install a newer one"
                        in self.log(left_out))
        self.assertEqual(left_out.state()["height"], height - 1)
        self.replace(left_out)
        self.check_agreement(self.nodes)
        self.history.check(self.nodes)
        self.check_headers(self.nodes, self.nodes[0].state()["height"] - 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""What clients of a test network asked and were answered, and what must be true of it at the end."""

import time


class History:
    """What clients asked and were answered. Commands are numbered; each is given to a node, and to another one when its node died."""

    def __init__(self, test):
        self.test = test
        self.begun = test.nodes[0].state()["commands"]  # on the ledger, before any of ours
        self.others = 0  # that were done, and that are not to be asked for again
        self.next = 1
        self.open = {}      # number: (when it was given first, nodes that it was given to)
        self.answered = {}  # number: (when it was given first, when it was answered, height)

    def give(self, node, count=1):
        numbers = list(range(self.next, self.next + count))
        self.next += count
        for number in numbers:
            self.open[number] = (time.monotonic(), [node])
            node.admit(number)
        return numbers

    def await_all(self, numbers):
        for number in numbers:
            given, nodes = self.open.pop(number)
            height, code = nodes[-1].final(number)
            self.test.assertEqual(code, 0, f"command {number}")
            self.answered[number] = (given, time.monotonic(), height)

    def give_again(self, dead, node):
        """What a node that died had not answered is given to another one: it may be final already, and must not be applied twice."""
        for number, (given, nodes) in self.open.items():
            if nodes[-1] is dead:
                self.open[number] = (given, [*nodes, node])
                node.admit(number)

    def check(self, nodes):
        """Once all have the same height."""
        self.test.assertEqual(self.open, {})
        done = self.begun + len(self.answered) + self.others  # and nothing twice, nor anything that nobody gave
        self.test.assertEqual([node.state()["commands"] for node in nodes], [done] * len(nodes))
        for number, (_, _, height) in self.answered.items():  # asked again elsewhere: the same place, for ever
            node = nodes[number % len(nodes)]
            node.admit(number)
            self.test.assertEqual(node.final(number), (height, 0), f"command {number} at node {nodes.index(node)}")
        in_order = sorted(self.answered.values())
        highest_answered = sorted((answered, height) for _, answered, height in in_order)
        done, reached = 0, 0
        for given, _, height in in_order:
            while done < len(highest_answered) and highest_answered[done][0] < given:
                reached = max(reached, highest_answered[done][1])
                done += 1
            self.test.assertGreaterEqual(height, reached, "given after another one was final, and stands before it")

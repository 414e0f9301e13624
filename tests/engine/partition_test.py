"""A network of four and one of seven validators, each node with a network of its own, between which packets stop: one cut off, halves, a
ring; some are lost and all come late; and nodes are killed or stand still.
Usage: partition_test.py ENGINE_NODE COMETBFT [--minutes N] [--seed N]

What clients were answered is held against what the nodes have at the end: nothing acknowledged is lost, nothing is applied twice, no two
nodes disagree about a height, and a command that was given after another one was final stands at no lower height. The faults come from a
seed, which is printed; at most a third of the validators is away at once, but for the two faults that stop everything on purpose.

Namespaces: the test starts itself again with networks of its own, as root or as root of a user namespace, and touches no other.
It exits with 77 where the kernel allows no such namespace. Everything it starts ends with it, also when it is killed while nodes stand
still: they are killed when it dies, their engines when they do.
"""

import argparse
import itertools
import os
import random
import signal
import sys
import time
import unittest

ARGUMENTS = sys.argv[1:]
import network_test  # noqa: E402 - it takes the two programs from the arguments
from history import History  # noqa: E402
from network_test import Network, Node  # noqa: E402
from wire import HOST, Wire, need_namespaces  # noqa: E402

STILL = 3  # seconds of a fault


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=0, help="go on with other seeds for so long")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    return parser.parse_args(sys.argv[1:])


class Partitioned(Network):
    port = 27859
    rounds = 6

    def setUp(self):
        self.wire = Wire(self.count, self.port, self.addCleanup)
        super().setUp()
        self.history = History(self)
        self.quorum = 2 * self.count // 3 + 1

    def make_node(self, index, known, created):
        return Node(f"{self.scratch}/{index}", index, self.count, known, self.port, created, host=HOST, enter=self.wire.enter(index))

    def hears(self, group):
        """The pairs to block so that these hear nobody else."""
        return [(one, other) for one in group for other in range(self.count) if other not in group]

    def goes_on(self, nodes):
        """Commands given to each of these become final."""
        for node in nodes:
            self.history.await_all(self.history.give(node, 10))

    def stands(self, nodes):
        """Nobody decides anything, and what is given waits: but for the one block that the votes which had arrived when the fault came may
        decide, however late a busy machine does that."""
        highest = max(node.state()["height"] for node in nodes) + 1
        numbers = [number for node in nodes for number in self.history.give(node, 3)]
        heights, end = None, time.monotonic() + network_test.LONGEST
        while heights != (heights := [node.state()["height"] for node in nodes]):
            self.assertLess(time.monotonic(), end, "blocks are made without a quorum")
            self.assertLessEqual(max(heights), highest, "blocks are made without a quorum")
            time.sleep(STILL)  # that something does not happen is seen by waiting alone
        return numbers

    def cut_off(self, choice):
        """A minority is cut off; the others go on, and what the minority was given is final once it is back."""
        away = choice.sample(range(self.count), self.count - self.quorum)
        self.wire.block(self.hears(away))
        waiting = [number for index in away for number in self.history.give(self.nodes[index], 3)]
        others = [node for index, node in enumerate(self.nodes) if index not in away]
        self.goes_on(others)
        least = min(node.state()["height"] for node in others)
        for index in away:
            self.assertLess(self.nodes[index].state()["height"], least, "it hears what it should not")
        self.wire.block([])
        self.history.await_all(waiting)

    def halves(self, choice):
        group = choice.sample(range(self.count), self.count // 2)
        self.wire.block(self.hears(group))
        waiting = self.stands(self.nodes)
        self.wire.block([])
        self.history.await_all(waiting)

    def ring(self, choice):
        """Each hears two others alone: what they say is passed on."""
        order = choice.sample(range(self.count), self.count)
        beside = {tuple(sorted((order[i], order[(i + 1) % self.count]))) for i in range(self.count)}
        self.wire.block([pair for pair in itertools.combinations(range(self.count), 2) if pair not in beside])
        self.goes_on(self.nodes)
        self.wire.block([])

    def killed(self, choice):
        dead = self.nodes[choice.randrange(self.count)]
        others = [node for node in self.nodes if node is not dead]
        numbers = self.history.give(dead, 20)
        dead.kill()
        self.history.give_again(dead, others[0])
        self.history.await_all(numbers)
        self.goes_on(others)
        dead.start()

    def stopped(self, choice):
        frozen = self.nodes[choice.randrange(self.count)]
        self.wait_until(lambda: frozen.state()["pid"] > 0)
        processes = [frozen.state()["pid"], frozen.process.pid]
        self.assertGreater(processes[0], 0)
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        self.goes_on([node for node in self.nodes if node is not frozen])
        for pid in processes:
            os.kill(pid, signal.SIGCONT)
        self.goes_on([frozen])

    def lossy(self, choice):
        """All packets come late and in another order, some never, and a node that dies finds the others again so."""
        by = self.wire.worsen(choice.randrange(2**32))
        print(f"loss and delay: {by or 'left out, since this machine has neither netem nor TUN devices'}", file=sys.stderr, flush=True)
        if by is None:
            return
        self.goes_on(self.nodes)
        self.killed(choice)
        self.goes_on(self.nodes)
        self.assertGreater(self.wire.mend(), 0, "no packet was lost")

    def play(self, seed):
        print(f"{self.count} nodes, seed {seed}", file=sys.stderr, flush=True)
        choice = random.Random(seed)
        faults = [self.cut_off, self.ring, self.killed, self.stopped]
        choice.shuffle(faults)
        for fault in [*faults[:self.rounds - 2], self.lossy, self.halves]:
            fault(choice)
            self.goes_on(self.nodes)
        self.check_agreement(self.nodes)
        self.history.check(self.nodes)
        self.check_headers(self.nodes, max(height for _, _, height in self.history.answered.values()))

    def play_all(self):
        self.goes_on(self.nodes)
        seed = OPTIONS.seed
        end = time.monotonic() + OPTIONS.minutes * 60 / 2  # two networks share the time
        self.play(seed)
        while time.monotonic() < end:
            seed += 1
            self.play(seed)


class Four(Partitioned):
    count = 4

    def test_what_was_acknowledged_survives_every_fault(self):
        self.play_all()


class Seven(Partitioned):
    count = 7
    port = 27860
    rounds = 4  # seven engines and nodes share the cores: safety is looked at, not speed

    def test_what_was_acknowledged_survives_every_fault(self):
        self.play_all()


if __name__ == "__main__":
    OPTIONS = options()
    need_namespaces(__file__, ARGUMENTS)
    unittest.main(argv=sys.argv[:1], verbosity=2)

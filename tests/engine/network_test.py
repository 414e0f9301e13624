"""Ordering by a real CometBFT: a network of one, and one of four of which members are killed, or one runs twice.
Usage: network_test.py ENGINE_NODE COMETBFT

Everything is on loopback, bounded in time, and ended by the test. What a node answered is kept and checked at the end: nothing that was
final is lost or changed, and no two nodes disagree about a height's state.
"""

import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ENGINE = os.path.abspath(sys.argv.pop(2))
PROGRAM = os.path.abspath(sys.argv.pop(1))
LONGEST = 60  # seconds for anything to happen


class Node:
    def __init__(self, folder, index, count, nodes, port, created, host="127.0.1.", enter=(), look_ms=30_000, more=()):
        words = [PROGRAM, folder, index, count, nodes, port, created, ENGINE, host, look_ms, *more]
        # The kernel kills it when this test dies: one that stands still would never read the end of its input.
        self.arguments = ["setpriv", "--pdeathsig", "KILL", *enter, *map(str, words)]
        self.folder = folder
        self.process = None

    def start(self):
        self.lines = queue.Queue()
        self.kept = []
        with open(self.folder + ".log", "ab") as log:
            self.process = subprocess.Popen(self.arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1)
        self.reader = threading.Thread(target=self.read, args=(self.process,), daemon=True)
        self.reader.start()
        self.expect("ready")

    def read(self, process):
        for line in process.stdout:
            self.lines.put(line.split())

    def say(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def expect(self, *words, seconds=LONGEST):
        """The next answer that begins with these words; others stay for later."""
        words = list(map(str, words))
        for line in self.kept:
            if line[:len(words)] == words:
                self.kept.remove(line)
                return line[len(words):]
        end = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {' '.join(words)} in {seconds} s, but {self.kept[:20]}") from None
            if line[:len(words)] == words:
                return line[len(words):]
            self.kept.append(line)

    def state(self):
        self.say("state")
        height, app_hash, quorum, starts, pid, commands = self.expect("state")
        return {"height": int(height), "hash": app_hash, "quorum": quorum == "1", "starts": int(starts), "pid": int(pid),
                "commands": int(commands)}

    def admit(self, number):
        self.say("admit", number)

    def final(self, number):
        height, code = self.expect("final", number)
        return int(height), int(code)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.close()

    def close(self):
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()

    def end(self):
        if self.process is None or self.process.poll() is not None:
            return
        try:
            self.say("quit")
            self.process.wait(timeout=30)
            self.close()
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.kill()


class Network(unittest.TestCase):
    count = 1
    twins = 0
    port = 27856

    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="cl-net-")
        self.addCleanup(shutil.rmtree, self.scratch)
        created = int(time.time() * 1000) - 10_000
        known = self.count + self.twins
        self.nodes = [self.make_node(index, known, created) for index in range(known)]
        for node in self.nodes:
            self.addCleanup(node.end)
        for node in self.nodes[:self.count]:
            node.start()

    def make_node(self, index, known, created):
        return Node(f"{self.scratch}/{index}", index, self.count, known, self.port, created)

    def wait_until(self, what, seconds=LONGEST):
        end = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), end, "not in time")
            time.sleep(0.05)

    def check_agreement(self, nodes):
        """All reach the same height and hash once nothing more is sent."""
        self.wait_until(lambda: len({(one["height"], one["hash"]) for one in [node.state() for node in nodes]}) == 1)

    def check_rest(self, node):
        """Nothing is left in the pools, so no block follows another but the one that comes every ten seconds."""
        def stands_still():
            height = node.state()["height"]
            time.sleep(1)
            return node.state()["height"] == height

        self.wait_until(stands_still)  # on a busy machine the last ones come late
        before = node.state()["height"]
        time.sleep(4)
        self.assertLessEqual(node.state()["height"], before + 2, "blocks without end")

    def check_provable(self, node, height):
        node.say("provable", height)
        node.expect("provable", height)
        node.say("header", height)
        app_hash = node.expect("header", height)
        self.assertRegex(app_hash[0], "^[0-9a-f]{64}$", " ".join(app_hash))
        return app_hash[0]

    def check_headers(self, nodes, newest):
        """Every block up to this one is the same at all, and its header's commit verifies."""
        for node in nodes:
            node.say("provable", newest)
            node.expect("provable", newest)
            for height in range(1, newest + 1):
                node.say("header", height)
        for height in range(1, newest + 1):
            shown = [node.expect("header", height) for node in nodes]
            self.assertRegex(" ".join(shown[0]), "^[0-9a-f]{64} [0-9a-f]{64}$", f"block {height}")
            self.assertEqual(shown, shown[:1] * len(nodes), f"block {height}")


class One(Network):
    def test_commands_become_final_and_provable(self):
        node = self.nodes[0]
        node.admit(1)
        height, code = node.final(1)
        self.assertEqual(code, 0)
        self.check_provable(node, height)
        for number in range(2, 102):
            node.admit(number)
        heights = [node.final(number)[0] for number in range(2, 102)]
        self.assertLess(len(set(heights)), 60, "commands travel together")

    def test_the_engine_killed_comes_back_and_nothing_is_lost(self):
        node = self.nodes[0]
        node.admit(1)
        node.final(1)
        before = node.state()
        os.kill(before["pid"], signal.SIGKILL)
        node.admit(2)
        self.assertEqual(node.final(2)[1], 0)
        after = node.state()
        self.assertGreater(after["starts"], before["starts"])
        self.assertGreater(after["height"], before["height"])

    def test_of_a_burst_nothing_is_lost_when_the_engine_dies_in_the_middle(self):
        node = self.nodes[0]
        node.admit(1)
        node.final(1)
        for number in range(2, 3001):
            node.admit(number)
        node.final(300)
        os.kill(node.state()["pid"], signal.SIGKILL)
        codes = {node.final(number)[1] for number in range(2, 3001) if number != 300}
        self.assertEqual(codes, {0})
        self.assertGreater(node.state()["starts"], 1)
        self.check_rest(node)

    def test_the_node_killed_comes_back_where_it_was(self):
        node = self.nodes[0]
        for number in range(1, 20):
            node.admit(number)
        finals = [node.final(number) for number in range(1, 20)]
        hash_then = self.check_provable(node, finals[-1][0])
        node.kill()
        node.start()
        node.admit(20)
        self.assertEqual(node.final(20)[1], 0)
        self.assertEqual(self.check_provable(node, finals[-1][0]), hash_then)
        self.assertGreaterEqual(node.state()["height"], finals[-1][0])


class Hanging(Network):
    def make_node(self, index, known, created):
        return Node(f"{self.scratch}/{index}", index, self.count, known, self.port, created, look_ms=500)

    def test_the_engine_that_hangs_is_killed_and_nothing_is_lost(self):
        node = self.nodes[0]
        number, end = 0, time.monotonic() + 6  # it is looked at twice a second, and must have answered once
        while time.monotonic() < end:
            number += 1
            node.admit(number)
            node.final(number)
        before = node.state()
        self.assertGreater(before["pid"], 0)
        os.kill(before["pid"], signal.SIGSTOP)
        node.admit(number + 1)
        self.assertEqual(node.final(number + 1)[1], 0)
        self.assertGreater(node.state()["starts"], before["starts"])
        self.check_rest(node)


class Four(Network):
    count = 4
    port = 27857

    def test_one_may_die_two_may_not_and_whoever_comes_back_catches_up(self):
        first, second, third, fourth = self.nodes
        first.admit(1)
        height, code = first.final(1)
        self.assertEqual(code, 0)
        self.check_agreement(self.nodes)
        hashes = {self.check_provable(node, height) for node in self.nodes}
        self.assertEqual(len(hashes), 1, "all prove the same state")
        fourth.kill()
        second.admit(2)
        self.assertEqual(second.final(2)[1], 0)
        third.kill()
        second.admit(3)
        self.wait_until(lambda: not second.state()["quorum"])  # says so, and keeps the command
        self.assertEqual(second.state()["height"], first.state()["height"])
        third.start()
        self.assertEqual(second.final(3)[1], 0)
        fourth.start()
        third.admit(4)
        self.assertEqual(third.final(4)[1], 0)
        self.check_agreement(self.nodes)
        self.assertTrue(all(node.state()["quorum"] for node in self.nodes))

    def test_the_same_command_given_to_two_nodes_is_applied_once(self):
        first, second = self.nodes[:2]
        for number in range(1, 40):
            first.admit(number)
            second.admit(number)
        for number in range(1, 40):
            self.assertEqual(first.final(number), second.final(number))
        self.check_agreement(self.nodes)

    def test_envelopes_whose_commands_others_used_up_leave_the_pools(self):
        first, second = self.nodes[:2]
        for number in range(1, 301):
            first.admit(number)
            time.sleep(number % 4 / 100)  # so that many of the second's come too late for the same block
            second.admit(number)
        for number in range(1, 301):
            self.assertEqual(first.final(number), second.final(number))
        self.check_rest(first)


class Twins(Network):
    """One validator's key runs twice: with fewer than a third of the votes that harms nobody, and it is named with the evidence:
    a row of the ledger at every node."""

    count = 4
    twins = 1
    port = 27858

    def evidence(self, node):
        node.say("evidence")
        return node.expect("evidence")

    def test_a_key_that_runs_twice_is_named_on_the_ledger_and_stops_nobody(self):
        first, second, third, fourth, twin = self.nodes
        second.admit(1)
        self.assertEqual(second.final(1)[1], 0)
        twin.start()  # with the first one's key
        self.wait_until(lambda: twin.state()["height"] >= 1)
        for number in range(2, 202):
            second.admit(number)
            self.assertEqual(second.final(number)[1], 0)
            if any(line[0] == "misbehaved" for line in second.kept):
                break
        named = second.expect("misbehaved")
        self.assertRegex(named[1], "^[0-9a-f]{40}$")
        self.assertEqual(third.expect("misbehaved"), named, "all are told the same")
        others = [second, third, fourth]
        self.check_agreement(others)
        rows = [self.evidence(node) for node in others]
        self.assertEqual(rows[0], rows[1])
        self.assertEqual(rows[0], rows[2])
        count, address, kind, height, written = rows[0]
        self.assertGreaterEqual(int(count), 1)
        self.assertEqual((address, kind), (named[1], "1"))
        self.assertLess(int(height), int(written))
        self.check_provable(second, int(written))  # a header that two thirds signed commits to it
        third.kill()
        third.start()
        self.assertEqual(self.evidence(third)[1], address, "it is there after a restart")
        self.check_agreement(others)


if __name__ == "__main__":
    unittest.main()

"""Members of a real network whose votes change while records are written: heavier and lighter, suspended and taken back, a newcomer that
comes and leaves. Usage: changing_test.py CARELEDGER COMETBFT"""

import json
import os
import threading
import unittest

from members import ALL, CITY, EAST, MEMBERS, NORTH, REGION, SOUTH, Newcomer, ended, run, until
from over_socket import ask_engine


class Writer(threading.Thread):
    """Records at two members, one after the other, until it is ended."""

    def __init__(self, test):
        super().__init__()
        self.test = test
        self.written = []  # member and record, in the order in which they were acknowledged
        self.fault = None
        self.ending = threading.Event()

    def run(self):
        bearers = {name: self.test.bearer(name) for name in (NORTH, SOUTH)}
        try:
            while not self.ending.wait(0.02):
                name = (NORTH, SOUTH)[len(self.written) % 2]
                record = f"w{len(self.written)}"
                status, _, answer = self.test.nodes[name].call("PUT", "/Basic/" + record, bearers[name],
                                                               {"resourceType": "Basic", "id": record, "code": {"text": "x"}})
                if status != 201:
                    raise AssertionError(f"{record}: {status} {answer}")
                self.written.append((name, record))
        except BaseException as fault:  # the test's thread tells it
            self.fault = fault

    def end(self):
        self.ending.set()
        self.join()
        if self.fault:
            raise self.fault
        return self.written


class Changing(Newcomer):
    def votes(self, *expected):
        """Until the engine's validators have these votes."""
        def have():
            validators = ask_engine(self.folder(NORTH), "/validators")["validators"]
            return sorted(int(one["voting_power"]) for one in validators) == sorted(expected)

        until(f"validators with {expected}", have)

    def admit_east(self, decide):
        wish = self.describe("--founding", self.read_ledger())
        for name, _ in MEMBERS:
            self.let_in(name, wish)
        joining = self.joining()
        until("its engine", lambda: os.path.exists(self.folder(EAST) + "/engine/data/blockstore.db"))
        decide("--admit", wish)
        said, _ = ended(joining, ALL)
        self.assertEqual(joining.returncode, 0, said)
        self.start(EAST)

    def test_votes_change_while_records_are_written_and_none_is_lost(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        writer = Writer(self)
        writer.start()
        self.addCleanup(writer.ending.set)

        def decide(*what, yes=(NORTH, SOUTH, REGION)):
            before = len(writer.written)
            self.decide(yes, *what)
            until("records written meanwhile", lambda: writer.fault or len(writer.written) > before)

        decide("--weight-of", CITY, "--weight", "12")
        self.votes(10, 10, 10, 12)
        decide("--suspend", CITY)
        self.votes(10, 10, 10)
        decide("--reinstate", CITY)
        self.votes(10, 10, 10, 12)
        self.admit_east(decide)
        self.votes(10, 10, 10, 10, 12)
        decide("--weight-of", CITY, "--weight", "10", yes=(NORTH, SOUTH, REGION, EAST))  # thirty of fifty-two are too few by now
        self.votes(10, 10, 10, 10, 10)
        until("its own view of it", lambda: self.standing(EAST)["votes"] == 50)
        run("network", "leave", self.folder(EAST), "--organisation", EAST, "--confirm", check=0)
        self.votes(10, 10, 10, 10)
        written = writer.end()
        self.check_written(written)

    def check_written(self, written):
        """Every record that was acknowledged is on the ledger once, and proven to whoever knows the founders alone."""
        for name in (NORTH, SOUTH):
            until("anchors at " + name, lambda name=name: self.nodes[name].metric("careledger_waiting_for_anchor") == 0)
            self.assertEqual(self.nodes[name].metric("careledger_anchors_refused"), 0)
            self.assertEqual(self.nodes[name].metric("careledger_versions"), sum(one == name for one, _ in written))
        for name, record in [written[0], written[len(written) // 2], written[-1]]:
            self.assertRegex(self.proof_of(name, "Basic/" + record), r"[Ss]igned by [345] keys")
        height = self.height(NORTH)
        for name in self.nodes:  # who left is a witness still
            until(f"block {height:.0f} at {name}", lambda name=name: self.height(name) >= height)
        asked = f"/header?height={height:.0f}"
        shown = {json.dumps(ask_engine(self.folder(name), asked)["header"], sort_keys=True) for name in self.nodes}
        self.assertEqual(len(shown), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)

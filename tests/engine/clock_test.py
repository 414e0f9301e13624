"""Members of a real network whose machines' clocks differ: by seconds, and one's by an hour. Usage: clock_test.py CARELEDGER COMETBFT

A machine's wrong clock is one of both its processes, node and engine (shifted_clock.py). It exits with 77 where that cannot be had."""

import datetime
import itertools
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

import shifted_clock
from members import CITY, ENGINE, LONGEST, MEMBERS, NORTH, PROGRAM, REGION, SOUTH, Network, until
from over_socket import ask_engine

HOUR = 3600


def seconds_of(text):
    """Of the engine's time; it has nanoseconds."""
    return datetime.datetime.fromisoformat(text[:19] + "+00:00").timestamp()


class Clocks(Network):
    WRONG = {NORTH: 0, SOUTH: 4, CITY: HOUR, REGION: -3}

    @classmethod
    def start(cls, name):
        cls.OTHERWISE = {**cls.OTHERWISE, name: (cls.program(name), [])}
        cls.ENGINES = {**cls.ENGINES, name: cls.shifted(ENGINE, name)}
        super().start(name)

    @classmethod
    def program(cls, name):
        return cls.shifted(PROGRAM, name)

    @classmethod
    def shifted(cls, program, name):
        wrong = cls.WRONG[name]
        return shifted_clock.wrapped(cls.scratch, program, wrong) if wrong else program

    @classmethod
    def setUpClass(cls):
        """Founded two hours ago: an engine whose clock is before the founding would wait for it."""
        before = tempfile.mkdtemp(prefix="careledger-net-")
        cls.addClassCleanup(shutil.rmtree, before)
        with mock.patch("node.PROGRAM", shifted_clock.wrapped(before, PROGRAM, -2 * HOUR)):
            super().setUpClass()

    def set_clock(self, name, wrong):
        self.nodes[name].stop()
        self.WRONG[name] = wrong
        self.start(name)

    def bearer(self, name):
        words = [self.program(name), "token", self.folder(name), "--organisation", name]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def record(self, name, which):
        return self.put(name, {"resourceType": "Basic", "id": which, "code": {"text": "x"}})

    def blocks_until_told(self, name, words):
        """Blocks with records come until the member's log says it."""
        end = time.monotonic() + 2 * LONGEST
        for number in itertools.count():
            if words in self.nodes[name].log():
                return
            self.assertLess(time.monotonic(), end, "never told: " + words + self.nodes[name].log())
            which = "ahead" if self.WRONG[name] > 0 else "behind"
            self.record(NORTH, f"{which}{number}")
            before = self.height(NORTH)
            until("a block with it", lambda before=before: self.height(NORTH) > before)

    def check_times(self, count=10):
        """Of the newest blocks: near the right time, and what the hour's validator says about them."""
        address = ask_engine(self.folder(CITY), "/status")["validator_info"]["address"]
        newest = int(self.height(NORTH)) - 1
        said = []
        for height in range(newest - count, newest + 1):
            signed = ask_engine(self.folder(NORTH), f"/commit?height={height}")["signed_header"]
            self.assertLess(abs(seconds_of(signed["header"]["time"]) - time.time()), 60)
            said += [seconds_of(one["timestamp"]) for one in signed["commit"]["signatures"] if one["validator_address"] == address]
        return said

    def told_elsewhere(self):
        return [name for name, _ in MEMBERS if name != CITY and "this machine's clock is" in self.nodes[name].log()]

    def test_an_hour_ahead_or_behind_is_said_there_and_harms_nobody(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        headers = self.record(CITY, "early")
        self.assertEqual(headers.get("CareLedger-Anchor"), "pending")
        self.blocks_until_told(CITY, " minutes ahead of the network's blocks: what is written here may wait")
        said = self.check_times()
        self.assertGreater(len(said), 0, "it signs, as ever")
        self.assertGreater(min(said), time.time() + HOUR - 60)
        self.assertRegex(self.proof_of(NORTH, "Basic/ahead0"), r"[Ss]igned by [34] keys")

        self.set_clock(CITY, -HOUR)
        self.blocks_until_told(CITY, "clock is over a minute behind the network's blocks, which the engine therefore refuses")
        self.assertRegex(self.proof_of(NORTH, "Basic/behind0"), r"[Ss]igned by 3 keys")
        self.assertEqual(self.told_elsewhere(), [])

        self.set_clock(CITY, 0)  # and what waited has its anchor
        self.assertRegex(self.proof_of(CITY, "Basic/early"), r"[Ss]igned by [34] keys")
        until("all at one height", lambda: len({self.height(name) for name, _ in MEMBERS}) == 1)

    def test_one_whose_clock_is_before_the_founding_says_so_and_harms_nobody(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        before = {name: self.nodes[name].log() for name, _ in MEMBERS if name != CITY}
        height = self.height(CITY)
        self.set_clock(CITY, -3 * HOUR)  # founded two hours ago
        line = until("its word", lambda: next((one for one in self.nodes[CITY].log().splitlines() if "before the founding" in one), None))
        self.assertRegex(line, r"this machine's clock is \d+ minutes before the founding of the network \(20[0-9T:.-]*Z\): its engine "
                               "waits for that time and takes part in nothing. Set the clock, keep it by NTP, and start the node again")
        self.assertGreater(self.nodes[CITY].metric('careledger_alerts_total{from="engine"}'), 0)
        self.record(NORTH, "meanwhile")
        self.assertRegex(self.proof_of(NORTH, "Basic/meanwhile"), r"[Ss]igned by 3 keys")
        self.assertLessEqual(self.height(CITY), height + 1)
        self.assertEqual({name: self.nodes[name].log() for name in before}, before)
        self.set_clock(CITY, 0)
        until("all at one height", lambda: len({self.height(name) for name, _ in MEMBERS}) == 1)


if __name__ == "__main__":
    if subprocess.run([sys.executable, "-B", shifted_clock.__file__, "1", "/bin/true"], check=False).returncode == 77:
        sys.exit(77)
    unittest.main(verbosity=2)

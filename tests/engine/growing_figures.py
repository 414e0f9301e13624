"""How long it takes until an embedded ledger with many records is a network of four, and what its readers notice. Prints, and judges
nothing but that every read is answered while the ledger grows.
Usage: growing_figures.py CARELEDGER COMETBFT TESTS_GO SAMPLES [RECORDS]    (100,000 unless said otherwise)"""

import glob
import json
import os
import shutil
import sys
import time
import unittest

RECORDS = int(sys.argv.pop(5)) if len(sys.argv) > 5 else 100_000
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import growing_test  # noqa: E402
from members import ENGINE, MEMBERS, NORTH, until  # noqa: E402
from node import run  # noqa: E402


def timed(what, *arguments):
    began = time.monotonic()
    done = what(*arguments)
    return done, began, time.monotonic()


class Figures(growing_test.Growing):
    test_an_embedded_ledger_becomes_a_network_and_what_was_proven_stays_proven = None  # growing_test.py's

    def say(self, what, value):
        print(f"{what:<62} {value}", flush=True)

    def records(self):
        """The samples again and again: each time they are records of their own."""
        files = sorted(glob.glob(growing_test.SAMPLES + "/2019/*.json.gz"))
        stored, began = 0, time.monotonic()
        while stored < RECORDS:
            done = json.loads(run("--json", "import", self.folder(NORTH), *files, "--organisation", NORTH, check=0).stdout)
            self.assertGreater(done["resources"], 0)
            stored += done["resources"]
        self.say("records", f"{stored:,} in {time.monotonic() - began:.1f} s")

    def some_paths(self):
        status, _, answer = self.nodes[NORTH].call("GET", "/Observation?_count=50", self.bearer(NORTH))
        self.assertEqual(status, 200)
        return ["/Observation/" + one["resource"]["id"] for one in json.loads(answer)["entry"]]

    def say_reads(self, what, reads, begin, end):
        count, longest, unanswered = reads.between(begin, end)
        self.say(f"  reads meanwhile: {what}", f"{count:,}, longest {longest * 1000:.1f} ms, not answered {unanswered}")
        return unanswered

    def say_restore(self):
        """The owner is lost but for its backup, in which the old blocks are."""
        where = ["--data", self.path("backup"), "--keys", self.path("backup-keys")]
        _, begin, end = timed(lambda: run("backup", self.folder(NORTH), *where, check=0))
        self.say("backup of the owner", f"{end - begin:.1f} s, old blocks {os.path.getsize(self.path('backup/old-chain')) / 1e6:.2f} MB")
        self.nodes[NORTH].stop()
        shutil.rmtree(self.folder(NORTH))
        writer = growing_test.Again(self.one_block)
        _, begin, end = timed(lambda: run("restore", self.folder(NORTH), *where, "--engine", ENGINE, check=0))
        writer.end()
        self.say("restore of the owner, ten seconds of it until it may sign", f"{end - begin:.1f} s")

    def test_how_long_it_takes(self):
        self.records()
        node, newcomers = self.nodes[NORTH], [name for name, _ in growing_test.NEWCOMERS]
        self.say("blocks before", f"{node.metric('careledger_ledger_height'):,.0f}")
        reads = growing_test.Reads(node, self.some_paths(), self.bearer(NORTH))
        self.addCleanup(reads.end)
        before = time.monotonic()
        until("reads before the growth", lambda: len(reads.good) >= 3000)
        self.say_reads("before", reads, before, time.monotonic())

        done, begin, end = timed(lambda: self.grow([self.files[name] for name in newcomers], check=0))
        grown = json.loads(done.stdout)
        self.assertNotIn("not_yet", grown)
        self.say("network grow, at the owner, which is a member then", f"{end - begin:.2f} s")
        self.assertEqual(self.say_reads("grow", reads, begin, end), 0)
        self.say("file handed over", f"{os.path.getsize(grown['file']) / 1e6:.2f} MB")
        for name in newcomers:
            _, found, end = timed(lambda name=name: self.found(name, grown["file"], check=0))
            self.say(f"network found, at {name}", f"{end - found:.2f} s")

        _, starting, _ = timed(lambda: [self.start(name) for name in newcomers])
        until("the first block", lambda: all(self.height(name) > grown["seal"] for name, _ in MEMBERS))
        first = time.monotonic()
        self.say("from the start of the other three to the first block at all", f"{first - starting:.2f} s")
        self.say("from network grow to that block", f"{first - begin:.2f} s")
        until("a read after it", lambda: reads.good[-1][0] > first)
        reads.end()
        self.assertEqual(self.say_reads("grow, found and first block", reads, begin, time.monotonic()), 0)
        self.say("longest time without an answered read", f"{reads.longest_gap() * 1000:.0f} ms")
        self.say_restore()


if __name__ == "__main__":
    unittest.main()

"""What an engine and the ledger beside it say to each other at a start, when one of the two is older than the other; and a block
that one member executed wrong, which both take back.
Usage: handshake_test.py CARELEDGER COMETBFT FAULTY_NODE"""

import glob
import json
import os
import re
import shutil
import signal
import sys
import unittest

FAULTY = os.path.abspath(sys.argv.pop(3))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from members import CITY, ENGINE, MEMBERS, NORTH, Network, until  # noqa: E402
from node import run  # noqa: E402


class Halves(Network):
    """City's node is stopped, its folder is changed, and it is started again."""

    def part(self, name):
        return os.path.join(self.folder(CITY), name)

    def copied(self, name):
        """A copy of a part of the folder; sockets stay."""
        copy = os.path.join(self.scratch, f"{name}.{len(os.listdir(self.scratch))}")
        shutil.copytree(self.part(name), copy, ignore=lambda _, names: [one for one in names if one.endswith(".sock")])
        return copy

    def replace(self, name, copy):
        shutil.rmtree(self.part(name), ignore_errors=True)
        shutil.copytree(copy, self.part(name))

    def refused(self):
        certificate, key = self.certificates[CITY]
        done = run("serve", self.folder(CITY), "--address", self.host(CITY), "--certificate", certificate, "--certificate-key", key,
                   "--engine", ENGINE)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(len(done.stderr.strip().split("\n")), 1, done.stderr)
        self.assertIn("careledger network recover", done.stderr)
        return done.stderr

    def words(self):
        """What its node has said since it was started last."""
        return self.nodes[CITY].log()[self.said:]

    def start_again(self):
        self.said = len(self.nodes[CITY].log())
        self.start(CITY)

    def goes_on_like_the_others(self, resource):
        """With every block's effect, and records and a vote of its own."""
        self.start_again()
        until("all blocks", lambda: self.height(CITY) >= self.height(NORTH))
        self.put(CITY, {"resourceType": "Basic", "id": resource, "code": {"text": "x"}})
        self.proof_of(CITY, "Basic/" + resource)
        height = self.height(CITY)
        until("that block", lambda: self.height(NORTH) >= height)
        self.assertEqual(self.ask(CITY, f"/header?height={height:.0f}"), self.ask(NORTH, f"/header?height={height:.0f}"))
        self.assertNotIn("the engine ", self.words())
        self.assertEqual(self.standing(NORTH)["evidence"], [])  # it contradicted nothing that it had signed

    def is_sound(self):
        self.nodes[CITY].stop()
        seen = json.loads(run("--json", "audit", self.folder(CITY), "--engine", ENGINE, check=0).stdout)
        self.assertTrue(seen["sound"], seen)


class Handshake(Halves):
    def test_an_older_ledger_goes_on_and_an_older_engine_is_refused(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        self.fill(6)
        self.nodes[CITY].stop()
        old_ledger, old_engine = self.copied("ledger"), self.copied("engine")
        self.start(CITY)
        self.put(CITY, {"resourceType": "Basic", "id": "between", "code": {"text": "x"}})
        self.proof_of(CITY, "Basic/between")
        self.fill(self.height(NORTH) + 8)
        self.nodes[CITY].stop()
        whole_engine = self.copied("engine")

        self.replace("engine", old_engine)  # the ledger is ahead of the engine's blocks
        said = re.search("ledger is at block ([0-9]+), and the engine in .*/engine has none above ([0-9]+): one of the two is an older",
                         self.refused())
        self.assertGreater(int(said[1]), int(said[2]) + 5)
        self.replace("engine", whole_engine)
        self.goes_on_like_the_others("again")

        self.nodes[CITY].stop()
        self.replace("ledger", old_ledger)  # behind by some blocks
        self.goes_on_like_the_others("behind")

        self.nodes[CITY].stop(signal.SIGKILL)
        shutil.rmtree(self.part("ledger"))  # the engine asks for InitChain once more
        self.goes_on_like_the_others("anew")

        self.nodes[CITY].stop()
        whole_engine = self.copied("engine")
        shutil.rmtree(self.part("engine"))
        self.assertIn("blockstore.db is gone while the ledger is there", self.refused())
        self.replace("engine", whole_engine)
        self.goes_on_like_the_others("back")
        self.is_sound()


class Rollback(Halves):
    OTHERWISE = {}

    def rollback(self, engine=ENGINE, folder=None):
        return run("--json", "network", "rollback", folder or self.folder(CITY), "--engine", engine)

    def refuses(self, status, why, **of):
        done = self.rollback(**of)
        self.assertEqual(done.returncode, status, done.stdout)
        self.assertIn(why, json.loads(done.stdout)["error"]["message"])

    def ending_it(self):
        """An engine after whose rollback whoever started it is killed."""
        path = os.path.join(self.scratch, "ending")
        with open(path, "w", encoding="utf-8") as script:
            script.write(f'#!/bin/sh\n[ "$1" = rollback ] || exec {ENGINE} "$@"\n{ENGINE} "$@" && kill -9 $PPID\n')
        os.chmod(path, 0o700)
        return path

    def cannot_write_its_witness(self):
        """Which goes back before the ledger does, so that the command can be given again."""
        witness, = glob.glob(self.part("organisations/*/witness"))
        with open(witness, "rb") as file:
            wrong = file.read()
        os.mkdir(witness + ".new")
        self.refuses(7, witness + ".new")
        with open(witness, "rb") as file:
            self.assertEqual(file.read(), wrong)
        os.rmdir(witness + ".new")

    def signed(self):
        with open(self.part("engine.signed"), "rb") as file:
            return file.read()

    def engine_words(self):
        """Of its engine's log, and of the part before a new start."""
        words = b""
        for name in ("engine/engine.log", "engine/engine.log.1"):
            if os.path.exists(self.part(name)):
                with open(self.part(name), "rb") as file:
                    words += file.read()
        return words.decode(errors="replace")

    def stands_still(self):
        """By a program that makes another state of a block than the others; at which block."""
        self.nodes[CITY].stop()
        self.OTHERWISE[CITY] = (FAULTY, [])
        self.start_again()
        self.put(NORTH, {"resourceType": "Basic", "id": "wrong", "code": {"text": "x"}})
        self.proof_of(NORTH, "Basic/wrong")
        self.fill(self.height(NORTH) + 4)
        until("words of its engine", lambda: "wrong Block.Header.AppHash" in self.engine_words())
        stood = self.height(CITY)
        self.assertLess(stood, self.height(NORTH) - 2)
        return stood

    def test_a_block_that_was_executed_wrong_is_taken_back_and_executed_again(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        alone = os.path.join(self.scratch, "alone")
        run("init", alone, "--organisation", NORTH, check=0)
        self.refuses(5, "this ledger is embedded", folder=alone)
        self.refuses(8, "another careledger process works on")
        block = self.stands_still()
        self.nodes[CITY].stop()
        self.refuses(3, "/nowhere/cometbft, which is not there", engine="/nowhere/cometbft")
        # Its witness cosigns the wrong end of the log, which must not be held against the right one.
        run("audit", self.folder(CITY), "--engine", ENGINE)

        killed = self.rollback(self.ending_it())  # the engine is rolled back, and the ledger is not yet
        self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stdout)
        self.start_again()  # the program that stood still stands there again
        self.assertEqual(self.height(CITY), block)
        self.nodes[CITY].stop()
        signed = self.signed()
        killed = self.rollback(self.ending_it())
        self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stdout)
        self.cannot_write_its_witness()
        done = self.rollback()
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(json.loads(done.stdout), {"taken_back": block, "height": block - 1})
        self.refuses(4, "was taken back already")
        self.assertEqual(self.signed(), signed)

        del self.OTHERWISE[CITY]
        self.goes_on_like_the_others("mended")
        self.assertEqual(self.ask(CITY, f"/header?height={block + 1:.0f}"), self.ask(NORTH, f"/header?height={block + 1:.0f}"))
        until("its vote", lambda: self.seen_by(NORTH)[1][CITY]["signed"] > 0)
        self.is_sound()


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""Organisations that come when an embedded ledger has grown into a network: by all its blocks, and by a snapshot, on real CometBFT, on
loopback. Usage: late_test.py CARELEDGER COMETBFT TESTS_GO SAMPLES"""

import glob
import json
import os
import shutil
import signal
import subprocess
import unittest

from growing_test import NEWCOMERS, Again, Embedded  # before the others: it takes its own arguments
from members import ALL, CITY, EAST, ENGINE, FETCHING, HOST, MEMBERS, NORTH, SOUTH, until
from node import PROGRAM, ended, flip, run

WEST = "West Pharmacy"
EVERY = 10  # blocks between two snapshots


class Late(Embedded):
    LATER = [EAST, WEST]
    SERVE = ["--snapshot-every", str(EVERY)]

    @classmethod
    def host(cls, name):
        return HOST + "17" if name == WEST else super().host(name)

    def known_as(self, name, *more, founding=None, folder=None):
        """A newcomer's description."""
        listen, api = self.free_ports(name)
        out = self.files[name] = self.path(name + ".json")
        run("network", "describe", folder or self.folder(name), "--founding", founding or self.folder(NORTH) + "/founding.pb",
            "--organisation", name, "--listen", f"{self.host(name)}:{listen}", "--api", f"https://{self.host(name)}:{api}", "-o", out,
            *more, check=0)
        return out

    def join(self, name, *more, file=None, number=None):
        return ["--json", "network", "join", self.folder(name), "--grown", file or self.grown["file"], "--number",
                number or self.grown["number"], "--engine", ENGINE, *more]

    def refused(self, kind, text, arguments):
        done = run(*arguments)
        self.assertNotEqual(done.returncode, 0)
        error = json.loads(done.stdout)["error"]
        self.assertEqual(error["kind"], kind, error)
        self.assertIn(text, error["message"])
        self.assertEqual(len(error["message"].splitlines()), 1)

    def becomes_a_network(self):
        self.put(NORTH, {"resourceType": "Basic", "id": "old", "code": {"text": "x"}})
        self.proof_of(NORTH, "Basic/old")
        type(self).grown = json.loads(self.grow([self.files[name] for name, _ in NEWCOMERS], check=0).stdout)
        for name, _ in NEWCOMERS:
            self.found(name, self.grown["file"], check=0)
        for name, _ in NEWCOMERS:
            self.start(name)
        until("blocks of the network", lambda: all(self.height(name) > self.grown["seal"] + 1 for name, _ in MEMBERS))

    def another_network(self):
        """A ledger of a stranger's, which grew as well."""
        self.fresh_owner("other")
        # Those who came serve another ledger.
        node = self.owner(self.path("other"), engine=self.engine_that(f"{ENGINE} version --verbose; rm $0"))
        listen, api = (f"{self.host(NORTH)}:{port}" for port in self.free_ports(NORTH))
        grown = json.loads(self.grow_at("other", addresses=["--listen", listen, "--api", "https://" + api]).stdout)
        node.end(signal.SIGTERM)
        return grown

    def what_is_not_taken(self):
        founding = self.folder(NORTH) + "/founding.pb"
        ledger = run("--json", "network", "join", self.folder(EAST), founding, self.files[SOUTH], "--ledger", "0" * 64)
        self.assertIn("network join --grown", ledger.stdout)
        self.refused("invalid", "ask a member by another way", self.join(EAST, number="0" * 64))
        other = self.another_network()
        self.refused("invalid", "of the number " + other["number"], self.join(EAST, file=other["file"]))
        self.refused("conflict", "did not describe itself", self.join(EAST, file=other["file"], number=other["number"]))
        edited = self.path("edited")
        elsewhere = self.addresses(NORTH)[1].encode()
        with open(self.grown["file"], "rb") as whole, open(edited, "wb") as copy:
            copy.write(whole.read().replace(elsewhere, b"127.9" + elsewhere[5:]))
        self.refused("unauthenticated", "is not its owner's: its signature does not hold", self.join(EAST, file=edited))
        with open(self.grown["file"], "rb") as whole, open(edited, "wb") as copy:
            data = whole.read()
            copy.write(data[:-1] + bytes([data[-1] ^ 1]))
        self.refused("invalid", "the state in the grown ledger's file is not that of its last block", self.join(EAST, file=edited))
        shutil.copy(self.grown["file"], edited)
        flip(edited)
        self.assertNotEqual(run(*self.join(EAST, file=edited)).returncode, 0)
        os.mkdir(self.path("south-again"))
        shutil.copy(self.folder(SOUTH) + "/description.json", self.path("south-again"))
        self.refused("conflict", "came when this ledger grew", [*self.join(EAST)[:3], self.path("south-again"), *self.join(EAST)[4:]])
        self.assertFalse(os.path.exists(self.folder(EAST) + "/careledger.json"))
        self.assertFalse(os.path.exists(self.folder(EAST) + "/ledger"))
        self.assertFalse(os.path.exists(self.folder(EAST) + "/ledger.unproven"))

    def joining(self, name, *more):
        process = subprocess.Popen([PROGRAM, *self.join(name, *more)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(process.kill)
        until("its engine", lambda: os.path.exists(self.folder(name) + "/engine/data/blockstore.db"))
        return process

    def comes_in(self, name, wish, yes, *more):
        """Its engine is let in by all; it is killed on the way, and admitted while it goes on."""
        for member in self.nodes:
            self.assertIn("New: " + name, run("network", "peer", self.folder(member), wish, check=0).stdout)
        joining = self.joining(name, *more)
        joining.kill()
        joining.communicate()
        if not more:  # of a snapshot nothing may be here yet
            self.assertIn("was not admitted", run("serve", self.folder(name), "--engine", ENGINE).stderr)
        joining = self.joining(name, *more)
        self.decide(yes, "--admit", wish)
        said, _ = ended(joining, ALL)
        self.assertEqual(joining.returncode, 0, said)
        self.start(name)
        votes = 10 * len(self.nodes)
        until("its own view of it", lambda: self.standing(name)["votes"] == votes)
        self.put(name, {"resourceType": "Basic", "id": "first", "code": {"text": "x"}})
        self.proof_of(name, "Basic/first")

    def is_a_validator(self):
        """Thirty of fifty votes, without one of the four and without the newcomer's, are too few."""
        self.nodes[CITY].stop(signal.SIGKILL)
        self.put(EAST, {"resourceType": "Basic", "id": "signed", "code": {"text": "x"}})
        self.assertRegex(self.proof_of(EAST, "Basic/signed"), r"[Ss]igned by 4 keys")
        self.start(CITY)
        height = max(self.height(name) for name in self.nodes)
        until("all together again", lambda: all(self.height(name) >= height for name in self.nodes))

    def by_a_snapshot(self):
        until("an answer of its engine", lambda: "sync_info" in self.ask(EAST, "/status"))
        known = self.ask(EAST, "/status")["sync_info"]
        self.fill((int(known["latest_block_height"]) // EVERY + 1) * EVERY + 5)
        servers = [option for name in (EAST, SOUTH) for option in ("--rpc", self.nodes[name].addresses["rpc"][0])]
        how = [*servers, "--members-certificates", self.trusted]
        wish = self.known_as(WEST)
        seal = f"{self.grown['seal']}:{self.grown['hash']}"
        # Who came since stands in no file: a newcomer is told of it.
        self.refused("invalid", "take one above " + str(self.grown["seal"]), self.join(WEST, self.files[EAST], *how, "--trust", seal))
        self.comes_in(WEST, wish, [NORTH, SOUTH, CITY, EAST], self.files[EAST], *how, "--trust",
                      known["latest_block_height"] + ":" + known["latest_block_hash"])
        until("an answer of its engine", lambda: "sync_info" in self.ask(WEST, "/status"))
        first = int(self.ask(WEST, "/status")["sync_info"]["earliest_block_height"])
        self.assertEqual(first % EVERY, 1)
        self.assertGreater(first, self.grown["seal"] + 1)
        self.are_alike()

    def are_alike(self):
        """Snapshots of a height at the former owner, at one that came when it grew, and at one that came later."""
        def snapshots(name):
            """By height, what says all of it: the hash of each piece, too. An old one goes when the next one is there."""
            found = {}
            for path in glob.glob(self.folder(name) + "/snapshots/*.whole"):
                try:
                    with open(path, "rb") as file:
                        found[os.path.basename(path)] = file.read()
                except FileNotFoundError:
                    pass
            return found

        def of_one_height():
            all_of_them = [snapshots(name) for name in (NORTH, SOUTH, EAST)]
            common = set.intersection(*(set(found) for found in all_of_them))
            return [found[max(common)] for found in all_of_them] if common else None

        self.assertEqual(len(set(until("a snapshot that all three have", of_one_height))), 1)

    def comes_back(self, name, *more):
        """Its ledger was lost, and nothing else of it."""
        self.nodes[name].stop()
        for folder in ("ledger", "engine"):
            os.rename(self.folder(name) + "/" + folder, self.path(f"{name}-{folder}-lost"))
        if name == NORTH:
            self.refused("precondition", "nobody else has its blocks of then",
                         ["--json", "network", "recover", self.folder(name), "--engine", ENGINE])
            for folder in ("ledger", "engine"):
                os.rename(self.path(f"{name}-{folder}-lost"), self.folder(name) + "/" + folder)
        else:
            writer = Again(self.one_block)
            run("--json", "network", "recover", self.folder(name), "--engine", ENGINE, *more, check=0, timeout=FETCHING)
            writer.end()
        self.start(name)
        self.put(name, {"resourceType": "Basic", "id": "back", "code": {"text": "x"}})
        self.proof_of(name, "Basic/back")

    def test_organisations_come_when_the_ledger_has_grown(self):
        self.becomes_a_network()
        wish = self.known_as(EAST)
        self.what_is_not_taken()
        self.comes_in(EAST, wish, [NORTH, SOUTH, CITY])
        self.is_a_validator()
        self.by_a_snapshot()
        self.proof_of(NORTH, "Basic/old")
        for name in (CITY, EAST, NORTH):
            self.comes_back(name)
        self.nodes[EAST].stop()
        self.audit(EAST)
        self.start(EAST)
        self.restore(EAST, "Basic/first")


del Embedded

if __name__ == "__main__":
    unittest.main()

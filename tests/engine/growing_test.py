"""An embedded ledger of the real binary grows into a network of four on real CometBFT, on loopback.
Usage: growing_test.py CARELEDGER COMETBFT TESTS_GO SAMPLES"""

import glob
import itertools
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
from http.client import HTTPException, HTTPSConnection
from unittest import mock

GO_TESTS, SAMPLES = (os.path.abspath(path) for path in sys.argv[3:5])
del sys.argv[3:5]
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import shifted_clock  # noqa: E402
from members import CITY, ENGINE, FETCHING, MEMBERS, NORTH, PROGRAM, REGION, SOUTH, Network, until  # noqa: E402
from node import Node, flip, http, make_certificate, run  # noqa: E402

SHIFTS = subprocess.run([sys.executable, "-B", shifted_clock.__file__, "1", "/bin/true"], check=False).returncode == 0
NEWCOMERS = [(SOUTH, "clinic"), (CITY, "laboratory"), (REGION, "regulator")]


class Again(threading.Thread):
    """Asks the same again and again."""

    def __init__(self, ask):
        super().__init__(daemon=True)
        self.ask, self.told, self.ended, self.broke = ask, [], threading.Event(), None
        self.start()

    def run(self):
        try:
            while not self.ended.is_set():
                self.told.append(self.ask())
        except Exception as broke:  # raised where it is waited for
            self.broke = broke

    def end(self):
        self.ended.set()
        self.join()
        if self.broke:
            raise self.broke
        assert self.told, "it was never answered"
        return self.told


class Reads(threading.Thread):
    """One connection that reads one record after the other, and remembers when each answer came and how long it took."""

    def __init__(self, node, paths, bearer):
        super().__init__(daemon=True)
        self.where = urllib.parse.urlsplit(node.fhir)
        self.paths, self.headers = paths, {"Authorization": "Bearer " + bearer}
        self.good, self.bad, self.ended = [], [], threading.Event()
        self.start()

    def run(self):
        connection, number = None, 0
        while not self.ended.is_set():
            began = time.monotonic()
            number += 1
            try:
                connection = connection or HTTPSConnection(self.where.netloc, context=ssl.create_default_context(), timeout=60)
                connection.request("GET", self.where.path + self.paths[number % len(self.paths)], headers=self.headers)
                answer = connection.getresponse()
                answer.read()
                good = answer.status == 200
            except (OSError, HTTPException):
                if connection:
                    connection.close()
                connection, good = None, False
            (self.good if good else self.bad).append((began, time.monotonic()))
        if connection:
            connection.close()

    def between(self, begin, end):
        """Reads of that time: how many, the longest, and how many were not answered."""
        took = [done - began for began, done in self.good if done > begin and began < end]
        return len(took), max(took, default=0), sum(1 for began, done in self.bad if done > begin and began < end)

    def longest_gap(self):
        ends = [done for _, done in self.good]
        return max(after - before for before, after in zip(ends, ends[1:]))

    def end(self):
        self.ended.set()
        self.join()


class Embedded(Network):
    """An embedded ledger at North, and those who want to come."""

    LATER = []  # who comes when it has grown
    numbers = itertools.count()

    @classmethod
    def setUpClass(cls):
        cls.scratch = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="careledger-grow-"))
        cls.nodes, cls.files = {}, {}
        cls.sample = min(glob.glob(SAMPLES + "/2019/*.json.gz"), key=os.path.getsize)
        cls.ports = dict((name, cls.free_ports(name)) for name, _ in MEMBERS)
        cls.certificates = {name: make_certificate(cls.scratch, cls.host(name)) for name in [*cls.ports, *cls.LATER]}
        cls.trusted = os.path.join(cls.scratch, "members.pem")
        with open(cls.trusted, "w", encoding="utf-8") as bundle:
            for certificate, _ in cls.certificates.values():
                with open(certificate, encoding="utf-8") as one:
                    bundle.write(one.read())
        os.environ["SSL_CERT_FILE"] = cls.trusted  # of this test's own questions
        cls.addClassCleanup(os.environ.pop, "SSL_CERT_FILE")
        run("init", cls.folder(NORTH), "--organisation", NORTH, "--epoch-ms", "1000", "--name", "Region", check=0)
        cls.start(NORTH)
        for name, kind in NEWCOMERS:
            cls.describe(name, kind)

    @classmethod
    def addresses(cls, name):
        engine, endpoint = cls.ports[name]
        return "--listen", f"{cls.host(name)}:{engine}", "--api", f"https://{cls.host(name)}:{endpoint}"

    @classmethod
    def describe(cls, name, kind, *more, founding=None, folder=None):
        out = cls.files[name] = os.path.join(cls.scratch, name + ".json")
        run("network", "describe", folder or cls.folder(name), "--founding", founding or cls.folder(NORTH) + "/founding.pb",
            "--organisation", name, "--kind", kind, *cls.addresses(name), "-o", out, *more, check=0)
        return out

    @classmethod
    def owner(cls, folder, *more, engine=ENGINE):
        """A node of an embedded ledger in a folder of its own, with what a member needs."""
        certificate, key = cls.certificates[NORTH]
        node = Node(folder, "--address", cls.host(NORTH), "--certificate", certificate, "--certificate-key", key, "--engine", engine, *more)
        cls.addClassCleanup(node.end, signal.SIGTERM)
        return node

    @classmethod
    def engine_that(cls, says):
        """A program in an engine's place."""
        path = tempfile.mktemp(prefix="engine", dir=cls.scratch)
        with open(path, "w", encoding="utf-8") as script:
            script.write("#!/bin/sh\n" + says + "\n")
        os.chmod(path, 0o700)
        return path

    def path(self, name):
        return os.path.join(self.scratch, name)

    def grow(self, files, *more, check=None):
        return run("--json", "network", "grow", self.folder(NORTH), "--organisation", NORTH, *files, *self.addresses(NORTH), *more,
                   check=check)

    def found(self, name, file, check=None):
        return run("network", "found", self.folder(name), "--grown", file, check=check)

    def describe_for(self, owner, name, kind):
        """Its folder and file, for the ledger in another folder than this test's own."""
        folder, out = self.path(f"{owner}-{name}"), self.path(f"{owner}-{name}.json")
        run("network", "describe", folder, "--founding", self.path(owner) + "/founding.pb", "--organisation", name, "--kind", kind,
            *self.addresses(name), "-o", out, check=0)
        return folder, out

    def fresh_owner(self, name, port=0):
        """A ledger in a folder of its own, and those who want to come to it; the folder of the first of them."""
        run("init", self.path(name), "--organisation", NORTH, "--name", "Region", "--port", str(port), check=0)
        return [self.describe_for(name, newcomer, kind) for newcomer, kind in NEWCOMERS][0][0]

    def grow_at(self, owner, entrants=None, addresses=None, check=0):
        files = [self.path(f"{entrants or owner}-{name}.json") for name, _ in NEWCOMERS]
        return run("--json", "network", "grow", self.path(owner), "--organisation", NORTH, *files, *(addresses or self.addresses(NORTH)),
                   check=check)

    def write_one(self, node, bearer):
        """What the answer says of its anchor."""
        path = f"/Basic/w{next(self.numbers)}"
        status, headers, answer = node.call("PUT", path, bearer, {"resourceType": "Basic", "id": path[7:], "code": {"text": "x"}})
        self.assertEqual(status, 201, answer)
        return headers["CareLedger-Anchor"].split(";")[0]

    def audit(self, name):
        done = run("--json", "audit", self.folder(name), "--engine", ENGINE)
        self.assertTrue(json.loads(done.stdout)["sound"], done.stdout)

    def one_block(self):
        """A ledger that is fetched again ends with a block that was made after it began: without records they come every ten seconds."""
        height = self.height(SOUTH)
        self.put(SOUTH, {"resourceType": "Basic", "id": "block", "code": {"text": str(height)}})
        until("the record's block", lambda: self.height(SOUTH) > height)

    def restore(self, name, record):
        """Lost but for its backup: the state at the seal comes from its own copy of what was handed over, the blocks from the others."""
        data = self.path("backup-" + name)
        where = ["--data", data, "--keys", self.path("backup-keys-" + name)]
        run("backup", self.folder(name), *where, check=0)
        run("backup", self.folder(name), *where, "--verify", check=0)
        self.nodes[name].stop()
        shutil.rmtree(self.folder(name))
        writer = Again(self.one_block)
        run("restore", self.folder(name), *where, "--engine", ENGINE, check=0, timeout=FETCHING)
        writer.end()
        self.assertFalse(os.path.exists(self.folder(name) + "/old-chain"))
        self.start(name)
        self.proof_of(name, record)
        return data, where


class Growing(Embedded):
    LONGEST_READ = 1  # seconds at least: the machine does much else
    LONGEST_READ_EVER = 3  # however busy the machine is

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.light = os.path.join(cls.scratch, "light")
        subprocess.run(["go", "build", "-o", cls.light, "./light"], cwd=GO_TESTS, check=True, timeout=300)

    def validator(self):
        keys = json.loads(run("--json", "keys", "list", self.folder(NORTH), check=0).stdout)
        return [one["public_key"] for one in keys if one["purpose"] == "validator"]

    # A block came between its two ways to the newest; or the node was just started and has no earlier state than its newest.
    BETWEEN = ("light block not found", "unverified header/valset requested", "is not among the last")

    ROWS = ["6400000000", "64000000ff"]  # of the state: one that is there, and one that is not

    def walk(self, commit):
        """The unmodified light client of CometBFT from an old header to the newest; a value proven against it, and that there is none."""
        primary, witness = self.nodes[NORTH].addresses["rpc"]
        header = commit["result"]["signed_header"]
        done = subprocess.run([self.light, primary, witness, header["header"]["chain_id"], header["header"]["height"],
                               header["commit"]["block_id"]["hash"], *self.ROWS],
                              capture_output=True, text=True, timeout=300)
        if any(word in done.stderr for word in self.BETWEEN):
            return None
        self.assertEqual(done.returncode, 0, done.stderr)
        for row, how in zip(self.ROWS, ("present", "absent")):
            self.assertIn(f"{row}: {how}", done.stdout)
        return done.stdout

    def what_does_not_grow(self):
        good = [self.files[name] for name, _ in NEWCOMERS]
        self.assertIn("at least four organisations", self.grow(good[:2]).stdout)
        self.assertIn("a third of all votes", self.grow(good, "--weight", "30").stdout)
        self.assertIn("two descriptions of ", self.grow(good + good[:1]).stdout)
        run("init", self.path("other"), "--organisation", NORTH, "--name", "Region", check=0)
        other = self.describe(SOUTH, "clinic", founding=self.path("other/founding.pb"), folder=self.path("elsewhere"))
        self.assertIn("does not describe itself for this ledger", self.grow([other, *good[1:]]).stdout)
        self.describe(SOUTH, "clinic")
        self.put(NORTH, {"resourceType": "Basic", "id": "still", "code": {"text": "x"}})
        self.proof_of(NORTH, "Basic/still")

    def one_whom_the_ledger_alone_knows(self):
        folder = self.path("crowd")
        run("init", folder, "--organisation", NORTH, "--organisation", SOUTH, "--name", "Region", "--port", "0", check=0)
        with open(folder + "/careledger.json", encoding="utf-8") as file:
            config = json.load(file)
        del config["organisations"][1:]  # as it stands when an admission was cut off
        with open(folder + "/careledger.json", "w", encoding="utf-8") as file:
            json.dump(config, file)
        node = Node(folder)
        self.addCleanup(node.end, signal.SIGTERM)
        refused = run("--json", "network", "grow", folder, "--organisation", NORTH, *[self.files[name] for name, _ in NEWCOMERS],
                      *self.addresses(NORTH))
        error = json.loads(refused.stdout)["error"]
        self.assertEqual(error["kind"], "conflict", refused.stdout)
        self.assertIn("the ledger knows 2 organisations", error["message"])
        height = node.metric("careledger_ledger_height")  # a sealed ledger has no block after its seal
        run("import", folder, self.sample, "--organisation", NORTH, check=0)
        until("a block after the refusal", lambda: node.metric("careledger_ledger_height") > height)
        node.end(signal.SIGTERM)

    def an_owner_whose_ledger_is_ahead(self):
        self.fresh_owner("ahead")
        Node(self.path("ahead"), program=shifted_clock.wrapped(self.scratch, PROGRAM, 3600)).end(signal.SIGTERM)
        node = Node(self.path("ahead"))
        self.addCleanup(node.end, signal.SIGTERM)
        self.assertIn("newest block is of", self.grow_at("ahead", check=None).stdout)
        node.end(signal.SIGTERM)

    def another_file_is_taken_before_the_start(self):
        """Two ends of one ledger, as only its owner can make them: whoever took the wrong one takes the other instead."""
        newcomer = self.fresh_owner("twice")
        files = []
        Node(self.path("twice")).end(signal.SIGTERM)
        shutil.copytree(self.path("twice"), self.path("again"))
        shutil.copy(self.path("twice.key"), self.path("again.key"))
        for name in ("twice", "again"):
            node = self.owner(self.path(name), engine=self.engine_that(f"{ENGINE} version --verbose; rm $0"))
            files.append(json.loads(self.grow_at(name, "twice").stdout))
            self.a_node_that_cannot_become_a_member(node, files[-1])
            node.end(signal.SIGTERM)
        found = lambda which, check=0: run("network", "found", newcomer, "--grown", files[which]["file"], check=check)  # noqa: E731
        for which in (0, 1, 0):
            self.assertIn(files[which]["number"], found(which).stdout)
            with open(newcomer + "/founding.txt", encoding="utf-8") as text:
                self.assertIn(files[which]["number"], text.read())
        os.mkdir(newcomer + "/engine")  # as the first start makes it
        self.assertIn("may have served", found(1, check=None).stderr)
        found(0)

    def a_node_that_cannot_become_a_member(self, node, grown):
        """Its engine went with the seal, and it is sealed until it is started anew: read, and nothing is taken."""
        self.assertIn("the engine cannot be ", grown["not_yet"])
        self.assertEqual(node.metric("careledger_ledger_height"), grown["seal"])
        self.assertIn("ledger", http(node.origin + "/readyz")[2].decode())
        refused = run("registry", "accredit", node.folder, "--organisation", NORTH, "--kind", "practitioner", "--role", "nurse",
                      "--until", "2040-01-01")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("sealed", refused.stderr)
        self.assertIn("network's already", self.grow_at(os.path.basename(node.folder), "twice", check=None).stdout)

    def test_an_embedded_ledger_becomes_a_network_and_what_was_proven_stays_proven(self):
        node, old_validator = self.nodes[NORTH], self.validator()
        run("import", self.folder(NORTH), self.sample, "--organisation", NORTH, check=0)
        self.put(NORTH, {"resourceType": "Basic", "id": "old", "code": {"text": "x"}})
        self.proof_of(NORTH, "Basic/old")
        old_bundle, old_trust = self.path("old.proof"), self.path("old.trust")
        shutil.copy(self.path("a.proof"), old_bundle)
        shutil.copy(self.path("trust"), old_trust)
        first = json.loads(http(node.addresses["rpc"][0] + "/commit?height=1")[2])
        rules = self.ask(NORTH, "/consensus_params?height=1")
        self.what_does_not_grow()
        self.one_whom_the_ledger_alone_knows()
        if SHIFTS:
            self.an_owner_whose_ledger_is_ahead()
        self.another_file_is_taken_before_the_start()

        bearer, former = self.bearer(NORTH), node.fhir
        reads, writer = Reads(node, ["/Basic/old"], bearer), Again(lambda: self.write_one(node, bearer))
        self.addCleanup(reads.end)
        until("reads and writes before", lambda: len(reads.good) > 1000 and "final" in writer.told)
        begin = time.monotonic()
        _, before, _ = reads.between(0, begin)
        grown = json.loads(self.grow([self.files[name] for name, _ in NEWCOMERS], check=0).stdout)
        self.assertNotIn("not_yet", grown)
        self.assertEqual(node.metric("careledger_ledger_height"), grown["seal"])
        until("a record that waits for the network", lambda: "pending" in writer.told)
        writer.end()
        node.read_addresses()
        self.assertEqual(node.origin, self.addresses(NORTH)[3])
        headers = self.put(NORTH, {"resourceType": "Basic", "id": "between", "code": {"text": "x"}})
        self.assertEqual(headers.get("CareLedger-Anchor"), "pending")
        self.proof_of(NORTH, "Basic/old")  # by the old chain's key, as long as nobody else is there
        self.assertIn("network's already", self.grow([self.files[name] for name, _ in NEWCOMERS]).stdout)
        self.assertEqual(len(self.validator()), 1)
        self.assertNotEqual(self.validator(), old_validator)

        self.what_is_not_taken(grown["file"])
        self.describe(SOUTH, "clinic")  # anew: the owner has its older one
        for name, _ in NEWCOMERS:
            self.assertIn(grown["number"], self.found(name, grown["file"], check=0).stdout)
        self.found(SOUTH, grown["file"], check=0)  # again: nothing changes
        for name, _ in NEWCOMERS:
            self.start(name)
        until("blocks of the network", lambda: all(self.height(name) > grown["seal"] + 1 for name, _ in MEMBERS))
        until("the anchors of what was written meanwhile", lambda: node.metric("careledger_waiting_for_anchor") == 0)
        reads.end()
        count, longest, _ = reads.between(begin, time.monotonic())
        self.assertEqual(reads.bad, [], f"of {count} reads")
        limit = min(self.LONGEST_READ_EVER, max(self.LONGEST_READ, 4 * before))
        self.assertLess(longest, max(limit, 2 * before), f"the longest before was {before} s")  # a busy machine tells little
        self.assertIsNone(node.process.poll())  # it is the same process all along
        for fhir in (former, node.fhir):
            self.assertEqual(http(fhir + "/Basic/old", token=self.bearer(NORTH))[0], 200)
        run("registry", "accredit", self.folder(NORTH), "--organisation", NORTH, "--kind", "practitioner", "--role", "nurse",
            "--until", "2040-01-01", check=0)
        self.assertEqual(self.ask(NORTH, "/consensus_params?height=1"), rules)
        now = self.ask(NORTH, f"/consensus_params?height={grown['seal'] + 1}")
        self.assertNotEqual(now["consensus_params"]["block"], rules["consensus_params"]["block"])

        for record in ("old", "between"):
            self.proof_of(NORTH, "Basic/" + record)
        for name, _ in NEWCOMERS:
            self.put(name, {"resourceType": "Basic", "id": "new", "code": {"text": "x"}})
            self.proof_of(name, "Basic/new")
        run("verify", old_bundle, "--trust", old_trust, check=0)
        until("a walk to the newest block", lambda: self.walk(first))
        self.what_lasts(grown, first)

    def restore_the_owner(self, first):
        """The old blocks, which it alone has, come from its backup."""
        data, where = self.restore(NORTH, "Basic/old")
        commit = self.nodes[NORTH].addresses["rpc"][0] + "/commit?height=1"
        self.assertEqual(json.loads(http(commit)[2])["result"], first["result"])
        until("a walk from the old block", lambda: self.walk(first))
        flip(data + "/old-chain")
        done = run("backup", self.folder(NORTH), *where, "--verify")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("old-chain", done.stderr)
        os.remove(data + "/old-chain")
        lost = "old-chain: it is gone, and this is the backup of the node whose ledger grew"
        self.assertIn(lost, run("backup", self.folder(NORTH), *where, "--verify", check=7).stderr)
        shutil.copy(self.folder(NORTH) + ".key", self.path("unfounded.key"))
        self.assertIn(lost, run("restore", self.path("unfounded"), *where, "--engine", ENGINE, check=7).stderr)
        self.assertFalse(os.path.exists(self.path("unfounded")))  # the same command may be given again
        with open(data + "/old-chain.none", "w", encoding="utf-8"):
            pass
        self.assertIn("none of the blocks from before", run("backup", self.folder(NORTH), *where, "--verify", check=0).stdout)

    def what_is_not_taken(self, file):
        torn, flipped = self.path("torn"), self.path("flipped")
        shutil.copy(file, flipped)
        flip(flipped)
        self.assertNotEqual(self.found(SOUTH, flipped).returncode, 0)
        with open(file, "rb") as whole, open(torn, "wb") as part:
            part.write(whole.read()[:-1])
        self.assertIn("cut off", self.found(SOUTH, torn).stderr)
        self.assertIn("no file of a grown ledger", self.found(SOUTH, self.files[SOUTH]).stderr)
        elsewhere = self.addresses(NORTH)[1].encode()
        with open(file, "rb") as whole, open(flipped, "wb") as other:
            other.write(whole.read().replace(elsewhere, b"127.9" + elsewhere[5:]))
        told = self.found(SOUTH, flipped).stderr
        self.assertIn("is not its owner's: its signature does not hold; ask the owner for it again", told)
        self.assertEqual(len(told.splitlines()), 1, told)
        if SHIFTS:
            with mock.patch("node.PROGRAM", shifted_clock.wrapped(self.scratch, PROGRAM, -3600)):
                self.assertIn("ahead of this machine's clock", self.found(SOUTH, file).stderr)
        self.describe(SOUTH, "clinic", founding=self.path("other/founding.pb"), folder=self.path("elsewhere"))
        done = run("network", "found", self.path("elsewhere"), "--grown", file)
        self.assertIn("did not describe itself", done.stderr)
        self.assertFalse(os.path.exists(self.folder(SOUTH) + "/careledger.json"))
        self.assertFalse(os.path.exists(self.folder(SOUTH) + "/ledger"))

    def what_lasts(self, grown, first):
        """Members are started anew; one of four is away; the founder decides nothing any more."""
        self.nodes[CITY].stop()
        self.audit(CITY)
        self.put(REGION, {"resourceType": "Basic", "id": "three", "code": {"text": "x"}})
        self.proof_of(REGION, "Basic/three")
        self.start(CITY)
        self.nodes[NORTH].stop()
        self.audit(NORTH)
        said = run("audit", self.folder(NORTH), "--engine", ENGINE, check=0).stdout
        self.assertGreater(int(re.search(r"Looked at ([0-9]+) blocks", said).group(1)), grown["seal"])  # those of the old chain, too
        self.start(NORTH)
        height = max(self.height(name) for name, _ in MEMBERS)
        until("all members together again", lambda: all(self.height(name) >= height for name, _ in MEMBERS))
        listed = json.loads(run("--json", "network", "proposals", self.folder(CITY), "--organisation", CITY, check=0).stdout)
        self.assertEqual(sorted(one["name"] for one in listed["members"]), sorted(name for name, _ in MEMBERS))
        self.assertEqual(listed["votes"], 40)
        self.decide([NORTH, SOUTH, CITY], "--weight-of", REGION, "--weight", "9")
        self.assertFalse(os.path.exists(self.restore(CITY, "Basic/new")[0] + "/old-chain"))
        self.restore_the_owner(first)


del Network

if __name__ == "__main__":
    unittest.main()

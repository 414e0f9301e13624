"""A consortium of the real binary on real CometBFT: four organisations, each in its own process with its own keys, on loopback.
Usage: consortium_test.py CARELEDGER COMETBFT"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ENGINE = os.path.abspath(sys.argv.pop(2))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))

from node import NORTH, PROGRAM, SOUTH, Node, http, make_certificate, run, token  # noqa: E402

CITY, REGION, EAST = "City Laboratory", "Regional Authority", "East Hospital"
MEMBERS = [(NORTH, "hospital"), (SOUTH, "clinic"), (CITY, "laboratory"), (REGION, "regulator")]
LONGEST = 60  # seconds for anything to happen


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def until(what, holds):
    """Asks again and again: there is nothing that tells when another process has come so far."""
    end = time.monotonic() + LONGEST
    while True:
        late = time.monotonic() >= end  # before it asks: this test may have stood still itself
        found = holds()
        if found:
            return found
        if late:
            raise AssertionError("waited too long for: " + what)
        time.sleep(0.1)  # between two questions


class Founding(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="careledger-net-")
        self.addCleanup(shutil.rmtree, self.scratch)

    def path(self, name):
        return os.path.join(self.scratch, name)

    def describe(self, name, kind, number, *more, network="Region", check=0):
        folder, out = self.path(f"n{number}"), self.path(f"d{number}.json")
        run("network", "describe", folder, "--network", network, "--organisation", name, "--kind", kind, "--epoch-ms", "1000",
            "--listen", f"127.0.1.{number}:26656", "--api", f"http://127.0.1.{number}:8080", "-o", out, *more, check=check)
        return out

    def describe_all(self, **more):
        return [self.describe(name, kind, number, **more) for number, (name, kind) in enumerate(MEMBERS, 1)]

    def found(self, number, files, *more, check=0):
        return run("network", "found", self.path(f"n{number}"), *files, *more, check=check)

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def test_everybody_founds_the_same_ledger_without_a_key_of_another(self):
        files = self.describe_all()
        said = [self.found(number, files[number - 1:] + files[:number - 1], "--compare", self.path("n1/founding.txt")).stdout
                for number in range(1, 5)]
        documents = {self.read(self.path(f"n{number}/founding.pb")) for number in range(1, 5)}
        self.assertEqual(len(documents), 1)
        self.assertEqual(len({text.splitlines()[0] for text in said}), 1)
        self.found(1, files)  # again: nothing changes
        ours = self.read(self.path("n1/founding.pb"))
        self.assertIn(ours, documents)

    def test_a_founding_that_differs_is_told_by_its_line(self):
        files = self.describe_all()
        before = self.path("before.json")
        shutil.copy(files[3], before)
        other = self.describe(REGION, "regulator", 4, "--weight", "9")
        self.found(4, files[:3] + [other])
        files[3] = before  # what the others still have
        done = self.found(2, files, "--compare", self.path("n4/founding.txt"), check=4)
        self.assertRegex(done.stderr, r"line \d+ differs: here .*, there ")

    def test_what_founds_nothing_says_why(self):
        files = self.describe_all()
        three = self.found(1, files[:3], check=5)
        self.assertIn("at least four organisations", three.stderr)
        self.assertIn("own description is not among", self.found(1, files[1:], check=5).stderr)
        self.assertIn("share", self.found(1, files + [files[3]], check=4).stderr)
        changed = self.path("changed.json")
        with open(changed, "w", encoding="utf-8") as file:
            file.write(self.read(files[3]).decode().replace('"weight": 10', '"weight": 11'))
        done = run("network", "found", self.path("n1"), *files[:3], changed)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("changed.json: the signature of its command key does not hold", done.stderr)
        heavy = self.describe(REGION, "regulator", 4, "--weight", "20")
        self.assertIn("a third of all votes", self.found(1, files[:3] + [heavy], check=5).stderr)
        elsewhere = self.describe(REGION, "regulator", 4, network="Another")
        self.assertIn('"Another": agree on one name', self.found(1, files[:3] + [elsewhere], check=4).stderr)
        self.assertFalse(os.path.exists(self.path("n1/careledger.json")))

    def test_a_folder_in_use_is_left_alone(self):
        run("init", self.path("n1"), "--organisation", NORTH, check=0)
        self.describe(NORTH, "hospital", 1, check=4)
        os.mkdir(self.path("n2"))
        with open(self.path("n2/file"), "w", encoding="utf-8") as file:
            file.write("x")
        self.describe(SOUTH, "clinic", 2, check=4)


class Network(unittest.TestCase):
    """Four members, each in its own process and with its own certificate, for the tests of one class."""

    SERVE = []  # options of each
    OTHERWISE = {}  # who serves by another program, and with more options
    ENGINES = {}  # who has another engine

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.mkdtemp(prefix="careledger-net-")
        cls.addClassCleanup(shutil.rmtree, cls.scratch)
        cls.nodes = {}
        ports = free_ports(8)
        cls.files = files = []
        for number, (name, kind) in enumerate(MEMBERS):
            host = cls.host(name)
            out = os.path.join(cls.scratch, f"{number}.json")
            run("network", "describe", cls.folder(name), "--network", "Region", "--organisation", name, "--kind", kind,
                "--epoch-ms", "1000", "--listen", f"{host}:{ports[number]}", "--api", f"https://{host}:{ports[4 + number]}",
                "-o", out, check=0)
            files.append(out)
        cls.certificates = {name: make_certificate(cls.scratch, cls.host(name)) for name in [*(one for one, _ in MEMBERS), EAST]}
        cls.trusted = os.path.join(cls.scratch, "members.pem")
        with open(cls.trusted, "w", encoding="utf-8") as bundle:
            for certificate, _ in cls.certificates.values():
                with open(certificate, encoding="utf-8") as one:
                    bundle.write(one.read())
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = cls.trusted  # of this test's own questions
        cls.addClassCleanup(lambda: os.environ.pop("SSL_CERT_FILE") if before is None else os.environ.update(SSL_CERT_FILE=before))
        for name, _ in MEMBERS:
            run("network", "found", cls.folder(name), *files, check=0)
            cls.start(name)

    @classmethod
    def folder(cls, name):
        return os.path.join(cls.scratch, name.split()[0].lower())

    @classmethod
    def host(cls, name):
        return f"127.0.1.{[*(one for one, _ in MEMBERS), EAST].index(name) + 11}"

    @classmethod
    def start(cls, name):
        certificate, key = cls.certificates[name]
        program, more = cls.OTHERWISE.get(name, (PROGRAM, []))
        cls.nodes[name] = Node(cls.folder(name), "--address", cls.host(name), "--certificate", certificate, "--certificate-key", key,
                               "--members-certificates", cls.trusted, "--engine", cls.ENGINES.get(name, ENGINE), *cls.SERVE, *more,
                               program=program)
        cls.addClassCleanup(cls.nodes[name].end, signal.SIGTERM)  # which ends its engine too

    def height(self, name):
        return self.nodes[name].metric("careledger_ledger_height") or 0

    def bearer(self, name):
        return token(self.folder(name), name)

    def put(self, name, resource):
        path = f"/{resource['resourceType']}/{resource['id']}"
        status, headers, answer = self.nodes[name].call("PUT", path, self.bearer(name), resource)
        self.assertIn(status, (200, 201), answer)
        return headers

    def ask(self, name, question):
        """Of a member's read-only RPC: its answer, or the words of its error."""
        status, _, answer = http(self.nodes[name].addresses["rpc"][0] + question)
        body = json.loads(answer)
        return body["result"] if status == 200 else body["error"].get("data") or body["error"]["message"]

    def fill(self, height):
        """Records until the ledger has come so far: without them there is a block each ten seconds."""
        number = 0
        while self.height(NORTH) < height:
            number += 1
            before = self.height(NORTH)
            self.put(NORTH, {"resourceType": "Basic", "id": f"b{height:.0f}-{number}", "code": {"text": "x"}})
            until("a block with it", lambda before=before: self.height(NORTH) > before)

    def proof_of(self, name, resource):
        """What its proof says, once the ledger has it."""
        bundle, trust = os.path.join(self.scratch, "a.proof"), os.path.join(self.scratch, "trust")

        def proven():
            return run("prove", self.folder(name), resource, "--organisation", name, "-o", bundle, "--trust-out", trust).returncode == 0

        until("the proof of " + resource, proven)
        return run("verify", bundle, "--trust", trust, check=0).stdout

    def vote(self, name, proposal):
        """Its answer, once this member's copy of the ledger has the proposal."""
        done = run("--json", "network", "vote", self.folder(name), "--organisation", name, "--yes", proposal)
        return json.loads(done.stdout) if done.returncode == 0 else self.assertIn("no such proposal", done.stdout)

    def decide(self, yes, *what):
        said = run("--json", "network", "propose", self.folder(yes[0]), "--organisation", yes[0], *what, check=0).stdout
        proposal = json.loads(said)["proposal"]
        for name in yes:
            answer = until(name + "'s vote", lambda: self.vote(name, proposal))
        self.assertEqual(answer["status"], "carried out")

    def seen_by(self, name):
        """How the network runs, by the words of `careledger status` at this member."""
        said = json.loads(run("--json", "status", self.folder(name), check=0).stdout)[0]["network"]
        return said["blocks"], {one["name"]: one for one in said["members"]}

    def standing(self, name):
        return json.loads(run("--json", "network", "proposals", self.folder(name), "--organisation", name, check=0).stdout)


class Sharing(Network):
    """What a patient with a wallet, and a clinician of South who asks North, do."""

    def setUp(self):
        self.relationships = {}  # of the patient who was enrolled last, by organisation

    def enrol(self, name, wallet, patient):
        self.put(name, {"resourceType": "Patient", "id": patient,
                        "identifier": [{"system": "urn:person", "value": os.path.basename(wallet)}]})
        code = run("wallet", "show", wallet, "--label", name, check=0).stdout.strip()
        body = {"resourceType": "Parameters", "parameter": [{"name": "enrolment", "valueString": code}]}
        status, _, answer = self.nodes[name].call("POST", f"/Patient/{patient}/$relationship", self.bearer(name), body)
        self.assertEqual(status, 200, answer)
        origin = self.nodes[name].origin
        said = run("--json", "wallet", "accept", wallet, "--node", origin, "--certificate", self.trusted, "--label", name, check=0).stdout
        self.relationships[name] = json.loads(said)["relationship"]
        return origin

    def retrieve(self, patient="s1"):
        body = {"resourceType": "Parameters", "parameter": [{"name": "from", "valueString": NORTH}]}
        status, _, answer = self.nodes[SOUTH].call("POST", f"/Patient/{patient}/$retrieve", self.bearer(SOUTH), body)
        return status, json.loads(answer)

    def released(self, patient="s1"):
        status, bundle = self.retrieve(patient)
        if status != 200:
            return None
        resources = [entry["resource"] for entry in bundle.get("entry", [])]
        if any(resource["resourceType"] == "OperationOutcome" for resource in resources):
            return None
        return sorted(resource["id"] for resource in resources)


class Consortium(Sharing):
    """The story of sharing, and of deciding."""

    def test_records_are_shared_between_processes_and_a_dead_member_stops_nobody(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        wallet = os.path.join(self.scratch, "me.wallet")
        run("wallet", "create", wallet, check=0)
        north = self.enrol(NORTH, wallet, "n1")
        south = self.enrol(SOUTH, wallet, "s1")
        headers = self.put(NORTH, {"resourceType": "Observation", "id": "o1", "status": "final", "code": {"text": "x"},
                                   "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
                                                             "code": "laboratory"}]}], "subject": {"reference": "Patient/n1"}})
        self.assertEqual(headers.get("CareLedger-Anchor"), "pending")
        status, refusal = self.retrieve()
        self.assertEqual(status, 403, refusal)
        run("wallet", "grant", wallet, "--node", north, "--certificate", self.trusted, "--grantee", SOUTH, "--grantee-node", south,
            "--category", "laboratory", check=0)
        self.assertEqual(until("the record", self.released), ["o1"])

        self.nodes[CITY].stop(signal.SIGKILL)  # one of four
        before = self.height(NORTH)
        run("wallet", "revoke", wallet, "--node", north, "--certificate", self.trusted, check=0)
        status, refusal = self.retrieve()
        self.assertEqual(status, 403, refusal)
        until("blocks without it", lambda: self.height(NORTH) > before)
        blocks, members = self.seen_by(NORTH)
        self.assertEqual({name: one["connected"] for name, one in members.items()}, {NORTH: None, SOUTH: True, CITY: False, REGION: True})
        self.assertLess(members[CITY]["signed"], blocks)
        self.assertGreater(members[CITY]["signed"], 0)
        self.assertRegex(run("status", self.folder(NORTH), check=0).stdout, "City Laboratory +signed +[0-9]+, NOT CONNECTED")
        self.start(CITY)
        until("all at one height", lambda: len({self.height(name) for name, _ in MEMBERS}) == 1)

    def test_without_a_quorum_records_are_taken_and_anchored_later(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        for name in (CITY, REGION):
            self.nodes[name].stop(signal.SIGKILL)
        headers = self.put(NORTH, {"resourceType": "Basic", "id": "alone", "code": {"text": "x"}})
        self.assertEqual(headers.get("CareLedger-Anchor"), "pending")
        self.assertEqual(self.nodes[NORTH].call("GET", "/Basic/alone", self.bearer(NORTH))[0], 200)
        for name in (CITY, REGION):
            self.start(name)
        self.assertRegex(self.proof_of(NORTH, "Basic/alone"), r"[Ss]igned by [34] keys")

    def test_members_name_a_supervisor_who_freezes_for_a_time_who_decides(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        others = [NORTH, SOUTH, CITY]

        def act(name, what, *more, check=0):
            return run("network", what, self.folder(name), "--organisation", name, *more, check=check)

        self.assertIn("not_the_supervisor", act(REGION, "freeze", "--days", "2", check=4).stderr)
        self.assertIn("action_not_possible", act(NORTH, "propose", "--supervisor", SOUTH, check=4).stderr)  # no regulator
        self.decide(others, "--supervisor", REGION)
        until("its own view of it", lambda: self.standing(REGION).get("supervisor") == REGION)
        said = json.loads(run("--json", "network", "propose", self.folder(NORTH), "--organisation", NORTH, "--no-supervisor",
                              check=0).stdout)["proposal"]
        self.assertIn("nobody votes or leaves", act(REGION, "freeze", "--days", "2").stdout)
        for name in others:
            until(name + "'s view of it", lambda: "frozen_until" in self.standing(name))
            self.assertIn("governance: frozen", act(name, "vote", "--yes", said, check=4).stderr)
        self.assertRegex(act(NORTH, "proposals").stdout, r"Frozen by the supervisor until 20")
        self.put(SOUTH, {"resourceType": "Basic", "id": "frozen", "code": {"text": "x"}})  # and records go on
        self.proof_of(SOUTH, "Basic/frozen")
        act(REGION, "thaw")
        for name in others:
            until(name + "'s view of it", lambda: "frozen_until" not in self.standing(name))
            act(name, "vote", "--yes", said)
        until("an end of it", lambda: "supervisor" not in self.standing(REGION))

    def test_members_suspend_one_of_them_by_votes_and_take_it_back(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        others = [NORTH, SOUTH, REGION]
        refused = run("network", "vote", self.folder(SOUTH), "--organisation", SOUTH, "--yes", "0" * 64)
        self.assertIn("no such proposal", refused.stderr)
        self.decide(others, "--suspend", CITY)
        for name, _ in MEMBERS:
            until(name + "'s view of it", lambda: self.standing(name)["votes"] == 30)
            self.assertEqual(self.standing(name)["proposals"], [])
        refused = run("network", "propose", self.folder(CITY), "--organisation", CITY, "--suspend", NORTH)
        self.assertEqual(refused.returncode, 4, refused.stderr)
        self.nodes[CITY].stop(signal.SIGKILL)  # the engines count without it: three of three sign
        before = self.height(NORTH)
        until("blocks without it", lambda: self.height(NORTH) > before + 2)
        self.start(CITY)
        self.decide(others, "--reinstate", CITY)
        until("its own view of it", lambda: self.standing(CITY)["votes"] == 40)
        until("all at one height", lambda: len({self.height(name) for name, _ in MEMBERS}) == 1)
        self.assertEqual(self.standing(CITY)["evidence"], [])  # being away and suspended is no misdeed
        self.assertIn("No validator", run("network", "evidence", self.folder(CITY), "--organisation", CITY, check=0).stdout)
        self.assertEqual({one["evidence"] for one in self.seen_by(CITY)[1].values()}, {0})


class Newcomer(Network):
    """What a fifth organisation does that wants to come in."""

    def join(self, *more, ledger=None):
        return ["network", "join", self.folder(EAST), os.path.join(self.folder(NORTH), "founding.pb"), *more,
                "--ledger", ledger or self.ledger]

    def describe(self, *which):
        listen, api = free_ports(2)
        out = os.path.join(self.scratch, "east.json")
        run("network", "describe", self.folder(EAST), "--organisation", EAST, "--listen", f"127.0.1.15:{listen}", "--api",
            f"https://127.0.1.15:{api}", "-o", out, *which, check=0)
        return out

    def refused(self, code, text, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(text, done.stderr)

    def let_in(self, name, wish):
        """A member lets the newcomer's engine in, beside its running node."""
        self.assertIn("New: East Hospital", run("network", "peer", self.folder(name), wish, check=0).stdout)

    def joining(self, *more):
        process = subprocess.Popen([PROGRAM, "--json", *self.join(*self.files[:2], *more), "--engine", ENGINE],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(process.kill)
        return process

    def read_ledger(self):
        with open(os.path.join(self.folder(NORTH), "founding.txt"), encoding="utf-8") as text:
            self.ledger = text.readline().split()[1]
        return os.path.join(self.folder(NORTH), "founding.pb")

    def signs(self, resource):
        """Thirty of fifty votes, without one of the four and without the newcomer's, are too few."""
        until("its own view of it", lambda: self.standing(EAST)["votes"] == 50)
        self.nodes[CITY].stop(signal.SIGKILL)
        self.put(EAST, {"resourceType": "Basic", "id": resource, "code": {"text": "x"}})
        self.assertRegex(self.proof_of(EAST, "Basic/" + resource), r"[Ss]igned by 4 keys")


class Joining(Newcomer):
    def test_an_organisation_comes_in_by_votes_fetches_the_ledger_and_signs_blocks(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        founding = self.read_ledger()
        self.refused(2, "--founding", "network", "describe", self.folder(EAST), "--organisation", EAST, "--listen", "127.0.1.15:1",
                     "--api", "https://127.0.1.15:2")
        self.describe("--network", "Region", "--epoch-ms", "1000")
        self.refused(5, "names no ledger to join", *self.join(*self.files))
        self.describe("--founding", founding)
        wish = self.describe("--founding", founding)  # again: the same account, and so the same vote
        self.refused(5, "one member at least", *self.join(wish))
        self.refused(5, "is of another ledger", *self.join(*self.files, ledger="0" * 64))
        self.refused(5, "no founding document", "network", "join", self.folder(EAST), wish, *self.files, "--ledger", self.ledger)
        self.assertFalse(os.path.exists(self.folder(EAST) + "/careledger.json"))
        propose = ["network", "propose", self.folder(NORTH), "--organisation", NORTH, "--admit"]
        self.refused(5, "does not ask to join this ledger", *propose, self.files[1])
        self.refused(5, "own", "network", "peer", self.folder(NORTH), self.files[0])
        other = os.path.join(self.scratch, "posing.json")
        run("network", "describe", os.path.join(self.scratch, "posing"), "--organisation", SOUTH.upper(), "--founding", founding,
            "--listen", "127.0.1.16:1", "--api", "https://127.0.1.16:2", "-o", other, check=0)
        self.refused(4, "is called like the member", "network", "peer", self.folder(NORTH), other)
        self.refused(4, "reads like that of a member", *propose, other)

        self.let_in(NORTH, wish)
        self.refused(3, "knows no member \"Nobody\"", "network", "forget", self.folder(NORTH), "Nobody")
        self.assertIn("Forgotten: East Hospital", run("network", "forget", self.folder(NORTH), EAST, check=0).stdout)
        for name, _ in MEMBERS:
            self.let_in(name, wish)
        joining = self.joining()
        until("its engine", lambda: os.path.exists(self.folder(EAST) + "/engine/data/blockstore.db"))
        joining.kill()  # before anybody voted: it goes on where it was
        joining.communicate()
        self.refused(4, "was not admitted", "serve", self.folder(EAST), "--engine", ENGINE)
        joining = self.joining()
        self.decide([NORTH, SOUTH, REGION], "--admit", wish)
        said, _ = joining.communicate(timeout=LONGEST)
        self.assertEqual(joining.returncode, 0, said)
        self.assertEqual(json.loads(said)["ledger"], self.ledger)
        self.start(EAST)
        self.signs("first")

        before = shutil.copy(wish, os.path.join(self.scratch, "east-before.json"))
        moved = self.describe("--founding", founding)
        self.assertIn("Moved: East Hospital", run("network", "peer", self.folder(NORTH), moved, check=0).stdout)
        self.refused(4, "older than what this node knows", "network", "peer", self.folder(NORTH), before)
        self.refused(4, "still has a vote", "network", "forget", self.folder(NORTH), EAST)
        self.assertIn("Forgotten", run("network", "forget", self.folder(NORTH), EAST, "--anyway", check=0).stdout)


class JoiningBySnapshot(Newcomer):
    SERVE = ["--snapshot-every", "10"]

    def test_an_organisation_begins_with_a_snapshot_and_signs_what_comes_after(self):
        until("a block at every member", lambda: all(self.height(name) >= 2 for name, _ in MEMBERS))
        founding = self.read_ledger()
        wish = self.describe("--founding", founding)
        for name, _ in MEMBERS:
            self.let_in(name, wish)
        known = self.ask(NORTH, "/status")["sync_info"]
        trust = known["latest_block_height"] + ":" + known["latest_block_hash"]
        servers = [option for name in (NORTH, SOUTH) for option in ("--rpc", self.nodes[name].addresses["rpc"][0])]
        how = ["--trust", trust, *servers, "--members-certificates", self.trusted]
        self.refused(5, "two members at least", *self.join(*self.files[:2], *how[:4]))
        self.refused(5, "HEIGHT:HASH", *self.join(*self.files[:2], "--trust", "7", *how[2:]))
        self.fill((int(known["latest_block_height"]) // 10 + 1) * 10 + 5)

        joining = self.joining(*how)
        until("its engine", lambda: os.path.exists(self.folder(EAST) + "/engine/data/blockstore.db"))
        joining.kill()  # what it has by then is worth nothing
        joining.communicate()
        joining = self.joining(*how)
        self.decide([NORTH, SOUTH, REGION], "--admit", wish)
        said, _ = joining.communicate(timeout=LONGEST)
        self.assertEqual(joining.returncode, 0, said)
        self.assertEqual(json.loads(said)["ledger"], self.ledger)
        self.start(EAST)
        until("an answer of its engine", lambda: "sync_info" in self.ask(EAST, "/status"))
        first = int(self.ask(EAST, "/status")["sync_info"]["earliest_block_height"])
        self.assertEqual(first % 10, 1)
        self.assertGreater(first, 10)
        began = f"this node has none below block {first} (it began with a snapshot"
        self.assertIn(began, self.ask(EAST, "/commit?height=1"))
        self.assertIn(began, self.ask(EAST, f"/commit?height={first - 1}"))
        until("all at one height", lambda: len({self.height(name) for name in self.nodes}) == 1)
        height = self.height(EAST)
        shown = [self.ask(name, f"/header?height={height:.0f}")["header"] for name in (EAST, NORTH, SOUTH)]
        self.assertEqual(shown[0], shown[1])
        self.assertEqual(shown[0], shown[2])
        self.signs("first")
        self.nodes[EAST].stop()  # and it goes on by itself
        self.start(EAST)
        self.put(EAST, {"resourceType": "Basic", "id": "second", "code": {"text": "x"}})
        self.assertRegex(self.proof_of(EAST, "Basic/second"), r"[Ss]igned by 4 keys")


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""What tests of the real binary on real CometBFT share: four organisations, each in its own process with its own keys, on loopback, and a
fifth that comes. A test is started with the paths of both: TEST CARELEDGER COMETBFT."""

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
import zlib

ENGINE = os.path.abspath(sys.argv.pop(2))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))

from node import NORTH, PROGRAM, SOUTH, Node, ended, http, make_certificate, run, token  # noqa: E402

CITY, REGION, EAST = "City Laboratory", "Regional Authority", "East Hospital"
MEMBERS = [(NORTH, "hospital"), (SOUTH, "clinic"), (CITY, "laboratory"), (REGION, "regulator")]
LONGEST = 60  # seconds for anything to happen
ALL = 3 * LONGEST  # for a whole command of many steps, as when an organisation comes in
FETCHING = 5 * LONGEST  # for one that fetches a lost ledger

# Each test has addresses of its own, so that none that runs beside it takes a port between the look and the use. 127.0.1 is the demo's
# and network_test.py's.
HOST = f"127.0.{zlib.crc32(os.path.basename(sys.argv[0]).encode()) % 250 + 2}."


def free_ports(count, host=HOST + "1"):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind((host, 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def until(what, holds, seconds=LONGEST):
    """Asks again and again: there is nothing that tells when another process has come so far."""
    end = time.monotonic() + seconds
    while True:
        late = time.monotonic() >= end  # before it asks: this test may have stood still itself
        found = holds()
        if found:
            return found
        if late:
            raise AssertionError("waited too long for: " + what)
        time.sleep(0.1)  # between two questions


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
        cls.files = files = []
        for number, (name, kind) in enumerate(MEMBERS):
            host, (engine, endpoint) = cls.host(name), cls.free_ports(name)
            out = os.path.join(cls.scratch, f"{number}.json")
            run("network", "describe", cls.folder(name), "--network", "Region", "--organisation", name, "--kind", kind,
                "--epoch-ms", "1000", "--listen", f"{host}:{engine}", "--api", f"https://{host}:{endpoint}", "-o", out, check=0)
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
        return f"{HOST}{[*(one for one, _ in MEMBERS), EAST].index(name) + 11}"

    @classmethod
    def free_ports(cls, name):
        """Two where this member will be: of its engine, and of its interfaces."""
        return free_ports(2, cls.host(name))

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
        bundle, trust, receipt = (os.path.join(self.scratch, file) for file in ("a.proof", "trust", "a.tlog-proof"))

        def proven():
            return run("prove", self.folder(name), resource, "--organisation", name, "-o", bundle, "--trust-out", trust, "--receipt",
                       receipt).returncode == 0

        until("the proof of " + resource, proven)
        self.assertIn("Receipt: a command was executed in block ", run("verify", receipt, "--trust", trust, check=0).stdout)
        return run("verify", bundle, "--trust", trust, check=0).stdout

    def command(self, name, what, *how):
        done = run("--json", "network", what, self.folder(name), "--organisation", name, *how)
        return done.returncode, json.loads(done.stdout)

    def propose(self, name, *what):
        """The proposal. One whose answer does not come in time (exit 8) is made again: then there may be two."""
        def proposed():
            code, said = self.command(name, "propose", *what)
            self.assertIn(code, (0, 8), said)
            return code == 0 and said["proposal"]

        return until(name + "'s proposal", proposed, ALL)

    def vote(self, name, proposal):
        """How the proposal stands after this member's vote, which waits until its copy of the ledger has the proposal. A vote whose answer
        does not come in time (exit 8) may count all the same: then the next one is refused, and the ledger says how it stands."""
        late = False

        def voted():
            nonlocal late
            code, said = self.command(name, "vote", "--yes", proposal)
            if code == 0:
                return said["status"]
            late = late or code == 8
            word = said["error"]["message"]
            if late and ("already_voted" in word or "proposal_closed" in word):
                return next(one["status"] for one in self.standing(name, "--all")["proposals"] if one["id"] == proposal)
            return self.assertTrue(code == 8 or "no such proposal" in word, said)

        return until(name + "'s vote", voted, ALL)

    def decide(self, yes, *what):
        proposal = self.propose(yes[0], *what)
        self.assertEqual([self.vote(name, proposal) for name in yes][-1], "carried out")

    def seen_by(self, name):
        """How the network runs, by the words of `careledger status` at this member. Its engine may be too busy to say it soon."""
        def told():
            network = json.loads(run("--json", "status", self.folder(name), check=0).stdout)[0]["network"]
            return network["engine"] == "connected" and network

        said = until("the word of its engine", told)
        return said["blocks"], {one["name"]: one for one in said["members"]}

    def standing(self, name, *more):
        return json.loads(run("--json", "network", "proposals", self.folder(name), "--organisation", name, *more, check=0).stdout)


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


class Newcomer(Network):
    """What a fifth organisation does that wants to come in."""

    def join(self, *more, ledger=None):
        return ["network", "join", self.folder(EAST), os.path.join(self.folder(NORTH), "founding.pb"), *more,
                "--ledger", ledger or self.ledger]

    def describe(self, *which):
        host, (listen, api) = self.host(EAST), self.free_ports(EAST)
        out = os.path.join(self.scratch, "east.json")
        run("network", "describe", self.folder(EAST), "--organisation", EAST, "--listen", f"{host}:{listen}", "--api",
            f"https://{host}:{api}", "-o", out, *which, check=0)
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

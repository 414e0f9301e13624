"""What the black-box tests share: the real binary, a serving node, a folder to work in. A test is started with the binary's path."""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

PROGRAM = os.path.abspath(sys.argv.pop(1))
NORTH, SOUTH = "North Hospital", "South Clinic"


def ended(process, seconds, stdin=None):
    """Its two outputs. A test that stood still itself asks once more before it calls that too long."""
    try:
        return process.communicate(stdin, timeout=seconds)
    except subprocess.TimeoutExpired:
        pass
    try:
        return process.communicate(timeout=1)
    except subprocess.TimeoutExpired as late:
        process.kill()
        out, error = process.communicate()
        raise AssertionError(f"{process.args}: not ended after {seconds} s\n{out}\n{error}") from late


def run(*arguments, check=None, stdin=None, timeout=120):
    process = subprocess.Popen([PROGRAM, *arguments], stdin=None if stdin is None else subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    out, error = ended(process, timeout, stdin)
    done = subprocess.CompletedProcess(process.args, process.returncode, out, error)
    if check is not None and done.returncode != check:
        raise AssertionError(f"{arguments}: exit {done.returncode}, expected {check}\n{done.stdout}\n{done.stderr}")
    return done


def prove(*arguments, seconds=60):
    """`careledger prove`, which must succeed. Just after a write, on a busy machine, the block that proves it may not be there yet: then it
    says so (exit 8), and is asked again."""
    end = time.monotonic() + seconds
    while (done := run("prove", *arguments)).returncode == 8 and time.monotonic() < end:
        pass  # it waits by itself
    if done.returncode != 0:
        raise AssertionError(f"prove {arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def make_certificate(folder, address="127.0.0.1"):
    certificate, key = os.path.join(folder, address + ".pem"), os.path.join(folder, address + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2",
                    "-subj", "/CN=" + address, "-addext", "subjectAltName=IP:" + address, "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


def http(url, method="GET", token=None, body=None, headers=None):
    """Status, headers and body of any answer."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, method=method, data=data)
    if data is not None:
        request.add_header("Content-Type", "application/fhir+json")
    if token:
        request.add_header("Authorization", "Bearer " + token)
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


class Node:
    """`careledger serve`, ready when its own notification says so."""

    def __init__(self, folder, *arguments, beside=None, program=PROGRAM):
        beside = beside or folder  # files of the test itself, which may have to lie on another disk
        self.folder = folder
        self.ready = beside + ".ready"
        self.log_file = beside + ".log"
        notify = beside + ".notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(notify)
            environment = dict(os.environ, NOTIFY_SOCKET=notify)
            # The kernel kills it when this test dies, so that nothing is left behind.
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", program, "serve", folder, "--ready-file", self.ready,
                                             "--log-file", self.log_file, *arguments],
                                            env=environment, stderr=subprocess.DEVNULL)
            try:
                self.await_ready(listener)
            except BaseException:
                self.end()
                raise
        os.unlink(notify)
        self.read_addresses()

    def read_addresses(self):
        """Where it is: an endpoint more when its ledger has grown into a network."""
        with open(self.ready, encoding="utf-8") as file:
            self.addresses = json.load(file)
        self.fhir_of = {one["name"]: one["fhir"] for one in self.addresses["organisations"]}
        self.fhir = self.addresses["organisations"][0]["fhir"]
        self.origin = self.fhir[: -len("/fhir")]

    def await_ready(self, listener):
        ended = os.pidfd_open(self.process.pid)
        try:
            while True:
                told, _, _ = select.select([listener, ended], [], [], 120)
                if listener in told:
                    if b"READY=1" in listener.recv(4096):
                        return
                elif ended in told:
                    raise AssertionError(f"serve {self.folder}: exit {self.process.wait()}\n{self.log()}")
                else:
                    raise AssertionError(f"serve {self.folder} is not ready\n{self.log()}")
        finally:
            os.close(ended)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def end(self, how=signal.SIGKILL):
        """Of a node that the test may have stopped. One left behind would hold the pipe that ctest reads: the test would never end."""
        if self.process.poll() is None:
            self.stop(how)

    def call(self, method, path, token=None, body=None, headers=None, organisation=None):
        return http((self.fhir_of[organisation] if organisation else self.fhir) + path, method, token, body, headers)

    def metric(self, name):
        text = http(self.origin + "/metrics")[2].decode()
        found = [line.split()[-1] for line in text.splitlines() if line.startswith(name) and not line.startswith("#")]
        return sum(float(value) for value in found) if found else None

    def log(self):
        if not os.path.exists(self.log_file):
            return ""
        with open(self.log_file, encoding="utf-8") as file:
            return file.read()


def token(folder, organisation=NORTH, *more):
    return run("token", folder, "--organisation", organisation, *more, check=0).stdout.strip()


def outcome_of(answer):
    """Diagnostics of an OperationOutcome; fails when the answer is none."""
    body = json.loads(answer)
    if body.get("resourceType") != "OperationOutcome" or not body.get("issue"):
        raise AssertionError(f"no OperationOutcome: {answer[:400]}")
    return " ".join(issue.get("diagnostics", "") for issue in body["issue"])


def flip(path):
    """One bit in the middle of what the file holds: behind the key block when it is an encrypted one, whose padding nobody reads."""
    with open(path, "r+b") as file:
        data = file.read()
        begin = 4096 if data.startswith(b"careledger/encrypted-file/") else 0
        at = begin + (len(data) - begin) // 2
        file.seek(at)
        file.write(bytes([data[at] ^ 1]))


def details_of(event):
    return event["entity"][0]["detail"][0]["valueString"] if "entity" in event else ""


class Scratch(unittest.TestCase):
    """A folder of its own, `self.folder` inside it for a node, nodes stopped whatever happens: by cleanups, since tearDown is not run when
    setUp fails."""

    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="careledger-test-")
        self.addCleanup(shutil.rmtree, self.scratch)
        self.folder = os.path.join(self.scratch, "node")

    def init(self, *organisations, folder=None):
        named = [part for name in organisations or (NORTH,) for part in ("--organisation", name)]
        run("init", folder or self.folder, *named, "--epoch-ms", "1000", check=0)  # nobody waits an hour for an enrolment here

    def serve(self, *arguments, folder=None, beside=None):
        node = Node(folder or self.folder, *arguments, beside=beside)
        self.addCleanup(node.end)
        return node

    def create(self, node, bearer, kind="Basic"):
        body = {"resourceType": kind, **({"code": {"text": "x"}} if kind == "Basic" else {})}
        status, headers, answer = node.call("POST", "/" + kind, bearer, body)
        self.assertEqual(status, 201, answer)
        return headers["Location"].split(f"/{kind}/")[1].split("/")[0]

    def audited(self, node, kind, about="", organisation=NORTH):
        """The entries of a kind, oldest first, as the AuditEvents that an auditor reads."""
        auditor = token(self.folder, organisation, "--role", "auditor")
        status, _, body = node.call("GET", "/AuditEvent?_count=1000", auditor, organisation=organisation)
        self.assertEqual(status, 200, body)
        events = [entry["resource"] for entry in json.loads(body).get("entry", [])]
        return [event for event in events if event["type"]["code"] == kind and about in details_of(event)]

    def enrol(self, node, folder, wallet, organisation, patient):
        """A Patient, the same person wherever the wallet is, with a relationship that the wallet's owner has accepted."""
        bearer = token(folder, organisation)
        person = {"resourceType": "Patient", "id": patient, "identifier": [{"system": "urn:person", "value": os.path.basename(wallet)}]}
        status, _, answer = node.call("PUT", "/Patient/" + patient, bearer, person, organisation=organisation)
        self.assertIn(status, (200, 201), answer)
        code = run("wallet", "show", wallet, "--label", organisation, check=0).stdout.strip()
        body = {"resourceType": "Parameters", "parameter": [{"name": "enrolment", "valueString": code}]}
        status, _, answer = node.call("POST", f"/Patient/{patient}/$relationship", bearer, body, organisation=organisation)
        self.assertEqual(status, 200, answer)
        origin = node.fhir_of[organisation][: -len("/fhir")]
        run("wallet", "accept", wallet, "--node", origin, "--label", organisation, check=0)
        return origin

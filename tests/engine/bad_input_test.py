"""What goes wrong at one member of a network: it says so in one line with what to do, and the others do not notice.
Usage: bad_input_test.py CARELEDGER COMETBFT PRUNING_NODE, which looks at its engine twice a second

README.md beside this file lists each bad input with its words and the test that shows it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import unittest

QUICK = os.path.abspath(sys.argv.pop(3))

from consortium_test import CITY, EAST, ENGINE, MEMBERS, Founders, Newcomer, free_ports, until  # noqa: E402
from disk_test import WHY_NOT, mount  # noqa: E402: in tests/system
from node import NORTH, PROGRAM, SOUTH, Node, make_certificate, run  # noqa: E402
from over_socket import ask_engine  # noqa: E402

NOBODY = 65534
OTHERS = [name for name, _ in MEMBERS if name != CITY]
IS_IT = "is it CometBFT v0.38.25"


def one_line(text):
    """The line that a command ended with; it says one."""
    lines = text.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("careledger: "), text
    return lines[0]


def changed(data, at=-1):
    return data[:at] + bytes([data[at] ^ 1]) + data[at:][1:]


@contextlib.contextmanager
def instead(path, data):
    """Something else in a file; afterwards it is as it was."""
    with open(path, "rb") as file:
        before = file.read()
    with open(path, "wb") as file:
        file.write(data)
    try:
        yield
    finally:
        with open(path, "wb") as file:
            file.write(before)


@contextlib.contextmanager
def listening(host, port):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((host, port))
        other.listen()
        yield


def as_nobody(*words):
    return subprocess.run(["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", *words],
                          capture_output=True, text=True, timeout=60)


class Describing(Founders):
    """Before there is a ledger: only files go wrong."""

    def refusal(self, code, number, files):
        done = self.found(number, files, check=code)
        self.assertFalse(os.path.exists(self.path(f"n{number}/careledger.json")), "something was founded")
        return one_line(done.stderr)

    def test_descriptions_that_are_none(self):
        files = self.describe_all()
        bad = self.path("bad.json")
        whole = self.read(files[3])
        for data, what in ((whole[:200], "the text ends too early"), (b"", "the text ends too early"), (os.urandom(500), "not JSON"),
                           (b"{}", "no description of an organisation")):
            with open(bad, "wb") as file:
                file.write(data)
            said = self.refusal(5, 1, [*files[:3], bad])
            self.assertIn(bad + ": ", said)
            self.assertIn(what, said)
            self.assertIn("; it is no description, or not as it was written: ask for it again", said)
        with open(bad, "wb") as file:
            file.write(whole.replace(b'"Region"', b'"Regina"'))
        self.assertIn("key does not hold: it was changed on the way; ask for it again",
                      one_line(run("network", "found", self.path("n1"), *files[:3], bad, check=4).stderr))

    def test_two_validators_with_one_key(self):
        files = self.describe_all()
        for part in ("keystore", "organisations/regional-authority"):
            place = self.path("n5/" + part.replace("regional-authority", "fifth-house"))
            os.makedirs(os.path.dirname(place), exist_ok=True)
            (shutil.copytree if os.path.isdir(self.path("n4/" + part)) else shutil.copy)(self.path("n4/" + part), place)
        shutil.copy(self.path("n4.key"), self.path("n5.key"))
        said = self.refusal(4, 1, [*files, self.describe("Fifth House", "clinic", 5)])
        self.assertRegex(said, "Regional Authority and Fifth House share one validator key, [0-9a-f]{64}: each needs its own; whoever "
                               "copied a folder describes itself in an empty one")

    def test_a_path_that_has_no_room_for_sockets(self):
        folder = os.path.join(self.scratch, *["a-long-name"] * 8)
        done = run("network", "describe", folder, "--network", "Region", "--organisation", NORTH, "--listen", "127.0.1.1:1", "--api",
                   "http://127.0.1.1:2", check=5)
        self.assertRegex(one_line(done.stderr), "is too long a path: .* choose a folder with a shorter path")
        self.assertFalse(os.path.exists(folder))


class AtOne(Newcomer):
    """Four members that serve; what is wrong is at the City Laboratory."""

    OTHERWISE = {name: (QUICK, []) for name, _ in MEMBERS}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        until("a block at every member", lambda: all(cls.nodes[name].metric("careledger_ledger_height") >= 2 for name, _ in MEMBERS))

    def setUp(self):
        for name in OTHERS:
            self.assertIsNone(self.nodes[name].process.poll())

    @contextlib.contextmanager
    def unnoticed(self):
        """The others' ledger grows meanwhile, and they say nothing."""
        before = {name: self.nodes[name].log() for name in OTHERS}
        yield
        height = self.height(NORTH)
        self.put(NORTH, {"resourceType": "Basic", "id": f"b{time.monotonic_ns()}", "code": {"text": "x"}})
        until("a block with it at the others", lambda: all(self.height(name) > height for name in OTHERS))
        for name in OTHERS:
            self.assertEqual(self.nodes[name].log()[len(before[name]):], "", name)

    def stop(self):
        if self.nodes[CITY].process.poll() is None:
            self.nodes[CITY].stop()

    def serve_with(self, engine):
        self.stop()
        type(self).ENGINES = {CITY: engine}
        self.start(CITY)

    def told(self, words, seconds=60):
        return until(words, lambda: next((line for line in self.nodes[CITY].log().splitlines() if words in line), None), seconds)

    def refusal(self, code, engine=ENGINE, folder=None):
        """How `serve` ends at once, in a line."""
        certificate, key = self.certificates[CITY]
        done = run("serve", folder or self.folder(CITY), "--address", self.host(CITY), "--certificate", certificate,
                   "--certificate-key", key, "--members-certificates", self.trusted, "--engine", engine, "--log-file",
                   os.path.join(self.scratch, "refused.log"),
                   check=code)
        return one_line(done.stderr)

    def at_city(self, name):
        return os.path.join(self.folder(CITY), name)

    def read(self, name):
        with open(self.at_city(name), "rb") as file:
            return file.read()

    def script(self, name, text):
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)
        return path

    def comes_back(self):
        self.serve_with(ENGINE)
        until("all at one height", lambda: len({self.height(name) for name, _ in MEMBERS}) == 1)


class Folder(AtOne):
    def test_a_founding_document_that_was_edited_or_is_of_another_network(self):
        self.stop()
        other = os.path.join(self.scratch, "other")
        run("init", other, "--organisation", NORTH, check=0)
        with open(other + "/founding.pb", "rb") as file:
            foreign = file.read()
        whole = self.read("founding.pb")
        kept = sorted(os.listdir(self.folder(CITY)))
        with self.unnoticed():
            for data in (foreign, changed(whole), changed(whole, 1), changed(whole, 300), whole[:-1], b""):
                with instead(self.at_city("founding.pb"), data):
                    said = self.refusal(7)
                self.assertRegex(said, "founding.pb founds the ledger [0-9a-f]{64}, and careledger.json names [0-9a-f]{64}: one of the two "
                                       "was changed, or is of another ledger. Put back the one that was here; every member of a network "
                                       "has the same founding.pb")
            os.rename(self.at_city("founding.pb"), self.at_city("away"))
            self.assertRegex(self.refusal(3), "founding.pb: No such file or directory: put it back; every member of a network has the same")
            os.rename(self.at_city("away"), self.at_city("founding.pb"))
            self.assertEqual(sorted(os.listdir(self.folder(CITY))), kept)
        self.comes_back()

    def test_a_configuration_that_is_nonsense(self):
        self.stop()
        path = self.at_city("careledger.json")
        whole = self.read("careledger.json").decode()
        ledger = json.loads(whole)["ledger"]
        bad = [("x", 5, "not JSON, or not UTF-8"), ("", 5, "the text ends too early"), ("[]", 5, '"format" is missing'),
               (whole.replace('"https://', '"ftp://', 1), 5, "api (https://host:port)"),
               (whole.replace('"listen": "', '"listen": " ', 1), 5, "listen (host:port)"),
               (whole.replace('"reserve_mib"', '"reserved_mib"'), 5, "missing")]
        with self.unnoticed():
            for text, code, what in bad:
                with instead(path, text.encode()):
                    said = self.refusal(code)
                self.assertIn(f"careledger: {path}: ", said)
                self.assertIn(what, said)
                self.assertIn("; mend it, or put back the one in a backup", said)
            with instead(path, whole.replace(ledger, "0" * 64).encode()):
                self.assertIn("careledger.json names " + "0" * 64, self.refusal(7))
        self.comes_back()

    def test_a_ledger_of_another_network_in_the_folder(self):
        self.stop()
        other = os.path.join(self.scratch, "foreign")
        run("init", other, "--organisation", NORTH, check=0)
        os.rename(self.at_city("ledger"), self.at_city("away"))
        shutil.copytree(other + "/ledger", self.at_city("ledger"))
        with self.unnoticed():
            said = self.refusal(5)
        self.assertRegex(said, "the ledger that is stored here is another one, [0-9a-f]{64}, than its founding document founds: .*; put "
                               "back the folder that was here")
        shutil.rmtree(self.at_city("ledger"))
        os.rename(self.at_city("away"), self.at_city("ledger"))
        self.comes_back()

    @unittest.skipIf(os.geteuid() != 0, "only root can be another user")
    def test_another_user_of_the_machine_reaches_neither_folder_nor_sockets_and_of_the_rpc_what_all_may_read(self):
        self.assertEqual({stat.S_IMODE(os.stat(self.at_city(name)).st_mode) for name in (".", "engine")}, {0o700})
        ask = ("import socket, sys\nfor path in sys.argv[1:]:\n  try: socket.socket(socket.AF_UNIX).connect(path); print('in')\n"
               "  except OSError as error: print(error.strerror)")
        with self.unnoticed():
            sockets = [self.at_city(f"engine/{name}.sock") for name in ("application", "signer", "rpc")]
            self.assertTrue(all(stat.S_ISSOCK(os.stat(path).st_mode) for path in sockets))
            os.chmod(self.scratch, 0o755)
            python = "/usr/bin/python3"  # that of this test may lie where nobody else gets
            if as_nobody(python, "-c", "pass").returncode == 0:
                self.assertEqual(as_nobody(python, "-c", ask, *sockets).stdout.split("\n")[:3], ["Permission denied"] * 3)
            self.assertIn("cannot open " + self.at_city("careledger.json") + ": Permission denied",
                          self.as_another("status", self.folder(CITY)))
            status, _, answer = self.nodes[CITY].call("GET", "/../ledger/v1/checkpoint")
            self.assertNotEqual(status, 500, answer)
            for what in ("/broadcast_tx_sync?tx=0x00", "/dial_seeds?seeds=[]", "/unsafe_flush_mempool", "/genesis_of_secrets"):
                self.assertIn("there is no such method", self.ask_rpc(what))
        self.assertEqual(self.nodes[CITY].process.poll(), None)

    def as_another(self, *words):
        """What the program says to a user who may not read the folder."""
        program = os.path.join(self.scratch, "program")
        shutil.copy(PROGRAM, program)  # where everybody gets
        os.chmod(program, 0o755)
        return one_line(as_nobody(program, *words).stderr)

    def ask_rpc(self, what):
        done = subprocess.run(["curl", "-sk", self.nodes[CITY].addresses["rpc"][0] + what], capture_output=True, text=True, timeout=60)
        return done.stdout


class Ports(AtOne):
    def test_a_port_that_another_process_has(self):
        self.stop()
        config = json.loads(self.read("careledger.json"))
        with self.unnoticed():
            port = config["organisations"][0]["port"]
            with listening(self.host(CITY), port):
                self.assertEqual(self.refusal(8), f"careledger: cannot listen on {self.host(CITY)} port {port}: Address already in use; "
                                                  "end the process that has it, or choose another port")
            with listening(self.host(CITY), int(config["network"]["listen"].rsplit(":", 1)[1])):
                self.start(CITY)
                self.assertIn("another process has this member's port: end it, or describe this member at another one",
                              self.told("bind: address already in use"))
            until("all at one height", lambda: len({self.height(name) for name, _ in MEMBERS}) == 1)  # it is started again


class Engines(AtOne):
    SPEAK = """#!{python} -B
import os, socket, sys, time
home = sys.argv[3]
line = socket.socket(socket.AF_UNIX)
line.connect(home + "/application.sock")
line.sendall(bytes.fromhex("{data}"))
print(line.recv(4096))
while line.recv(4096): pass
time.sleep(1000)
"""

    @staticmethod
    def info(version, abci, blocks=11):
        """A frame with a RequestInfo."""
        text = lambda field, value: bytes([field << 3 | 2, len(value)]) + value.encode()
        info = text(1, version) + bytes([2 << 3, blocks, 3 << 3, 8]) + text(4, abci)
        request = bytes([3 << 3 | 2, len(info)]) + info
        return bytes([len(request)]) + request

    def speaks(self, name, data):
        return self.script(name, self.SPEAK.format(python=sys.executable, data=data.hex()))

    def test_engines_that_are_none(self):
        self.stop()
        plain = os.path.join(self.scratch, "plain")
        with open(plain, "w", encoding="utf-8") as file:
            file.write("neither a program nor a script")
        name = "name CometBFT v0.38.25 with --engine"
        with self.unnoticed():
            for engine, why in (("/no/such/engine", "is not there (No such file or directory)"), (self.scratch, "is no file"),
                                (plain, "may not be executed by this user")):
                self.assertEqual(self.refusal(3, engine), f"careledger: the engine cannot be {engine}, which {why}: {name}")
            self.assertEqual(self.refusal(3, "no-such-engine"), "careledger: the engine (no-such-engine) is neither beside this program "
                                                                f"nor in PATH: {name}")
        os.chmod(plain, 0o755)
        for engine, words in ((plain, "could not be started: Exec format error: " + IS_IT),
                              ("/bin/false", "the engine ended with status 1"),
                              (self.script("other", "#!/bin/sh\necho 'unknown flag: --home'\nexit 1\n"), "--home : " + IS_IT)):
            with self.unnoticed():
                self.serve_with(engine)
                self.told(words)
        self.comes_back()

    def test_engines_of_the_wrong_version_or_that_send_garbage(self):
        for name, data, words in (
                ("old", self.info("0.37.4", "1.0.0"), "the engine calls itself version 0.37.4 and speaks ABCI 1.0.0 over blocks of "
                 "protocol 11; this node needs ABCI 2.0 over blocks of protocol 11: install CometBFT v0.38.25 and name it with --engine"),
                ("new", self.info("2.0.0", "2.0.0", 12), "over blocks of protocol 12; this node needs ABCI 2.0 over blocks of protocol 11"),
                ("web", b"GET / HTTP/1.1\r\n" * 20, f"bytes that are no ABCI request which is known here: {IS_IT}")):
            with self.unnoticed():
                self.serve_with(self.speaks(name, data))
                self.told(words)
        self.comes_back()

    def test_an_engine_that_is_killed_or_stands_still_comes_back(self):
        self.comes_back()
        with self.unnoticed():
            first = self.engine()
            os.kill(first, signal.SIGKILL)
            self.told("the engine ended by signal 9; started again in")
            until("its next engine", lambda: self.engine() not in (None, first))
        until("an answer that the node heard", lambda: self.nodes[CITY].metric("careledger_engine_answers") == 1)
        with self.unnoticed():
            second = self.engine()
            os.kill(second, signal.SIGSTOP)
            self.told("the engine was killed: it did not answer any more; started again in", seconds=180)  # two looks, of 40 s at most
            until("its next engine", lambda: self.engine() not in (None, second))
        until("all at one height", lambda: len({self.height(name) for name, _ in MEMBERS}) == 1)

    def test_an_engine_that_never_says_anything(self):
        with self.unnoticed():
            self.serve_with(self.script("silent", "#!/bin/sh\nexec sleep 1000\n"))
            self.told("the engine runs, and neither asks this node for anything nor answers: " + IS_IT)
        self.comes_back()

    def engine(self):
        found = subprocess.run(["pgrep", "-f", "--", f"^cometbft start --home {self.at_city('engine')}$"], capture_output=True, text=True)
        return int(found.stdout) if found.returncode == 0 else None


class Strangers(AtOne):
    """A member of another network that takes one of ours for one of its own."""

    def setUp(self):
        super().setUp()
        self.other = os.path.join(self.scratch, "other")
        os.mkdir(self.other)
        ports, files = free_ports(8), []
        for number, (name, kind) in enumerate(MEMBERS):
            files.append(os.path.join(self.other, f"{number}.json"))
            run("network", "describe", os.path.join(self.other, str(number)), "--network", "Elsewhere", "--organisation", name,
                "--kind", kind, "--listen", f"127.0.2.{number + 1}:{ports[number]}", "--api",
                f"https://127.0.2.{number + 1}:{ports[4 + number]}", "-o", files[-1], check=0)
        self.stranger = os.path.join(self.other, "0")
        run("network", "found", self.stranger, *files, check=0)
        self.theirs = files

    def test_a_peer_of_another_chain(self):
        said = run("network", "peer", self.folder(NORTH), self.theirs[2], check=5).stderr
        self.assertIn('is of a member of another network: "Elsewhere"', one_line(said))
        path = self.stranger + "/careledger.json"
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        ours = {peer["name"]: peer for peer in json.loads(self.read("careledger.json"))["network"]["peers"]}
        for peer in config["network"]["peers"]:
            if peer["name"] == SOUTH:
                peer.update(listen=ours[SOUTH]["listen"], node=ours[SOUTH]["node"])
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        certificate, key = make_certificate(self.other, "127.0.2.1")
        with self.unnoticed():
            node = Node(self.stranger, "--address", "127.0.2.1", "--certificate", certificate, "--certificate-key", key,
                        "--members-certificates", self.trusted, "--engine", ENGINE, program=QUICK)
            self.addCleanup(node.end, signal.SIGTERM)
            line = until("its word", lambda: next((one for one in node.log().splitlines() if "another chain" in one), None))
            self.assertRegex(line, "the engine at a member's address runs another chain .Got cl-[0-9a-f]{40}, expected cl-[0-9a-f]{40}.: "
                                   "this folder is of another network than that member's. Compare the ledger's number in founding.txt")
        self.assertEqual(ask_engine(self.stranger, "/status")["sync_info"]["latest_block_height"], "0")


@unittest.skipIf(WHY_NOT, WHY_NOT)
class FullDisk(AtOne):
    @classmethod
    def folder(cls, name):
        folder = super().folder(name)
        if name == CITY and not os.path.isdir(folder):
            os.mkdir(folder)
            mount("-t", "tmpfs", "-o", "size=300m,mode=700", "careledger-test", folder)
            cls.addClassCleanup(subprocess.run, ["umount", "-l", folder], check=True)
        return folder

    def test_a_full_disk_at_one_node(self):
        other = self.at_city("other")
        with self.unnoticed(), open(other, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"1" * 4096)
        with self.unnoticed():
            self.told("new records are refused; revocations and audit go on")
            for number in range(200):
                if "the disk is full: make room" in self.nodes[CITY].log():
                    break
                self.put(NORTH, {"resourceType": "Basic", "id": f"full{number}", "code": {"text": "x"}})
                height = self.height(NORTH)
                until("a block", lambda height=height: self.height(SOUTH) >= height)
            self.told("the disk is full: make room")
        self.assertEqual(self.nodes[CITY].process.poll(), None)
        with self.unnoticed():
            os.remove(other)
            self.told("there is room on the disk again: records are taken")
            until("all at one height", lambda: len({self.height(name) for name, _ in MEMBERS}) == 1)


class Snapshots(AtOne):
    def test_a_trusted_block_from_the_future_or_of_another_chain(self):
        founding = self.read_ledger()
        wish = self.describe("--founding", founding)
        with self.unnoticed():
            known = self.ask(NORTH, "/status")["sync_info"]
            servers = [option for name in (NORTH, SOUTH) for option in ("--rpc", self.nodes[name].addresses["rpc"][0])]
            for trust, code, words in (
                    ("900000:" + known["latest_block_hash"], 3, "--trust names block 900000, which is not there: take the height and hash "
                     "of a block that the members have"),
                    (known["latest_block_height"] + ":" + "AB" * 32, 5, "than --trust names: take height and hash from one answer, and let "
                     "another member read them to you")):
                done = run(*self.join(*self.files[:2], "--trust", trust, *servers, "--members-certificates", self.trusted),
                           "--engine", ENGINE, check=code)
                self.assertIn(words, one_line(done.stderr))
                self.assertFalse(os.path.exists(os.path.join(self.folder(EAST), "engine", "data")), "an engine was started")
        self.assertTrue(os.path.exists(wish))


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""What the owner of an embedded ledger meets when it makes a network of it: what its node lacks is told before the seal, and whatever kills
it, it goes on. Usage: owner_test.py CARELEDGER COMETBFT TESTS_GO SAMPLES"""

import fcntl
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from growing_test import Embedded  # before the others: it takes its own arguments
from members import ENGINE, LONGEST, NORTH, SOUTH, until
from node import PROGRAM, Node, http, run, token


class Owner(Embedded):
    def is_still_embedded(self, node, said, words):
        """It was refused in one line, and the ledger takes what it took before."""
        self.assertNotEqual(said.returncode, 0, said.stdout)
        error = json.loads(said.stdout)["error"]
        self.assertIn(words, error["message"])
        self.assertIn("nothing was sealed", error["message"])
        self.assertEqual((error["kind"], len(error["message"].splitlines())), ("precondition", 1), error)
        self.assertEqual([name for name in os.listdir(node.folder) if "grown" in name or "engine" in name], [])
        self.assertEqual(self.write_one(node, token(node.folder)), "final")
        self.assertEqual(http(node.origin + "/readyz")[0], 200)

    def holds(self, endpoint):
        host, port = endpoint.rsplit(":", 1)
        taken = socket.create_server((host, int(port)))
        self.addCleanup(taken.close)
        return taken

    def lacks(self, options, change, words):
        """A node with these options, of which something is changed while it serves."""
        node = Node(self.path("lacks"), *options)
        self.addCleanup(node.end, signal.SIGTERM)
        change()
        said = self.grow_at("lacks", check=None)
        if os.path.isdir(node.folder + "/grown.pb.try.new"):
            os.rmdir(node.folder + "/grown.pb.try.new")
        self.is_still_embedded(node, said, words)
        node.end(signal.SIGTERM)

    def test_what_a_member_lacks_is_told_before_the_seal(self):
        self.fresh_owner("lacks")
        certificate, key = self.certificates[NORTH]
        other, own = self.certificates[SOUTH][1], self.path("own.key")
        shutil.copy(key, own)
        plain = ["--engine", ENGINE]
        options = [*plain, "--address", self.host(NORTH), "--certificate", certificate, "--certificate-key", own]
        listen, api = self.addresses(NORTH)[1], self.addresses(NORTH)[3][len("https://"):]
        in_use = lambda place: place.replace(":", " port ") + ": Address already in use"  # noqa: E731
        nothing = lambda: None  # noqa: E731
        self.lacks(["--engine", "no-engine", *options[2:]], nothing, "the engine (no-engine) is neither beside this program nor in PATH")
        self.lacks(["--engine", self.engine_that("echo 0.37.4"), *options[2:]], nothing, 'asked for its version it says "0.37.4"')
        self.lacks(["--engine", "/bin/true", *options[2:]], nothing, "is no engine that this program works with")
        self.lacks(plain, nothing, "this node serves without a certificate")
        self.lacks(options, lambda: shutil.copy(other, own), "private key")
        shutil.copy(key, own)
        self.lacks(options, lambda: os.remove(own), "own.key: no such file")
        shutil.copy(key, own)
        self.lacks(options, lambda: os.mkdir(self.path("lacks") + "/grown.pb.try.new"), "grown.pb.try.new")
        for place in (listen, api):
            taken = []
            self.lacks(options, lambda at=place: taken.append(self.holds(at)), in_use(place))
            taken[0].close()
        said = self.grow_at("lacks", check=None)  # of a folder that nobody serves
        self.assertIn("start it (careledger serve) with what a member needs", said.stdout)
        node = self.owner(self.path("lacks"))
        self.assertNotIn("not_yet", json.loads(self.grow_at("lacks").stdout))
        node.end(signal.SIGTERM)

    def test_a_node_that_is_still_starting_does_not_grow(self):
        """It stands still while its endpoint is open, since its log takes nothing more."""
        folder, log = self.path("starting"), self.path("starting.fifo")
        self.fresh_owner("starting", self.free_ports(NORTH)[0])
        self.owner(folder).stop(signal.SIGKILL)  # its addresses stay in the folder
        os.mkfifo(log)
        pipe = os.open(log, os.O_RDWR)
        self.addCleanup(os.close, pipe)
        size = fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
        os.write(pipe, b"." * size)
        certificate, key = self.certificates[NORTH]
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", PROGRAM, "serve", folder, "--address", self.host(NORTH),
                                    "--certificate", certificate, "--certificate-key", key, "--engine", ENGINE, "--log-file", log,
                                    "--access-log", "none"],
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        with open(folder + "/running.json", encoding="utf-8") as file:
            origin = json.load(file)["organisations"][0]["fhir"].removesuffix("/fhir")
        until("its endpoint", lambda: self.answers(origin))
        said = json.loads(self.grow_at("starting", check=None).stdout)
        self.assertIn("still starting", said["error"]["message"])
        self.assertEqual(said["error"]["kind"], "unavailable")
        self.assertEqual(glob.glob(folder + "/grown*"), [])
        os.read(pipe, size)
        grown = until("its growth", lambda: self.grow_at("starting", check=None).stdout.startswith('{"number"'))
        self.assertTrue(grown)

    @staticmethod
    def answers(origin):
        try:
            return http(origin + "/readyz")[0] == 200
        except OSError:
            return False

    STAGES = ["as it was", "sealed", "handing over", "handed over", "the folder of a member", "with an engine"]

    def stage(self, folder):
        """How far it came by what stands in its folder, which does not tell a sealed ledger from one that is not."""
        there = lambda name: os.path.exists(f"{folder}/{name}")  # noqa: E731
        with open(folder + "/careledger.json", encoding="utf-8") as file:
            if "network" in json.load(file):
                return self.STAGES[5 if there("engine/config/genesis.json") else 4]
        return self.STAGES[3] if there("grown.pb") else self.STAGES[2] if there("grown.careledger") else self.STAGES[0]

    @staticmethod
    def written(folder):
        """What the steps before the hand-over change: the keys, and the ledger's newest blocks."""
        blocks = sum(os.stat(one).st_size for one in glob.glob(folder + "/ledger/*.log"))
        return os.stat(folder + "/keystore").st_ino, blocks

    def killed_when(self, node, reached):
        """It is let on by half a millisecond and looked at while it stands still, until it is killed there."""
        growing = threading.Thread(target=lambda: self.grow_at(os.path.basename(node.folder), "dies", check=None))
        growing.start()
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            node.process.send_signal(signal.SIGSTOP)
            if reached():
                break
            node.process.send_signal(signal.SIGCONT)
            time.sleep(0.0005)
        node.stop(signal.SIGKILL)
        growing.join()

    def after(self, count, folder):
        """That many changes before the hand-over."""
        seen = [self.written(folder)]

        def reached():
            now = self.written(folder)
            if now != seen[-1]:
                seen.append(now)
            return len(seen) > count or self.stage(folder) != self.STAGES[0]

        return reached

    def goes_on(self, folder, stage, newcomer):
        """A new start, and the same order again where that had not ended, give the member that would have been; where it came to, too."""
        before = None
        if self.STAGES.index(stage) >= 3:
            with open(folder + "/grown.careledger", "rb") as file:
                before = file.read()
        node = self.owner(folder)
        status = lambda: json.loads(run("--json", "status", folder, check=0).stdout)[0]  # noqa: E731
        self.assertEqual("network" in status(), self.STAGES.index(stage) >= 4)
        if "network" not in status():
            sealed = http(node.origin + "/readyz")[0] != 200
            self.assertTrue(sealed or stage == self.STAGES[0], stage)
            stage = self.STAGES[1] if sealed and stage == self.STAGES[0] else stage
            self.assertNotIn("not_yet", json.loads(self.grow_at(os.path.basename(folder), "dies").stdout))
        until("its engine", lambda: status()["network"]["engine"] == "connected")
        with open(folder + "/founding.txt", encoding="utf-8") as text:
            said = text.read()
        self.assertIn(f"seal {status()['height']} ", said)
        self.assertIn(said.split("\n")[0], run("network", "found", newcomer, "--grown", folder + "/grown.careledger", check=0).stdout)
        self.assertEqual(len(status()["network"]["members"]), 4)
        self.assertEqual(node.call("GET", "/Basic/kept", token(folder))[0], 200)
        with open(folder + "/grown.careledger", "rb") as file:
            self.assertIn(before, (None, file.read()), "others may have the first one already")
        keys = json.loads(run("--json", "keys", "list", folder, check=0).stdout)
        validators = [one["public_key"] for one in keys if one["purpose"] == "validator"]
        self.assertEqual(len(validators), 1)
        self.assertIn("validator " + validators[0], said)
        node.end(signal.SIGTERM)
        return stage

    def test_whatever_kills_it_while_it_becomes_a_member_it_goes_on(self):
        newcomer = self.fresh_owner("dies")
        node = self.owner(self.path("dies"))
        bearer = token(node.folder)
        self.assertEqual(node.call("PUT", "/Basic/kept", bearer, {"resourceType": "Basic", "id": "kept", "code": {"text": "x"}})[0], 201)
        self.write_one(node, bearer)
        node.end(signal.SIGTERM)
        seen, number = set(), 0
        tries = [*range(1, 7), *self.STAGES[2:]]
        while tries and number < 40:
            for what in tries:
                number += 1
                seen.add(self.one_kill(f"dies{number}", what, newcomer))
            tries = [{"as it was": 1, "sealed": 1 + number % 9}.get(one, one) for one in self.STAGES if one not in seen]
        self.assertEqual(seen, set(self.STAGES), "no kill came in time for the others")

    def one_kill(self, name, what, newcomer):
        """How far it had come. `what`: a number of changes before the hand-over, or a stage."""
        folder = self.path(name)
        shutil.copytree(self.path("dies"), folder)
        shutil.copy(self.path("dies.key"), folder + ".key")
        node = self.owner(folder)
        at_least = lambda: self.STAGES.index(self.stage(folder)) >= self.STAGES.index(what)  # noqa: E731
        self.killed_when(node, self.after(what, folder) if isinstance(what, int) else at_least)
        return self.goes_on(folder, self.stage(folder), newcomer)


del Embedded

if __name__ == "__main__":
    unittest.main()

"""A consortium of the real binary on real CometBFT: four organisations, each in its own process with its own keys, on loopback.
Usage: consortium_test.py CARELEDGER COMETBFT"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from members import ALL, CITY, EAST, ENGINE, HOST, MEMBERS, NORTH, REGION, SOUTH, Newcomer, Sharing, ended, free_ports, http, run, until


class Founders(unittest.TestCase):
    """Four that describe themselves and found, and no more."""

    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="careledger-net-")
        self.addCleanup(shutil.rmtree, self.scratch)

    def path(self, name):
        return os.path.join(self.scratch, name)

    def describe(self, name, kind, number, *more, network="Region", check=0):
        folder, out = self.path(f"n{number}"), self.path(f"d{number}.json")
        run("network", "describe", folder, "--network", network, "--organisation", name, "--kind", kind, "--epoch-ms", "1000",
            "--listen", f"{HOST}{number}:26656", "--api", f"http://{HOST}{number}:8080", "-o", out, *more, check=check)
        return out

    def describe_all(self, **more):
        return [self.describe(name, kind, number, **more) for number, (name, kind) in enumerate(MEMBERS, 1)]

    def found(self, number, files, *more, check=0):
        return run("network", "found", self.path(f"n{number}"), *files, *more, check=check)

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()


class Founding(Founders):
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
        self.assertIn("two descriptions of Regional Authority", self.found(1, files + [files[3]], check=4).stderr)
        changed = self.path("changed.json")
        with open(changed, "w", encoding="utf-8") as file:
            file.write(self.read(files[3]).decode().replace('"weight": 10', '"weight": 11'))
        done = run("network", "found", self.path("n1"), *files[:3], changed)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("changed.json: the signature of its command key does not hold: it was changed on the way; ask for it again",
                      done.stderr)
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


class Consortium(Sharing):
    """The story of sharing, and of deciding."""

    def test_everybody_begins_with_the_same_genesis(self):
        until("a block at every member", lambda: all(self.height(name) >= 1 for name, _ in MEMBERS))
        written = []
        for name, _ in MEMBERS:
            with open(self.folder(name) + "/engine/config/genesis.json", "rb") as file:
                written.append(file.read())
        self.assertEqual(written, written[:1] * 4)

    def test_the_light_proxy_of_the_engine_believes_what_members_show(self):
        """It holds every answer of one member against what another one shows, before it passes it on."""
        until("a block at every member", lambda: all(self.height(name) >= 3 for name, _ in MEMBERS))
        first = self.ask(NORTH, "/commit?height=1")["signed_header"]
        host = HOST + "20"
        address, home = f"{host}:{free_ports(1, host)[0]}", os.path.join(self.scratch, "light")
        proxy = subprocess.Popen([ENGINE, "light", first["header"]["chain_id"], "-p", self.nodes[NORTH].addresses["rpc"][0], "-w",
                                  self.nodes[SOUTH].addresses["rpc"][0], "--height", "1", "--hash", first["commit"]["block_id"]["hash"],
                                  "--laddr", "tcp://" + address, "--home-dir", home, "--home", home],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(proxy.wait)
        self.addCleanup(proxy.kill)

        def asked(question):
            try:
                return json.loads(http(f"http://{address}/{question}")[2])
            except OSError:
                self.assertIsNone(proxy.poll(), "it ended")

        until("the proxy", lambda: asked("health"))
        self.assertEqual(asked("commit?height=2")["result"]["signed_header"], self.ask(SOUTH, "/commit?height=2")["signed_header"])
        member = "60" + self.standing(NORTH)["members"][0]["id"]
        question = f"abci_query?path=%22/store/state/key%22&data=0x{member}"
        found = until("a value while blocks come", lambda: asked(question).get("result"))
        self.assertTrue(found["response"]["value"] and found["response"]["proofOps"]["ops"], found)

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
        said = self.propose(NORTH, "--no-supervisor")
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
            self.vote(name, said)
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
        said, _ = ended(joining, ALL)
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
        said, _ = ended(joining, ALL)
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

"""The sharing story between machines: four organisations of the real binary on real CometBFT, each process with a network namespace, an
address and a certificate of its own; a patient somewhere in town; and an outsider without any network.
Usage: machines_test.py CARELEDGER COMETBFT

Namespaces as partition_test.py makes them; exits with 77 where the kernel allows none.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import unittest

ARGUMENTS = sys.argv[1:]
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from members import CITY, EAST, LONGEST, MEMBERS, NORTH, REGION, SOUTH, Sharing, until  # noqa: E402 - takes ARGUMENTS away
from node import PROGRAM, flip, http, run, token  # noqa: E402
from wire import Wire, address_of, need_namespaces  # noqa: E402

NAMES = [name for name, _ in MEMBERS]
TOWN = len(NAMES)  # one more machine: wallets, and browsers
AT_ONCE = 5  # seconds without a quorum, the fastest of several: whoever waited for the ledger would wait for thirty, and answer 503
LABORATORY = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}]


class Machines(Sharing):
    port = 27861

    @classmethod
    def setUpClass(cls):
        cls.wire = Wire(TOWN + 1, cls.port, cls.addClassCleanup)
        super().setUpClass()

    @classmethod
    def host(cls, name):
        return address_of([*NAMES, EAST].index(name))

    @classmethod
    def free_ports(cls, name):
        with cls.at(name):
            return super().free_ports(name)

    @classmethod
    def at(cls, name):
        return cls.wire.at(NAMES.index(name))

    @classmethod
    def start(cls, name):
        with cls.at(name):
            super().start(name)

    def setUp(self):
        super().setUp()
        self.enterContext(self.wire.at(TOWN))
        until("a block at every member", lambda: all(self.height(name) >= 2 for name in NAMES))
        self.wallet = os.path.join(self.scratch, self.id() + ".wallet")
        run("wallet", "create", self.wallet, check=0)

    def height(self, name):
        """By its public word: metrics are for the machine itself."""
        with self.at(name):
            return json.loads(http(self.nodes[name].origin + "/ledger/v1/status")[2])["height"]

    def put(self, name, resource):
        with self.at(name):
            return super().put(name, resource)

    def proof_of(self, name, resource):
        with self.at(name):
            return super().proof_of(name, resource)

    def retrieve(self, patient="s1"):
        with self.at(SOUTH):
            return super().retrieve(patient)

    def use_wallet(self, what, *more, node=NORTH):
        words = ["wallet", what, self.wallet, "--node", self.nodes[node].origin, "--certificate", self.trusted, *more]
        return run("--json", *words, check=0).stdout

    def share(self, number):
        """A patient of both hospitals, whose laboratory results of North South may have, but for the notes in them."""
        self.here, self.there = f"n{number}", f"s{number}"
        self.enrol(NORTH, self.wallet, self.here)
        self.enrol(SOUTH, self.wallet, self.there)
        for kind, category in ((f"lab{number}", LABORATORY), (f"other{number}", [])):
            self.put(NORTH, {"resourceType": "Observation", "id": kind, "status": "final", "code": {"text": "x"}, "note": [{"text": "y"}],
                             "subject": {"reference": "Patient/" + self.here}, **({"category": category} if category else {})})

    def grant(self):
        self.use_wallet("grant", "--grantee", SOUTH, "--grantee-node", self.nodes[SOUTH].origin, "--category", "laboratory", "--withhold",
                        "Observation.note")

    def refused(self):
        """The typed reason for which North keeps the record to itself; None: it could not be asked."""
        status, outcome = self.retrieve(self.there)
        if status != 403:
            self.assertGreaterEqual(status, 500, outcome)
            return None
        return outcome["issue"][0]["details"]["coding"][0]["code"]

    def time_of_refusal(self, reason):
        begun = time.monotonic()
        self.assertEqual(self.refused(), reason)
        return time.monotonic() - begun

    def accesses(self, name):
        """What the patient's wallet shows of them, proven complete by the ledger."""
        told = json.loads(self.use_wallet("log", node=name))
        self.assertGreaterEqual(told["as_of_signed_by"], 3)
        return {(one["kind"], one["outcome"], one["organisation"]) for one in told["accesses"]}

    def revoked_in_block(self, name):
        """By this member's copy of the ledger; 0: not yet."""
        status, _, answer = http(f"{self.nodes[name].origin}/ledger/v1/grant/{self.relationships[NORTH]}/1")
        self.assertEqual(status, 200, answer)
        return json.loads(answer)["revoked_height"]

    @contextlib.contextmanager
    def revoking(self, where):
        """The patient withdraws at this place. North has recorded it when this begins; when it is over the ledger has it too, for which the
        wallet waits."""
        words = [PROGRAM, "wallet", "revoke", self.wallet, "--node", self.nodes[NORTH].origin, "--certificate", self.trusted]
        with self.at(NORTH):
            auditor = token(self.folder(NORTH), NORTH, "--role", "auditor")
        with where:
            wallet = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            until("North's record of it", lambda: self.has_recorded_update(auditor))
            yield
            _, said = wallet.communicate(timeout=LONGEST)
            self.assertEqual(wallet.returncode, 0, said)
        finally:
            wallet.kill()
            wallet.communicate()

    def has_recorded_update(self, auditor):
        """By the patient: nothing else that they do is one."""
        with self.at(NORTH):
            status, _, events = self.nodes[NORTH].call("GET", "/AuditEvent?_count=1000", auditor)
        self.assertEqual(status, 200, events)
        resources = [entry["resource"] for entry in json.loads(events)["entry"]]
        return any(one["agent"][0]["who"]["reference"] == "Patient/" + self.here and one["action"] == "U" for one in resources)

    def await_no_quorum(self, name):
        def accepts():
            return json.loads(run("--json", "status", self.folder(name), check=0).stdout)[0]["accepting"]

        with self.at(name):
            until("the word that there is no quorum", lambda: not accepts())

    def put_note(self, name, note):
        return self.put(name, {"resourceType": "Basic", "id": note, "code": {"text": "x"}})

    def block_of(self, name, note):
        return int(re.search(r"in block (\d+)", self.proof_of(name, "Basic/" + note)).group(1))

    def agree(self):
        """Everybody has the same block, which more than two thirds signed."""
        until("all at one height", lambda: len({self.height(name) for name in NAMES}) == 1)
        height = str(self.height(NORTH) - 1)
        self.assertEqual(len({json.dumps(self.ask(name, "/header?height=" + height)["header"]) for name in NAMES}), 1)

    def test_a_record_crosses_from_machine_to_machine_as_its_patient_says(self):
        self.share(1)
        self.assertEqual(self.refused(), "no_consent")
        self.grant()
        self.assertEqual(until("the record", lambda: self.released(self.there)), ["lab1"])
        received = json.dumps(self.retrieve(self.there)[1])
        self.assertIn("REDACTED", received)
        self.assertNotIn('"note"', received)
        self.assertLessEqual({("refusal", "refused", SOUTH), ("release", "done", SOUTH)}, self.accesses(NORTH))
        self.assertLessEqual({("retrieve", "refused", ""), ("retrieve", "done", "")}, self.accesses(SOUTH))
        self.assertRegex(self.proof_of(NORTH, "Observation/lab1"), r"[Ss]igned by [34] keys")
        self.check_offline(os.path.join(self.scratch, "a.proof"), os.path.join(self.scratch, "trust"))
        self.use_wallet("revoke")
        self.assertEqual(self.refused(), "consent_revoked")
        self.agree()

    def test_half_of_them_alone_honour_a_withdrawal_at_once(self):
        self.share(2)
        self.grant()
        self.grant()  # all are withdrawn before the first one is waited for, which is in vain
        self.assertEqual(until("the record", lambda: self.released(self.there)), ["lab2"])
        self.addCleanup(self.wire.block, [])
        self.wire.block([(one, other) for one in (0, 1) for other in (2, 3)])
        with self.revoking(self.wire.at(TOWN)):
            self.await_no_quorum(NORTH)
            stands = self.height(NORTH)
            self.assertLess(min(self.time_of_refusal("consent_revoked") for _ in range(3)), AT_ONCE)
            self.assertEqual((self.height(NORTH), self.revoked_in_block(NORTH)), (stands, 0))
            self.wire.block([])
        self.assertGreater(until("the last word", lambda: self.revoked_in_block(REGION)), stands)
        self.agree()

    def test_one_without_a_link_goes_on_and_catches_up_in_order(self):
        self.share(3)
        self.grant()
        self.assertEqual(until("the record", lambda: self.released(self.there)), ["lab3"])
        self.put_note(NORTH, "before")
        before = self.block_of(NORTH, "before")
        self.addCleanup(self.wire.plug, 0)
        self.wire.unplug(0)
        with self.revoking(self.at(NORTH)):
            for note in ("first", "second"):
                self.assertEqual(self.put_note(NORTH, note).get("CareLedger-Anchor"), "pending")
                with self.at(NORTH):
                    self.assertEqual(self.nodes[NORTH].call("GET", "/Basic/" + note, self.bearer(NORTH))[0], 200)
            self.await_no_quorum(NORTH)
            self.put_note(CITY, "elsewhere")
            self.assertGreater(self.block_of(CITY, "elsewhere"), self.height(NORTH))
            self.assertEqual(self.revoked_in_block(CITY), 0)
            self.wire.plug(0)
            self.assertEqual(until("an answer of North", self.refused), "consent_revoked")
        blocks = [before, *(self.block_of(NORTH, note) for note in ("first", "second"))]
        self.assertEqual(blocks, sorted(blocks))
        self.assertGreater(blocks[1], before)
        self.assertGreater(until("the last word", lambda: self.revoked_in_block(REGION)), before)
        self.agree()

    def check_offline(self, bundle, trust):
        """By somebody who has two files and no network."""
        def verify():
            return subprocess.run(["unshare", "--net", PROGRAM, "verify", bundle, "--trust", trust], capture_output=True, timeout=LONGEST,
                                  check=False).returncode

        self.assertEqual(verify(), 0)
        flip(bundle)
        self.assertEqual(verify(), 1)


if __name__ == "__main__":
    need_namespaces(__file__, ARGUMENTS)
    unittest.main(verbosity=2)

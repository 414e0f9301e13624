"""Who holds the keys of a patient's account, and which accounts stand for one person. Usage: relationship_test.py CARELEDGER"""

import json
import os
import unittest

from node import NORTH, SOUTH, Scratch, run, token


class Relationships(Scratch):
    def setUp(self):
        super().setUp()
        self.init(NORTH, SOUTH)
        self.node = self.serve()
        self.origin = {name: fhir[: -len("/fhir")] for name, fhir in self.node.fhir_of.items()}

    def patient(self, name, organisation=NORTH):
        body = {"resourceType": "Patient", "id": name, "identifier": [{"system": "urn:person", "value": "one"}]}
        status = self.node.call("PUT", "/Patient/" + name, token(self.folder, organisation), body, organisation=organisation)[0]
        self.assertIn(status, (200, 201))

    def relationship(self, what, patient, *more, check=0, organisation=NORTH):
        done = run("--json", "relationship", what, self.folder, "--organisation", organisation, "--patient", patient, *more, check=check)
        return json.loads(done.stdout)

    def only(self, patient):
        [one] = self.relationship("list", patient)["relationships"]
        return one

    def wallet(self, name):
        path = os.path.join(self.scratch, name)
        run("wallet", "create", path, check=0)
        return path

    def claim_code(self, wallet, account, label=NORTH):
        return run("wallet", "claim", wallet, "--node", self.origin[NORTH], "--account", account, "--label", label, check=0).stdout.strip()

    def at(self, what, wallet, *more, check=0, organisation=NORTH):
        return run("--json", "wallet", what, wallet, "--node", self.origin[organisation], *more, check=check)

    def grant(self, wallet, check=0):
        return self.at("grant", wallet, "--grantee", SOUTH, "--grantee-node", self.origin[SOUTH], "--category", "laboratory", check=check)

    def retrieve(self):
        body = {"resourceType": "Parameters", "parameter": [{"name": "from", "valueString": NORTH}]}
        status, _, answer = self.node.call("POST", "/Patient/s1/$retrieve", token(self.folder, SOUTH), body, organisation=SOUTH)
        if status == 200:
            return "released"
        return json.loads(answer)["issue"][0]["details"]["coding"][0]["code"]


class Trust(Relationships):
    def test_what_is_held_in_trust_is_claimed_by_the_patients_own_wallet(self):
        self.patient("n1")
        account = self.relationship("trust", "n1")["account"]
        held = self.only("n1")
        self.assertEqual((held["status"], held["heldInTrust"], held["account"]), ("active", True, account))
        mine = self.wallet("mine")
        code = self.claim_code(mine, account)
        self.assertEqual(self.claim_code(mine, account), code, "the same key when asked again")
        self.at("accept", mine, check=4)  # these keys control nothing yet
        [now] = self.relationship("claim", "n1", "--code", code)["relationships"]
        self.assertEqual((now["status"], now["heldInTrust"]), ("active", False))
        self.relationship("claim", "n1", "--code", code)  # again is fine
        self.at("accept", mine)
        self.enrol(self.node, self.folder, mine, SOUTH, "s1")
        self.grant(mine)
        self.assertEqual(self.retrieve(), "released")
        told = json.loads(self.at("log", mine).stdout)
        self.assertIn("claim", " ".join(one["details"] for one in told["accesses"]))

    def test_nobody_else_claims_it(self):
        for name in ("n1", "n2"):
            self.patient(name)
        account = self.relationship("trust", "n1")["account"]
        mine, thief = self.wallet("mine"), self.wallet("thief")
        code = self.claim_code(mine, account)
        self.relationship("claim", "n2", "--code", code, check=3)  # identified as another patient
        self.relationship("claim", "n1", "--code", code[:-2] + ("AA" if code[-2:] != "AA" else "BB"), check=5)
        self.relationship("claim", "n1", "--code", "nonsense", check=5)
        self.relationship("claim", "n1", "--code", self.claim_code(thief, "00" * 32), check=3)
        self.assertTrue(self.only("n1")["heldInTrust"])
        self.relationship("claim", "n1", "--code", code)
        self.relationship("claim", "n1", "--code", self.claim_code(thief, account, "taken"), check=4)
        self.at("accept", thief, "--label", "taken", check=4)
        self.at("accept", mine)

    def test_who_may_not_change_a_patient_changes_no_relationship(self):
        self.patient("n1")
        self.relationship("trust", "n1")
        for role, more in (("auditor", ()), ("administrator", ()), ("patient", ("--patient", "n1"))):
            bearer = token(self.folder, NORTH, "--role", role, *more)
            for name in ("list", "unmerge", "mergeInto", "claim", "holdInTrust"):
                body = {"resourceType": "Parameters", "parameter": [{"name": name, "valueString": "true"}]}
                self.assertEqual(self.node.call("POST", "/Patient/n1/$relationship", bearer, body)[0], 403, (role, name))


class Controller(Relationships):
    def test_a_parent_hands_over_to_a_child_that_has_come_of_age(self):
        parent, child = self.wallet("parent"), self.wallet("child")
        self.enrol(self.node, self.folder, parent, NORTH, "n1")
        self.enrol(self.node, self.folder, parent, SOUTH, "s1")
        self.grant(parent)
        self.assertEqual(self.retrieve(), "released")
        [account] = [key["account"] for key in json.loads(run("--json", "wallet", "show", parent, check=0).stdout)["keys"]
                     if key["organisation_name"] == NORTH]
        code = self.claim_code(child, account)
        other = self.claim_code(self.wallet("other"), "11" * 32)
        self.at("handover", parent, "--code", other, "--reason", "come of age", check=5)
        self.at("handover", parent, "--code", code, "--reason", "", check=5)
        self.at("accept", child, check=4)
        self.at("handover", parent, "--code", code, "--reason", "come of age")
        self.at("log", parent, check=3)
        self.grant(parent, check=3)
        self.at("accept", child)
        self.assertEqual(self.only("n1")["account"], account)
        self.assertEqual(self.retrieve(), "released", "what the parent granted stands")
        self.assertEqual(json.loads(self.at("revoke", child).stdout), {"revoked": "1"})
        self.assertEqual(self.retrieve(), "consent_revoked")
        self.at("log", child)

    def test_a_wallet_changes_to_a_new_key_of_its_own(self):
        wallet = self.wallet("mine")
        self.enrol(self.node, self.folder, wallet, NORTH, "n1")
        self.enrol(self.node, self.folder, wallet, SOUTH, "s1")
        self.grant(wallet)
        account = self.only("n1")["account"]
        self.at("handover", wallet, "--code", self.claim_code(wallet, account, "new phone"), "--reason", "the old one was stolen")
        self.at("accept", wallet, "--label", "new phone")
        shown = {key["label"]: key for key in json.loads(run("--json", "wallet", "show", wallet, check=0).stdout)["keys"]}
        self.assertEqual([shown[label]["handed_over"] for label in (NORTH, "new phone")], [True, False])
        self.assertEqual(shown["new phone"]["account"], account)
        self.at("log", wallet)
        self.at("revoke", wallet)
        self.assertEqual(self.retrieve(), "consent_revoked")

    def test_keys_held_in_trust_are_claimed_and_not_handed_over(self):
        self.patient("n1")
        account = self.relationship("trust", "n1")["account"]
        wallet = self.wallet("mine")
        self.claim_code(wallet, account)
        self.at("handover", wallet, "--code", "x", "--reason", "because", check=3)


class Merges(Relationships):
    def test_two_patients_found_to_be_one_and_two_again(self):
        wallet = self.wallet("mine")
        self.enrol(self.node, self.folder, wallet, NORTH, "n1")
        self.enrol(self.node, self.folder, wallet, SOUTH, "s1")
        self.grant(wallet)
        self.assertEqual(self.retrieve(), "released")
        self.patient("n2")
        self.relationship("merge", "n1", "--into", "n2", check=4)  # has none to go on in
        self.relationship("merge", "n1", "--into", "n1", check=5)
        self.relationship("trust", "n2")
        survivor = self.only("n2")["id"]
        self.relationship("unmerge", "n1", check=4)
        self.relationship("merge", "n1", "--into", "n2")
        merged = self.only("n1")
        self.assertEqual((merged["status"], merged["mergedInto"]), ("merged", survivor))
        self.assertEqual(self.only("n2")["status"], "active")
        self.assertEqual(self.retrieve(), "relationship_not_active")
        self.assertIn("mergeInto", self.at("log", wallet).stdout)  # the wallet goes on seeing who reads this Patient
        self.grant(wallet, check=4)
        self.relationship("merge", "n1", "--into", "n2", check=4)
        self.relationship("unmerge", "n1")
        again = self.only("n1")
        self.assertEqual((again["status"], again.get("mergedInto")), ("active", None))
        self.assertEqual(self.retrieve(), "released")
        for patient in ("n1", "n2"):
            bearer = token(self.folder, NORTH, "--role", "patient", "--patient", patient)
            self.assertIn(b"mergeInto", self.node.call("GET", "/AuditEvent?_count=100", bearer)[2], patient)


if __name__ == "__main__":
    unittest.main()

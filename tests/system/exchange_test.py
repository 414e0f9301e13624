"""What one organisation releases to another, and what is left of it as evidence. Usage: exchange_test.py CARELEDGER"""

import datetime
import glob
import json
import os
import shutil
import unittest

from node import NORTH, SOUTH, Scratch, run, token

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


class Exchange(Scratch):
    """The owner of the wallet is n1 at North and s1 at South."""

    def setUp(self):
        super().setUp()
        self.init(NORTH, SOUTH)
        self.node = self.serve()
        self.wallet = os.path.join(self.scratch, "me.wallet")
        run("wallet", "create", self.wallet, check=0)
        self.north = self.enrol(self.node, self.folder, self.wallet, NORTH, "n1")
        self.south = self.enrol(self.node, self.folder, self.wallet, SOUTH, "s1")

    def retrieve(self, *who):
        body = {"resourceType": "Parameters", "parameter": [{"name": "from", "valueString": NORTH}]}
        bearer = token(self.folder, SOUTH, *who)
        status, _, answer = self.node.call("POST", "/Patient/s1/$retrieve", bearer, body, organisation=SOUTH)
        return status, json.loads(answer)

    def refused(self, *who):
        """The typed reason."""
        status, outcome = self.retrieve(*who)
        self.assertEqual(status, 403, outcome)
        return outcome["issue"][0]["details"]["coding"][0]["code"]

    def put(self, resource):
        path = f"/{resource['resourceType']}/{resource['id']}"
        self.assertEqual(self.node.call("PUT", path, token(self.folder), resource)[0], 201)

    def grant(self, category, *more, check=0):
        return run("--json", "wallet", "grant", self.wallet, "--node", self.north, "--grantee", SOUTH, "--grantee-node", self.south,
                   "--category", category, *more, check=check)

    def shown(self):
        """The newest grant, as the wallet shows it."""
        return json.loads(run("--json", "wallet", "show", self.wallet, check=0).stdout)["grants"][-1]

    def accredited(self, organisation):
        """The id of one more physician there."""
        done = run("--json", "registry", "accredit", self.folder, "--organisation", organisation, "--role", "physician", "--until",
                   "2090-01-31", check=0)
        return json.loads(done.stdout)["holder"]

    def released(self, *who):
        """Ids of what comes, once no record waits for the ledger any more."""
        while True:
            status, bundle = self.retrieve(*who)
            self.assertEqual(status, 200, bundle)
            resources = [entry["resource"] for entry in bundle.get("entry", [])]
            if all(resource["resourceType"] != "OperationOutcome" for resource in resources):
                return sorted(resource["id"] for resource in resources)

    def test_what_is_about_somebody_else_too_stays_in(self):
        self.put({"resourceType": "Patient", "id": "n2"})
        for name, patients in (("mine", ["n1"]), ("both", ["n1", "n2"])):
            self.put({"resourceType": "Appointment", "id": name, "status": "booked", "participant": [
                {"actor": {"reference": "Patient/" + patient}, "status": "accepted"} for patient in patients]})
        self.grant("encounters")
        self.assertEqual(self.released(), ["mine"])

    def test_a_document_that_is_labelled_stays_in(self):
        for name, code in (("normal", "N"), ("restricted", "V")):
            self.put({"resourceType": "DocumentReference", "id": name, "status": "current", "subject": {"reference": "Patient/n1"},
                      "securityLabel": [{"coding": [{"system": CONFIDENTIALITY, "code": code}]}],
                      "content": [{"attachment": {"title": "a note"}}]})
        self.grant("documents")
        self.assertEqual(self.released(), ["normal"])

    def test_a_named_label_lets_its_documents_out_and_no_others(self):
        for name, system, code in (("restricted", CONFIDENTIALITY, "V"), ("mind", ACT_CODE, "PSY"), ("vip", "urn:north:labels", "vip")):
            self.put({"resourceType": "DocumentReference", "id": name, "status": "current", "subject": {"reference": "Patient/n1"},
                      "meta": {"security": [{"system": system, "code": code}]}, "content": [{"attachment": {"title": "a note"}}]})
        for unknown in ("HVI", "N", "|V", "urn:north:labels|"):
            self.grant("documents", "--label", unknown, check=5)
        self.grant("documents")
        self.assertEqual(self.released(), [])
        run("wallet", "revoke", self.wallet, "--node", self.north, check=0)
        self.grant("documents", "--label", "PSY", "--label", "urn:north:labels|vip")
        self.assertEqual(self.released(), ["mind", "vip"])
        self.assertEqual(self.shown()["labels"], [ACT_CODE + "|PSY", "urn:north:labels|vip"])

    def test_a_grant_that_names_a_practitioner_lets_nobody_else_in(self):
        self.put({"resourceType": "Appointment", "id": "mine", "status": "booked",
                  "participant": [{"actor": {"reference": "Patient/n1"}, "status": "accepted"}]})
        named, another, elsewhere = self.accredited(SOUTH), self.accredited(SOUTH), self.accredited(NORTH)
        self.grant("encounters", "--practitioner", "somebody", check=5)
        for nobody in ("00" * 32, elsewhere):
            self.assertIn("no such practitioner", self.grant("encounters", "--practitioner", nobody, check=3).stdout)
        run("registry", "revoke", self.folder, "--organisation", SOUTH, "--holder", another, check=0)
        self.assertIn("revoked", self.grant("encounters", "--practitioner", another, check=5).stdout)
        self.assertEqual(self.refused("--actor", "Practitioner/" + named), "no_consent", "nothing was granted yet")
        self.grant("encounters", "--practitioner", named)
        self.assertEqual(self.released("--actor", "Practitioner/" + named), ["mine"])
        self.assertEqual(self.refused(), "not_the_grantee", "the clinic's first physician")
        self.assertEqual(self.shown()["practitioners"], [named])
        self.grant("encounters", "--practitioner", "Practitioner/" + named, "--practitioner", self.accredited(SOUTH))
        self.assertEqual(len(self.shown()["practitioners"]), 2)

    def test_a_grant_that_has_not_begun_lets_nobody_in(self):
        def today():
            return datetime.datetime.now(datetime.timezone.utc).date()

        now = today()

        def day(ahead):
            return (now + datetime.timedelta(days=ahead)).isoformat()

        for never in ("tomorrow", "2090-02-31", day(-1), day(4000)):
            self.grant("encounters", "--from", never, check=5)
        begins = day(2)  # tomorrow, if midnight comes before the grant
        made = json.loads(self.grant("encounters", "--from", begins, "--days", "3").stdout)
        self.assertEqual([made[name][:10] for name in ("from", "until")], [begins, day(5)])
        self.assertEqual([self.shown()[name] for name in ("from", "until")], [made["from"], made["until"]])
        self.assertEqual(self.refused(), "consent_not_in_force")
        self.assertIn("from " + begins, run("wallet", "show", self.wallet, check=0).stdout)
        while self.grant("encounters", "--from", today().isoformat(), check=None).returncode != 0:
            self.assertGreater(today(), now, "refused, though no midnight came in between")
            now = today()
        self.assertEqual(self.released(), [])

    def test_a_wallet_that_did_not_hear_that_its_withdrawal_is_final_gives_it_again(self):
        self.grant("encounters")
        before = shutil.copy(self.wallet, self.wallet + ".before")
        for _ in range(2):
            self.assertIn("Grant 1 is revoked", run("wallet", "revoke", self.wallet, "--node", self.north, check=0).stdout)
            self.assertTrue(self.shown()["revoked"])
            shutil.copy(before, self.wallet)
        self.assertEqual(self.refused(), "consent_revoked")

    def test_promises_with_a_flipped_bit_are_found_and_stay(self):
        for _ in range(2):
            self.assertEqual(self.retrieve()[0], 403)  # a refusal is promised as well
        self.node.stop()
        run("audit", self.folder, check=0)
        path = glob.glob(self.folder + "/organisations/*/promises")
        path = next(one for one in path if os.path.getsize(one) > 0)
        with open(path, "rb") as file:
            damaged = bytearray(file.read())
        damaged[0] ^= 1  # of a length
        with open(path, "wb") as file:
            file.write(damaged)
        done = run("audit", self.folder, check=1)
        self.assertIn("promise at byte 0", done.stdout)
        self.assertNotEqual(run("serve", self.folder).returncode, 0)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), damaged)


if __name__ == "__main__":
    unittest.main()

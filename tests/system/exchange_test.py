"""What one organisation releases to another, and what is left of it as evidence. Usage: exchange_test.py CARELEDGER"""

import glob
import json
import os
import unittest

from node import NORTH, SOUTH, Scratch, run, token

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


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

    def retrieve(self):
        body = {"resourceType": "Parameters", "parameter": [{"name": "from", "valueString": NORTH}]}
        status, _, answer = self.node.call("POST", "/Patient/s1/$retrieve", token(self.folder, SOUTH), body, organisation=SOUTH)
        return status, json.loads(answer)

    def put(self, resource):
        path = f"/{resource['resourceType']}/{resource['id']}"
        self.assertEqual(self.node.call("PUT", path, token(self.folder), resource)[0], 201)

    def grant(self, *categories):
        named = [part for category in categories for part in ("--category", category)]
        run("wallet", "grant", self.wallet, "--node", self.north, "--grantee", SOUTH, "--grantee-node", self.south, *named, check=0)

    def released(self):
        """Ids of what comes, once no record waits for the ledger any more."""
        while True:
            status, bundle = self.retrieve()
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

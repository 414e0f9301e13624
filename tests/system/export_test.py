"""`careledger export`: what is in a record, that it is what FHIR answers, that every proof holds. Usage: export_test.py CARELEDGER"""

import json
import os
import unittest

from node import NORTH, Scratch, flip, prove, run, token


def observation(**more):
    return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": {"reference": "Patient/p"}, **more}


RECORD = [
    {"resourceType": "Practitioner", "id": "d"},
    {"resourceType": "Patient", "id": "p", "name": [{"family": "Featherstonehaugh"}],
     "generalPractitioner": [{"reference": "Practitioner/d"}]},
    {"resourceType": "Organization", "id": "maker", "name": "Maker"},
    {"resourceType": "Medication", "id": "m", "manufacturer": {"reference": "Organization/maker"}},
    {"resourceType": "MedicationRequest", "id": "mr", "status": "active", "intent": "order", "subject": {"reference": "Patient/p"},
     "medicationReference": {"reference": "Medication/m"}},
    {"resourceType": "Binary", "id": "scan", "contentType": "text/plain", "data": "aGVsbG8="},
    {"resourceType": "DocumentReference", "id": "dr", "status": "current", "subject": {"reference": "Patient/p"},
     "content": [{"attachment": {"url": "Binary/scan"}}, {"attachment": {"url": "https://elsewhere.example/fhir/Binary/other"}}]},
    observation(id="once", valueQuantity={"value": 1.10}),
    observation(id="twice", valueString="before"),
    observation(id="twice", valueString="after"),
    observation(id="erased", valueString="before"),
    observation(id="erased", valueString="after"),
    observation(id="deleted"),
    observation(id="twice.v1"),  # a name that a version's file must not have
    {"resourceType": "Patient", "id": "q", "link": [{"other": {"reference": "Patient/p"}, "type": "seealso"}]},
    {"resourceType": "Device", "id": "hers", "patient": {"reference": "Patient/p"}},
    {"resourceType": "Device", "id": "of-q", "patient": {"reference": "Patient/q"}},
    observation(id="corrected", subject={"reference": "Patient/q"}, valueString="of another"),  # entered under the wrong patient
    observation(id="corrected", device={"reference": "Device/hers"}),
    observation(id="moved"),
    observation(id="moved", subject={"reference": "Patient/q"}),
    observation(id="measured", device={"reference": "Device/of-q"}),
    # Not of this record: another patient's, and what nobody in it refers to.
    {"resourceType": "Observation", "id": "of-q", "status": "final", "code": {"text": "x"}, "subject": {"reference": "Patient/q"}},
    {"resourceType": "Medication", "id": "unused"},
    {"resourceType": "Binary", "id": "other", "contentType": "text/plain"},
]
CURRENT = {"Patient-p", "Practitioner-d", "Medication-m", "Organization-maker", "MedicationRequest-mr", "Binary-scan",
           "DocumentReference-dr", "Observation-once", "Observation-twice", "Observation-erased", "Observation-twice.v1",
           "Observation-corrected", "Observation-measured", "Device-hers"}


class Export(Scratch):
    def setUp(self):
        super().setUp()
        self.out = os.path.join(self.scratch, "record")
        self.init()
        self.node = self.serve()
        self.bearer = token(self.folder)
        for one in RECORD:
            status, _, answer = self.node.call("PUT", f"/{one['resourceType']}/{one['id']}", self.bearer, one)
            self.assertIn(status, (200, 201), answer)
        self.assertEqual(self.node.call("DELETE", "/Observation/deleted", self.bearer)[0], 204)
        run("erase", self.folder, "Observation/erased", "--organisation", NORTH, "--reason", "asked for", "--record-version", "1", check=0)
        prove(self.folder, "Observation/measured", "--organisation", NORTH, "-o", self.scratch + "/newest.clpb")  # so all can be proven

    def export(self, *more, patient="p", check=None):
        return run("--json", "export", self.folder, "--organisation", NORTH, "--patient", patient, "-o", self.out, *more, check=check)

    def verify(self, stem, check):
        done = run("--json", "verify", f"{self.out}/{stem}.clpb", "--trust", self.out + "/trust.json", check=check)
        return json.loads(done.stdout)

    def test_everything_is_there_as_fhir_answers_it_and_every_proof_shows_all_of_it(self):
        self.assertEqual(json.loads(self.export(check=0).stdout), {"resources": len(CURRENT), "versions": len(CURRENT) + 1, "gone": 1})
        stems = {name.rpartition(".")[0] for name in os.listdir(self.out)} - {"trust"}
        self.assertEqual(stems, CURRENT | {"Observation-twice_v1"})
        for stem in sorted(stems):
            name, _, version = stem.partition("_v")
            with open(f"{self.out}/{stem}.json", "rb") as file:
                exported = file.read()
            path = "/" + name.replace("-", "/", 1) + ("/_history/" + version if version else "")
            self.assertEqual(exported, self.node.call("GET", path, self.bearer)[2], stem)
            resource = json.loads(exported)
            proven = self.verify(stem, 0)["proven"]
            self.assertIn(f"a {resource['resourceType']} was anchored by", proven[0])
            shown = dict(line.removeprefix("Shown: ").split(" = ", 1) for line in proven if line.startswith("Shown: "))
            outside = {"resourceType", "meta"}
            self.assertEqual({key: json.loads(value) for key, value in shown.items() if key not in outside},
                             {key: value for key, value in resource.items() if key not in outside}, stem)
            self.assertEqual("superseded" in " ".join(proven).lower(), bool(version), proven)
        flip(f"{self.out}/Observation-once.clpb")
        self.verify("Observation-once", 1)

        again = self.export()
        self.assertEqual(again.returncode, 4, "a folder that holds something is left alone")
        self.assertEqual(len(os.listdir(self.out)), 2 * len(stems) + 1)

    def test_it_is_recorded_in_the_patients_list(self):
        self.export(check=0)
        patients = token(self.folder, NORTH, "--role", "patient", "--patient", "p")
        events = json.loads(self.node.call("GET", "/AuditEvent?_count=1000", patients)[2])["entry"]
        kinds = [event["resource"]["type"]["code"] for event in events]
        self.assertEqual(kinds.count("export"), 1, kinds)

    def test_a_patient_that_there_is_not_and_a_node_that_is_stopped(self):
        self.assertEqual(self.export(patient="made-up").returncode, 3)
        self.assertEqual(self.export(patient="../Patient/p").returncode, 5, "an id that none can be")
        self.assertFalse(os.path.exists(self.out))
        self.node.stop()
        self.assertEqual(json.loads(self.export(check=0).stdout)["resources"], len(CURRENT))


if __name__ == "__main__":
    unittest.main()

"""PyPI fhirpy, unmodified, against a whole node over TLS. Run by with_node.py. PATCH is not offered and not called, but for its refusal."""

import asyncio
import os
import ssl
import unittest
import uuid

import fhirpy
from fhirpy.base import exceptions

URL, TOKEN, CERTIFICATE = (os.environ["FHIR_" + name] for name in ("URL", "TOKEN", "CERTIFICATE"))


def client(token=TOKEN, **more):
    return fhirpy.SyncFHIRClient(URL, authorization="Bearer " + token, requests_config={"verify": CERTIFICATE, "timeout": 60}, **more)


def unique(prefix):
    return prefix + uuid.uuid4().hex[:12]


class FhirPy(unittest.TestCase):
    def setUp(self):
        self.client = client()

    def patient(self, family="Example", **more):
        return self.client.resource("Patient", name=[{"family": family}], **more).create()

    def test_capabilities(self):
        statement = self.client.execute("metadata", method="get")
        self.assertEqual(statement["fhirVersion"], "4.0.1")

    def test_create_read_update_history_and_delete(self):
        patient = self.patient("Lifecycle")
        self.assertEqual(patient["meta"]["versionId"], "1")
        read = self.client.reference("Patient", patient.id).to_resource()
        self.assertEqual(read.serialize(), patient.serialize())
        patient["active"] = True
        patient.update()
        self.assertEqual(patient["meta"]["versionId"], "2")
        first = self.client.execute(f"Patient/{patient.id}/_history/1", method="get")
        self.assertNotIn("active", first)
        patient.delete()
        with self.assertRaises(exceptions.ResourceNotFound):
            read.refresh()
        history = self.client.execute(f"Patient/{patient.id}/_history", method="get")
        self.assertEqual([entry["request"]["method"] for entry in history["entry"]], ["DELETE", "PUT", "PUT"])

    def test_an_id_of_ones_own(self):
        one = self.client.resource("Patient", id=unique("own-"))
        one.save()
        self.assertEqual(one["meta"]["versionId"], "1")
        self.assertEqual(self.client.get("Patient", one.id)["id"], one.id)

    def test_conditional_create(self):
        value = unique("once-")
        criteria = "identifier=urn:test|" + value
        one = {"identifier": [{"system": "urn:test", "value": value}]}
        once = client(extra_headers={"If-None-Exist": criteria})
        self.assertEqual(once.resource("Patient", **one).create().id, once.resource("Patient", **one).create().id)
        self.patient(**one)
        with self.assertRaises(exceptions.MultipleResourcesFound):
            once.resource("Patient", **one).create()
        # What other servers take in the URL is no R4: overlooked, it would make a third.
        known = self.client.resources("Patient").search(identifier="urn:test|" + value)
        with self.assertRaises(exceptions.OperationOutcome):
            known.get_or_create(self.client.resource("Patient", **one))
        self.assertEqual(known.count(), 2)

    def test_search_pages_through_everything_once(self):
        family = unique("Page")
        made = sorted(self.patient(family).id for _ in range(7))
        found = self.client.resources("Patient").search(family=family)
        self.assertEqual(sorted(one.id for one in found.limit(2).fetch_all()), made)
        self.assertEqual(len(found.limit(2).fetch()), 2)
        self.assertEqual(found.count(), 7)
        self.assertIn(found.first().id, made)
        self.assertEqual(found.search(_id=made[3]).get().id, made[3])
        with self.assertRaises(exceptions.MultipleResourcesFound):
            found.get()

    def test_search_by_reference_and_date(self):
        patient = self.patient("Subject")
        observation = self.client.resource("Observation", status="final", code={"text": "x"}, subject=patient.to_reference(),
                                           effectiveDateTime="2024-02-03")
        observation.create()
        found = self.client.resources("Observation").search(subject=patient.to_reference())
        self.assertEqual([one.id for one in found.search(date__ge="2024-02-03").fetch_all()], [observation.id])
        self.assertEqual(found.search(date__lt="2024-02-03").fetch_all(), [])
        self.assertEqual(found.first()["subject"].to_resource().id, patient.id)

    def bundle(self, kind, *resources):
        entries = [{"resource": one, "request": {"method": "POST", "url": one["resourceType"]}} for one in resources]
        return self.client.execute("", data={"resourceType": "Bundle", "type": kind, "entry": entries})

    def test_a_batch_and_a_transaction(self):
        good, bad = {"resourceType": "Patient", "name": [{"family": unique("Whole")}]}, {"resourceType": "Patient", "nickname": "x"}
        statuses = [entry["response"]["status"][:3] for entry in self.bundle("batch", good, bad)["entry"]]
        self.assertEqual(statuses, ["201", "400"])
        known = self.client.resources("Patient").search(family=good["name"][0]["family"])
        with self.assertRaises(exceptions.OperationOutcome):
            self.bundle("transaction", good, bad)
        self.assertEqual(known.count(), 1)
        self.bundle("transaction", good, good)
        self.assertEqual(known.count(), 3)

    def test_errors_are_outcomes(self):
        with self.assertRaises(exceptions.OperationOutcome) as caught:
            self.patient(birthDate="yesterday")
        self.assertEqual(caught.exception.resource["issue"][0]["expression"], ["Patient.birthDate"])
        with self.assertRaises(exceptions.ResourceNotFound):
            self.client.get("Patient", "none")
        with self.assertRaises(exceptions.OperationOutcome) as caught:
            self.client.resource("Patient", id=self.patient().id).patch(active=True)
        self.assertEqual(caught.exception.resource["issue"][0]["code"], "not-supported")

    def test_a_wrong_token(self):
        with self.assertRaises(exceptions.AuthorizationError):
            client("x").get("Patient", "none")

    def test_the_asynchronous_client(self):
        trust = ssl.create_default_context(cafile=CERTIFICATE)

        async def chain():
            ours = fhirpy.AsyncFHIRClient(URL, authorization="Bearer " + TOKEN, aiohttp_config={"ssl": trust})
            made = await asyncio.gather(*(ours.resource("Basic", code={"text": str(number)}).create() for number in range(20)))
            return [(await ours.get("Basic", one.id))["code"]["text"] for one in made]

        self.assertEqual(asyncio.run(chain()), [str(number) for number in range(20)])


if __name__ == "__main__":
    unittest.main()

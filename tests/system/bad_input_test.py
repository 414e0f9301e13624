"""Bad input over HTTP: a clear, typed error, nothing stored, nobody else disturbed. Usage: bad_input_test.py CARELEDGER"""

import gzip
import json
import os
import shutil
import socket
import tempfile
import unittest

from node import NORTH, SOUTH, Node, Scratch, http, outcome_of, run, token

PATIENT = {"resourceType": "Patient"}


def transaction(*resources, kind="transaction"):
    entries = [{"fullUrl": f"urn:uuid:00000000-0000-4000-8000-{number:012d}", "resource": resource,
                "request": {"method": "POST", "url": resource.get("resourceType", "Basic")}} for number, resource in enumerate(resources)]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def observation(reference):
    return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": {"reference": reference}}


class BadInput(unittest.TestCase):
    """One node for all tests; after each, exactly as many versions as before it stored, and others are served."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.mkdtemp(prefix="careledger-test-")
        cls.addClassCleanup(shutil.rmtree, cls.scratch)
        cls.folder = os.path.join(cls.scratch, "node")
        run("init", cls.folder, "--organisation", NORTH, "--organisation", SOUTH, check=0)
        cls.node = Node(cls.folder)
        cls.addClassCleanup(cls.node.end)
        cls.token = token(cls.folder)
        cls.administrator = token(cls.folder, NORTH, "--role", "administrator")

    def setUp(self):
        self.expected = self.versions()

    def tearDown(self):
        self.assertEqual(self.versions(), self.expected, "something was stored")
        self.assertEqual(http(self.node.origin + "/readyz")[0], 200)

    def versions(self):
        return json.loads(http(self.node.origin + "/admin/v1/status", token=self.administrator)[2])["versions"]

    def call(self, *arguments, **named):
        return self.node.call(arguments[0], arguments[1], self.token, *arguments[2:], **named)

    def refused(self, statuses, method, path, body=None, headers=None, bearer=None):
        status, _, answer = self.node.call(method, path, bearer or self.token, body, headers)
        self.assertIn(status, statuses, (path, answer[:300]))
        return outcome_of(answer)

    def stored(self, method, path, body):
        status, headers, answer = self.call(method, path, body)
        self.assertIn(status, (200, 201), answer)
        self.expected += 1
        return headers

    def test_bodies_that_are_not_a_resource(self):
        bad = {
            "no JSON": b"{",
            "nothing": b"",
            "an array": b"[]",
            "something behind it": b'{"resourceType":"Patient"}x',
            "a duplicate key": b'{"resourceType":"Patient","active":true,"active":false}',
            "a duplicate key in escapes": b'{"resourceType":"Patient","active":true,"\\u0061ctive":false}',
            "bad UTF-8": b'{"resourceType":"Patient","name":[{"family":"\xff"}]}',
            "overlong UTF-8": b'{"resourceType":"Patient","name":[{"family":"\xc0\xaf"}]}',
            "a lone surrogate": b'{"resourceType":"Patient","name":[{"family":"\\ud800"}]}',
            "a lone surrogate in UTF-8": b'{"resourceType":"Patient","name":[{"family":"\xed\xa0\x80"}]}',
            "NaN": b'{"resourceType":"Patient","multipleBirthInteger":NaN}',
            "infinity": b'{"resourceType":"Patient","multipleBirthInteger":Infinity}',
            "an unknown element": b'{"resourceType":"Patient","nickname":"x"}',
            "a wrong type": b'{"resourceType":"Patient","active":"yes"}',
            "an object for a list": b'{"resourceType":"Patient","name":{"family":"x"}}',
            "a wrong date": b'{"resourceType":"Patient","birthDate":"1980-02-30"}',
            "two choices at once": b'{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2020"}',
            "an empty object": b'{"resourceType":"Patient","name":[{}]}',
            "another resource": b'{"resourceType":"Observation","status":"final","code":{"text":"x"}}',
            "an unknown resource": b'{"resourceType":"Spell"}',
            "no resource type": b'{"active":true}',
            "deep arrays": b'{"resourceType":"Patient","x":' + b"[" * 5000 + b"]" * 5000 + b"}",
            "deep objects": b'{"resourceType":"Patient","extension":' + b'[{"extension":' * 3000 + b"[]" + b"}]" * 3000 + b"}",
        }
        for what, body in bad.items():
            with self.subTest(what):
                self.assertTrue(self.refused((400, 413, 422), "POST", "/Patient", body))

    def test_text_of_patients_is_in_no_answer_and_no_log(self):
        self.refused((400, 422), "POST", "/Patient", {**PATIENT, "birthDate": "Zanzibarius", "nickname": "Zanzibarius"})
        answer = self.call("POST", "/Patient", b'{"resourceType":"Patient","name":[{"family":"Zanzibarius\xff"}]}')[2]
        self.assertNotIn(b"Zanzibarius", answer)
        self.assertNotIn("Zanzibarius", self.node.log())

    def test_the_url_and_the_body_must_agree(self):
        self.assertIn("id", self.refused((400,), "PUT", "/Patient/a", {**PATIENT, "id": "b"}))
        self.refused((400,), "PUT", "/Patient/a", PATIENT)
        self.refused((400, 422), "PUT", "/Patient/a", {**observation("Patient/a"), "id": "a"})
        self.refused((404,), "GET", "/Spell/1")
        self.refused((400, 404), "PUT", "/Patient/" + "x" * 65, {**PATIENT, "id": "x" * 65})

    def test_a_stale_if_match(self):
        self.stored("PUT", "/Patient/stale", {**PATIENT, "id": "stale"})
        self.stored("PUT", "/Patient/stale", {**PATIENT, "id": "stale", "active": True})
        for tag in ('W/"1"', 'W/"3"', '"1"'):
            self.refused((412,), "PUT", "/Patient/stale", {**PATIENT, "id": "stale", "active": False}, {"If-Match": tag})
        self.refused((400, 412), "PUT", "/Patient/stale", {**PATIENT, "id": "stale"}, {"If-Match": "nonsense"})

    def test_references_that_point_at_nothing(self):
        self.assertIn("Patient/nobody", self.refused((409, 422), "POST", "/Observation", observation("Patient/nobody")))
        self.refused((400, 409, 422), "POST", "/", transaction(observation("urn:uuid:00000000-0000-4000-8000-00000000ffff")))
        self.refused((400,), "POST", "/Observation", observation("#inside"))

    def test_circles_of_references_are_stored_and_read(self):
        first = {**PATIENT, "link": [{"other": {"reference": "urn:uuid:00000000-0000-4000-8000-000000000001"}, "type": "seealso"}]}
        second = {**PATIENT, "link": [{"other": {"reference": "urn:uuid:00000000-0000-4000-8000-000000000000"}, "type": "seealso"}]}
        status, _, answer = self.call("POST", "/", transaction(first, second))
        self.assertEqual(status, 200, answer)
        self.expected += 2
        self.assertEqual(self.call("PUT", "/Patient/me", {**PATIENT, "id": "me", "link": [
            {"other": {"reference": "Patient/me"}, "type": "seealso"}]})[0], 201)
        self.expected += 1

    def test_conditional_references_with_none_and_with_two_matches(self):
        for one in ("t1", "t2"):
            self.stored("PUT", "/Patient/" + one, {**PATIENT, "id": one, "identifier": [{"system": "urn:x", "value": "twice"}]})
        for query, status in (("Patient?identifier=urn:x|none", (409, 412, 422)), ("Patient?identifier=urn:x|twice", (409, 412, 422)),
                              ("Patient?nonsense=1", (400, 409, 412, 422))):
            self.refused(status, "POST", "/", transaction(observation(query)))
        self.refused((412,), "POST", "/Patient", PATIENT, {"If-None-Exist": "identifier=urn:x|twice"})

    def test_one_bad_entry_among_25000(self):
        good = {"resourceType": "Basic", "code": {"text": "x"}}
        bundle = transaction(*([good] * 25_000))
        bundle["entry"][17_321]["resource"] = {**good, "created": "yesterday"}
        status, _, answer = self.call("POST", "/", bundle)
        self.assertIn(status, (400, 422), answer[:300])
        self.assertIn("Bundle.entry[17321]", answer.decode())
        self.refused((400, 413), "POST", "/", transaction(*([good] * 25_001)))

    def test_oversize_everything(self):
        self.refused((413, 422, 400), "POST", "/Patient", {**PATIENT, "name": [{"family": "x" * (65 << 20)}]})
        status, _, _ = self.call("POST", "/Patient", gzip.compress(b" " * (300 << 20)), {"Content-Encoding": "gzip"})
        self.assertEqual(status, 413)
        self.assertEqual(self.call("GET", "/Patient?_id=" + "x" * 9000)[0], 414)
        self.assertEqual(self.call("GET", "/Patient", headers={"X-Large": "x" * 20_000})[0], 431)
        self.assertEqual(self.call("GET", "/Patient", headers={f"X-{number}": "x" for number in range(150)})[0], 431)
        self.assertIn(self.call("GET", "/Patient?" + "&".join(f"_id={number}" for number in range(300)))[0], (400, 413))

    def test_claims_of_size_and_half_requests_disturb_nobody(self):
        host, port = self.node.origin.split("//")[1].split(":")
        waiting = []
        for _ in range(50):
            one = socket.create_connection((host, int(port)))
            one.sendall(b"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: 200000000\r\n\r\n{")
            waiting.append(one)
        self.assertEqual(self.call("GET", "/metadata")[0], 200)
        for one in waiting:
            one.close()

    def test_media_types_methods_and_paths(self):
        self.refused((415,), "POST", "/Patient", b"<Patient/>", {"Content-Type": "application/fhir+xml"})
        self.refused((406,), "GET", "/Patient", None, {"Accept": "application/fhir+xml"})
        self.refused((405,), "PATCH", "/Patient/1", PATIENT)
        self.assertEqual(self.call("GET", "/Patient/1/../../etc")[0], 400)

    def test_tokens(self):
        other_end = "QA" if self.token.endswith("AA") else "AA"
        for bad in ("x", self.token[:-2] + other_end, self.token + "x", token(self.folder, SOUTH), "."):
            status, headers, _ = self.node.call("GET", "/Patient/1", bad)
            self.assertEqual(status, 401)
            self.assertIn("WWW-Authenticate", headers)
        self.assertEqual(self.node.call("GET", "/Patient/1", None)[0], 401)

    def test_an_actor_without_the_right(self):
        self.stored("PUT", "/Patient/mine", {**PATIENT, "id": "mine"})
        self.stored("PUT", "/Patient/other", {**PATIENT, "id": "other"})
        patient = token(self.folder, NORTH, "--role", "patient", "--patient", "mine")
        self.assertEqual(self.node.call("GET", "/Patient/mine", patient)[0], 200)
        self.refused((403,), "GET", "/Patient/other", bearer=patient)
        self.refused((403,), "PUT", "/Patient/mine", {**PATIENT, "id": "mine"}, bearer=patient)
        auditor = token(self.folder, NORTH, "--role", "auditor")
        self.refused((403,), "POST", "/Patient", PATIENT, bearer=auditor)
        self.assertEqual(http(self.node.origin + "/admin/v1/status", token=self.token)[0], 403)


class Consents(Scratch):
    """What only two organisations and a wallet can get wrong."""

    def setUp(self):
        super().setUp()
        self.init(NORTH, SOUTH)
        self.node = self.serve()
        self.wallet = os.path.join(self.scratch, "me.wallet")
        run("wallet", "create", self.wallet, check=0)

    def retrieve(self):
        body = {"resourceType": "Parameters", "parameter": [{"name": "from", "valueString": NORTH}]}
        status, _, answer = self.node.call("POST", "/Patient/s1/$retrieve", token(self.folder, SOUTH), body, organisation=SOUTH)
        return status, json.loads(answer)

    def reason(self):
        status, answer = self.retrieve()
        self.assertEqual(status, 403, answer)
        return answer["issue"][0]["details"]["coding"][0]["code"]

    def test_a_relationship_that_was_never_accepted_shares_nothing(self):
        bearer = token(self.folder)
        self.assertEqual(self.node.call("PUT", "/Patient/n1", bearer, {**PATIENT, "id": "n1"})[0], 201)
        code = run("wallet", "show", self.wallet, "--label", NORTH, check=0).stdout.strip()
        body = {"resourceType": "Parameters", "parameter": [{"name": "enrolment", "valueString": code}]}
        self.assertEqual(self.node.call("POST", "/Patient/n1/$relationship", bearer, body)[0], 200)
        done = run("wallet", "grant", self.wallet, "--node", self.node.origin, "--grantee", SOUTH, "--grantee-node",
                   self.node.fhir_of[SOUTH][:-5], "--category", "laboratory")
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, "relationship|accept")

    def test_somebody_elses_grant_opens_nothing_and_cannot_be_withdrawn(self):
        north = self.enrol(self.node, self.folder, self.wallet, NORTH, "n1")
        south = self.enrol(self.node, self.folder, self.wallet, SOUTH, "s1")
        stranger = os.path.join(self.scratch, "stranger.wallet")
        run("wallet", "create", stranger, check=0)
        self.enrol(self.node, self.folder, stranger, NORTH, "n2")
        self.assertEqual(self.reason(), "no_consent")
        run("wallet", "grant", stranger, "--node", north, "--grantee", SOUTH, "--grantee-node", south, "--category", "laboratory")
        self.assertEqual(self.reason(), "no_consent")
        run("wallet", "grant", self.wallet, "--node", north, "--grantee", SOUTH, "--grantee-node", south, "--category", "laboratory",
            check=0)
        self.assertEqual(self.retrieve()[0], 200)
        self.assertNotEqual(run("wallet", "revoke", stranger, "--node", north, "--number", "7").returncode, 0)
        self.assertEqual(self.retrieve()[0], 200)
        run("wallet", "revoke", self.wallet, "--node", north, check=0)
        self.assertEqual(self.reason(), "consent_revoked")

    def test_a_wallet_of_another_ledger_is_told_so(self):
        self.enrol(self.node, self.folder, self.wallet, NORTH, "n1")
        self.init(folder=self.folder + "2")
        other = self.serve(folder=self.folder + "2")
        done = run("wallet", "log", self.wallet, "--node", other.origin)
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertIn("another ledger", done.stderr)


if __name__ == "__main__":
    unittest.main()

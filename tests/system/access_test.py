"""Who gets a proof, and what a doctor and an import say. Usage: access_test.py CARELEDGER"""

import fcntl
import json
import os
import unittest
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

from node import NORTH, Scratch, http, prove, run, token


class Proofs(Scratch):
    """An Observation that stood in patient a's record and was corrected to b's."""

    def setUp(self):
        super().setUp()
        self.init()
        self.node = self.serve()
        bearer = token(self.folder)
        for patient in "ab":
            self.assertEqual(self.node.call("PUT", f"/Patient/{patient}", bearer, {"resourceType": "Patient", "id": patient})[0], 201)
        for patient, status in (("a", 201), ("b", 200)):
            body = {"resourceType": "Observation", "id": "moved", "status": "final", "code": {"text": "x"},
                    "subject": {"reference": f"Patient/{patient}"}, "valueString": f"of {patient}"}
            self.assertEqual(self.node.call("PUT", "/Observation/moved", bearer, body)[0], status)
        prove(self.folder, "Observation/moved", "--organisation", NORTH, "-o", os.path.join(self.scratch, "moved.clpb"))  # from now on

    def prove(self, bearer, version, *show):
        shown = "".join("&show=" + name for name in show)
        return http(f"{self.node.origin}/admin/v1/prove?type=Observation&id=moved&version={version}{shown}", token=bearer)[0]

    def proofs_in_list_of(self, patient):
        bearer = token(self.folder, NORTH, "--role", "patient", "--patient", patient)
        events = json.loads(self.node.call("GET", "/AuditEvent?_count=1000", bearer)[2]).get("entry", [])
        return sum(event["resource"]["type"]["code"] == "prove" for event in events)

    def test_a_patient_gets_proofs_of_the_versions_that_are_their_own(self):
        of_a, of_b = (token(self.folder, NORTH, "--role", "patient", "--patient", patient) for patient in "ab")
        self.assertEqual([self.prove(of_a, 1, "valueString"), self.prove(of_b, 2, "valueString")], [200, 200])
        self.assertEqual([self.prove(of_b, 1, "valueString"), self.prove(of_a, 2, "valueString")], [403, 403])

    def test_a_proof_stands_in_the_list_of_the_patient_whose_version_it_shows(self):
        before = {patient: self.proofs_in_list_of(patient) for patient in "ab"}
        self.assertEqual(self.prove(token(self.folder), 1, "*"), 200)
        self.assertEqual(self.proofs_in_list_of("a"), before["a"] + 1)
        self.assertEqual(self.proofs_in_list_of("b"), before["b"])

    def test_a_patient_that_there_is_not_gets_no_list(self):
        bearer = token(self.folder)
        for path in ("prove?type=Patient&id=made-up", "record?patient=made-up"):
            self.assertEqual(http(f"{self.node.origin}/admin/v1/{path}", token=bearer)[0], 404)
        own = token(self.folder, NORTH, "--role", "patient", "--patient", "made-up")
        for _ in range(2):  # the first is recorded, and not in the second
            status, _, events = self.node.call("GET", "/AuditEvent?_count=1000", own)
            self.assertEqual((status, json.loads(events).get("entry", [])), (200, []))

    def test_an_auditor_proves_and_does_not_read(self):
        auditor = token(self.folder, NORTH, "--role", "auditor")
        self.assertEqual(self.prove(auditor, 2), 200)
        self.assertEqual(self.prove(auditor, 2, "valueString"), 403)


class AccessList(Scratch):
    """A patient who is looked at more often than one proof holds."""

    READS = 10_500

    def setUp(self):
        super().setUp()
        self.init()
        self.node = self.serve()
        self.wallet = os.path.join(self.scratch, "me.wallet")
        self.list = os.path.join(self.scratch, "list.clpb")
        self.trust = os.path.join(self.scratch, "trust.json")
        run("wallet", "create", self.wallet, check=0)
        self.origin = self.enrol(self.node, self.folder, self.wallet, NORTH, "n1")

    def log(self, *more, check=0):
        return run("wallet", "log", self.wallet, "--node", self.origin, *more, check=check)

    def test_a_long_list_comes_in_proven_parts_and_none_passes_for_the_whole(self):
        self.log("-o", self.list)
        run("wallet", "checkpoint", self.wallet, "--trust-out", self.trust, check=0)
        self.assertIn("Access list: ", run("verify", self.list, "--trust", self.trust, check=0).stdout)
        os.remove(self.list)
        self.watch()
        told = self.log("-o", self.list).stdout
        self.assertGreaterEqual(told.count("\n"), self.READS)
        self.assertIn("in 2 parts, each proven and none between them left out", told)
        self.assertFalse(os.path.exists(self.list), "no single file is the list")
        for part, outside in ((".1", "later"), (".2", "earlier")):
            proven = run("verify", self.list + part, "--trust", self.trust, check=0).stdout
            self.assertIn("Part of an access list, not the whole", proven)
            self.assertIn(f"Not in this part: {outside} accesses", proven)
        extent = json.loads(run("--json", "verify", self.list + ".1", "--trust", self.trust, check=0).stdout)["list"]
        self.assertEqual((extent["whole"], extent["entries"], "after" in extent, "before" in extent), (False, 10_000, False, True))

    def test_a_range_of_time(self):
        told = json.loads(run("--json", "wallet", "log", self.wallet, "--node", self.origin, "--from", "2100-01-01", check=0).stdout)
        self.assertEqual((told["accesses"], told["from"]), ([], "2100-01-01T00:00:00.000Z"))
        self.assertEqual(json.loads(self.log_json("--to", "2000-01-01"))["accesses"], [])
        self.assertGreater(len(json.loads(self.log_json("--from", "2000-01-01", "--to", "2100-01-01T00:00:00Z"))["accesses"]), 0)
        self.assertIn("Complete from 2100-01-01T00:00:00.000Z: 0 entries", self.log("--from", "2100-01-01").stdout)
        for bad in (("--from", "yesterday"), ("--to", "1"), ("--from", "2100-01-02", "--to", "2100-01-01")):
            self.assertNotEqual(self.log(*bad, check=None).returncode, 0, bad)

    def watch(self):
        readers = 15
        headers = {"Authorization": "Bearer " + token(self.folder)}

        def read(_):
            statuses = set()
            connection = HTTPConnection(urlsplit(self.origin).netloc, timeout=60)
            for _ in range(self.READS // readers):
                connection.request("GET", "/fhir/Patient/n1", headers=headers)
                answer = connection.getresponse()
                answer.read()
                statuses.add(answer.status)
            connection.close()
            return statuses

        with ThreadPoolExecutor(readers) as pool:
            self.assertEqual(set().union(*pool.map(read, range(readers))), {200})

    def log_json(self, *more):
        return run("--json", "wallet", "log", self.wallet, "--node", self.origin, *more, check=0).stdout


class Doctor(Scratch):
    def verdicts(self, *more):
        return {one["about"]: one["verdict"] for one in self.findings(*more)}

    def findings(self, *more):
        return json.loads(run("--json", "doctor", self.folder, *more).stdout)

    def test_the_clock_is_compared_with_the_ledger_of_a_stopped_and_of_a_serving_node(self):
        self.init()
        for serving in (False, True):
            if serving:
                self.serve()
            [clock] = [one for one in self.findings() if one["about"] == "clock"]
            self.assertEqual(clock["verdict"], "well")
            self.assertIn("not behind the ledger's newest block", clock["what"], f"serving: {serving}")

    def test_looking_changes_nothing_and_stops_no_node_from_starting(self):
        self.init()
        with open(self.folder + "/lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a node that is about to serve
            before = self.contents()
            [clock] = [one for one in self.findings() if one["about"] == "clock"]
            self.assertIn("not behind the ledger's newest block", clock["what"])
        self.findings()
        self.assertEqual(self.contents(), before)

    def contents(self):
        found = {}
        for at, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(at, name)
                with open(path, "rb") as file:
                    found[path] = (os.stat(path).st_mtime_ns, file.read())
        return found

    def test_a_sound_folder_is_well_and_a_missing_or_wrong_key_is_not(self):
        self.init()
        self.assertEqual(self.verdicts()["keystore"], "well")
        run("init", self.folder + "2", "--organisation", "Other", check=0)
        self.assertEqual(self.verdicts("--key-file", self.folder + "2.key")["keystore"], "wrong")
        os.remove(self.folder + ".key")
        self.assertEqual(self.verdicts()["keystore"], "wrong")


if __name__ == "__main__":
    unittest.main()

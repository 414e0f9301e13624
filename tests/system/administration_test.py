"""What the keepers of a node decide: erasure, legal holds, members, licences, keys. Usage: administration_test.py CARELEDGER"""

import json
import os
import shutil
import time
import unittest

from node import NORTH, SOUTH, Scratch, details_of, http, prove, run, token


class Administration(Scratch):
    def proven(self, about, *more):
        bundle, trust = os.path.join(self.scratch, "proof.clpb"), os.path.join(self.scratch, "trust.json")
        prove(self.folder, about, "--organisation", NORTH, "-o", bundle, "--trust-out", trust, *more)
        told = json.loads(run("--json", "verify", bundle, "--trust", trust, check=0).stdout)
        return " ".join(told["proven"]).lower()

    def await_proof_of_erasure(self, about):
        """A proof stands on the newest header, which may be of the block before."""
        end = time.monotonic() + 60
        while "erased" not in self.proven(about):
            self.assertLess(time.monotonic(), end)


class Erasure(Administration):
    def setUp(self):
        super().setUp()
        self.init()
        self.node = self.serve()
        self.bearer = token(self.folder)
        self.erased = self.make("Featherstonehaugh")
        self.kept = self.make("Cholmondeley")

    def make(self, family):
        body = {"resourceType": "Patient", "name": [{"family": family}]}
        return self.node.call("POST", "/Patient", self.bearer, body)[1]["Location"].split("/Patient/")[1].split("/")[0]

    def erase(self, *more, check=0):
        return run("--json", "erase", self.folder, "Patient/" + self.erased, "--organisation", NORTH, "--reason", "asked for", *more,
                   check=check)

    def backup(self, name):
        folders = ["--data", f"{self.scratch}/{name}-data", "--keys", f"{self.scratch}/{name}-keys"]
        run("backup", self.folder, *folders, check=0)

    def read(self, patient):
        return self.node.call("GET", "/Patient/" + patient, self.bearer)[0]

    def found(self, family):
        return json.loads(self.node.call("GET", "/Patient?family=" + family, self.bearer)[2])["total"]

    def restart_from(self, data, keys):
        self.node.stop()
        shutil.rmtree(self.folder)
        run("restore", self.folder, "--data", f"{self.scratch}/{data}-data", "--keys", f"{self.scratch}/{keys}-keys", check=0)
        self.node = self.serve()

    def test_what_is_erased_is_gone_and_its_existence_stays_provable(self):
        self.assertEqual(self.found("Featherstonehaugh"), 1)
        self.assertNotIn("erased", self.proven("Patient/" + self.erased))
        self.assertEqual(json.loads(self.erase().stdout), {"erased": [1]})
        self.assertEqual((self.read(self.erased), self.read(self.kept)), (410, 200))
        self.assertEqual((self.found("Featherstonehaugh"), self.found("Cholmondeley")), (0, 1))
        self.await_proof_of_erasure("Patient/" + self.erased)
        self.assertEqual(json.loads(self.erase().stdout), {"erased": [1]}, "again is fine")
        begun, done = map(details_of, self.audited(self.node, "erase", "asked for")[:2])
        self.assertIn('"begun":true', begun)
        self.assertNotIn("begun", done)
        self.node.stop()
        run("audit", self.folder, check=0)

    def test_one_version_goes_and_the_others_stay(self):
        for family in ("Second", "Third"):
            body = {"resourceType": "Patient", "id": self.erased, "name": [{"family": family}]}
            self.assertEqual(self.node.call("PUT", "/Patient/" + self.erased, self.bearer, body)[0], 200)
        self.assertEqual(json.loads(self.erase("--record-version", "2").stdout), {"erased": [2]})
        history = "/Patient/" + self.erased + "/_history/"
        self.assertEqual([self.node.call("GET", history + str(one), self.bearer)[0] for one in (1, 2, 3)], [200, 410, 200])
        self.erase("--record-version", "9", check=3)
        self.assertEqual(sorted(json.loads(self.erase().stdout)["erased"]), [1, 2, 3])
        self.assertEqual(self.read(self.erased), 410)

    def test_a_legal_hold_refuses_until_it_is_lifted_and_comes_back_with_a_backup(self):
        about = [self.folder, "Patient/" + self.erased, "--organisation", NORTH]
        self.assertEqual(json.loads(run("--json", "hold", *about, check=0).stdout), {"held": True})
        self.assertIn("legal hold", self.erase(check=4).stdout)
        self.backup("held")
        self.restart_from("held", "held")
        self.erase(check=4)
        self.assertEqual(self.read(self.erased), 200)
        run("hold", *about, "--lift", check=0)
        self.erase()
        self.assertEqual(self.read(self.erased), 410)
        run("hold", self.folder, "Patient/nobody", "--organisation", NORTH, check=3)

    def test_older_data_under_the_keys_of_today_does_not_bring_it_back_and_older_keys_do(self):
        self.backup("before")
        self.erase()
        self.backup("after")
        self.restart_from("before", "after")
        self.assertEqual((self.read(self.erased), self.read(self.kept)), (410, 200))
        self.assertEqual(self.found("Featherstonehaugh"), 0)
        self.node.stop()
        run("audit", self.folder, check=0)
        self.restart_from("before", "before")  # why the older backup of the keys has to go
        self.assertEqual(self.read(self.erased), 200)

    def test_what_the_ledger_could_not_be_told_it_is_told_at_the_next_start(self):
        self.node.stop()
        registry = [self.folder, "--organisation", NORTH]
        run("registry", "suspend", *registry, check=0)
        self.node = self.serve()
        self.assertIn("erased here", self.erase(check=4).stdout)
        self.assertEqual(self.read(self.erased), 410)
        self.assertNotIn("erased", self.proven("Patient/" + self.erased))
        self.node.stop()
        run("registry", "reinstate", *registry, check=0)
        self.node = self.serve()
        self.await_proof_of_erasure("Patient/" + self.erased)

    def test_only_an_administrator_erases_and_holds(self):
        order = {"type": "Patient", "id": self.erased, "reason": "because", "held": True}
        for path in ("/admin/v1/erase", "/admin/v1/hold", "/admin/v1/accredit", "/admin/v1/revoke"):
            self.assertEqual(http(self.node.origin + path, "POST", None, order)[0], 401, path)
            for role in ("clinician", "system", "auditor"):
                bearer = token(self.folder, NORTH, "--role", role)
                self.assertEqual(http(self.node.origin + path, "POST", bearer, order)[0], 403, (path, role))
        own = token(self.folder, NORTH, "--role", "patient", "--patient", self.erased)
        self.assertEqual(http(self.node.origin + "/admin/v1/erase", "POST", own, order)[0], 403)
        self.assertEqual(self.read(self.erased), 200)
        bearer = token(self.folder, NORTH, "--role", "administrator")
        for bad in ({}, {**order, "reason": ""}, {**order, "version": "1"}, {**order, "version": -1}, ["erase"]):
            self.assertIn(http(self.node.origin + "/admin/v1/erase", "POST", bearer, bad)[0], (400, 404, 422), bad)
        self.assertEqual(self.read(self.erased), 200)


class Registry(Administration):
    def registry(self, what, *more, organisation=NORTH, check=0):
        return run("--json", "registry", what, self.folder, "--organisation", organisation, *more, check=check)

    def test_practitioners_and_devices_are_accredited_renewed_and_revoked(self):
        self.init()
        node = self.serve()
        holder = json.loads(self.registry("accredit", "--role", "nurse", "--until", "2090-01-31").stdout)["holder"]
        self.registry("renew", "--holder", holder, "--until", "2091-02-01")
        self.registry("revoke", "--holder", holder)
        self.assertIn("accreditation_revoked", self.registry("renew", "--holder", holder, "--until", "2092-02-01", check=4).stdout)
        self.registry("accredit", "--role", "wizard", "--until", "2090-01-31", check=5)
        for never in ("2090-02-31", "2090-2-28", "31.01.2090", "1969-12-31"):
            self.registry("accredit", "--role", "nurse", "--until", never, check=5)
        self.assertIn("licence_expired", self.registry("accredit", "--role", "nurse", "--until", "2001-01-01", check=4).stdout)
        self.registry("revoke", "--holder", "00" * 32, check=4)
        self.registry("revoke", "--holder", "somebody", check=5)
        listed = json.loads(self.registry("list").stdout)
        mine = {one["holder"]: one for one in listed["accredited"]}[holder]
        self.assertEqual((mine["role"], mine["valid_to"], mine["revoked"]), ("nurse", "2091-02-01", True))
        changes = self.audited(node, "configuration", holder)
        self.assertEqual(["begun" in details_of(one) for one in changes[:2]], [True, False])

    def test_members_are_admitted_suspended_and_reinstated_by_the_founder(self):
        self.init()
        self.registry("admit", "--kind", "clinic", organisation="East Clinic")
        self.registry("admit", organisation="East Clinic", check=4)
        self.registry("admit", "--kind", "castle", organisation="Castle", check=5)
        self.registry("suspend", organisation="East Clinic")
        self.registry("suspend", organisation="East Clinic", check=4)
        self.registry("suspend", organisation="Nobody", check=3)
        listed = json.loads(self.registry("list").stdout)
        self.assertEqual({one["name"]: (one["kind"], one["status"]) for one in listed["organisations"]},
                         {NORTH: ("hospital", "active"), "East Clinic": ("clinic", "suspended")})
        node = self.serve()
        self.assertIn("stop it first", run("registry", "reinstate", self.folder, "--organisation", "East Clinic", check=8).stderr)
        bearer = token(self.folder, "East Clinic")  # a suspended member goes on keeping its records
        self.assertEqual(node.call("GET", "/Patient?_count=1", bearer, organisation="East Clinic")[0], 200)
        node.stop()
        self.registry("reinstate", organisation="East Clinic")
        node = self.serve()
        body = {"resourceType": "Basic", "code": {"text": "x"}}
        self.assertEqual(node.call("POST", "/Basic", bearer, body, organisation="East Clinic")[0], 201)

    def test_what_the_founder_did_stands_in_the_audit_of_every_organisation_of_the_node(self):
        self.init()
        east = json.loads(self.registry("admit", organisation="East Clinic").stdout)["id"]
        self.registry("suspend", organisation="East Clinic")
        self.registry("suspend", organisation="East Clinic", check=4)
        self.registry("reinstate", organisation="East Clinic")
        node = self.serve()
        acts = [json.dumps(act, separators=(",", ":")) for act in (
            {"admitted": "East Clinic", "begun": True}, {"admitted": "East Clinic"},
            {"suspended": east, "begun": True}, {"suspended": east}, {"suspended": east, "begun": True}, {"suspended": east},
            {"reinstated": east, "begun": True}, {"reinstated": east})]
        outcomes = ["0"] * 5 + ["8"] + ["0"] * 2  # the ledger refused the second suspension
        for organisation, first in ((NORTH, 0), ("East Clinic", 1)):  # the one that came knows of its coming, and of what came after
            found = [event for event in self.audited(node, "configuration", organisation=organisation) if details_of(event) in acts]
            self.assertEqual([details_of(event) for event in found], acts[first:], organisation)
            self.assertEqual([event["outcome"] for event in found], outcomes[first:], organisation)

    def test_an_admission_that_was_cut_off_is_ended_by_the_same_command(self):
        self.init()
        config = os.path.join(self.folder, "careledger.json")
        shutil.copy(config, self.scratch + "/config")
        first = json.loads(self.registry("admit", organisation=SOUTH).stdout)["id"]
        shutil.copy(self.scratch + "/config", config)  # as after a crash before the last step
        self.assertEqual(json.loads(self.registry("admit", organisation=SOUTH).stdout)["id"], first)
        listed = json.loads(self.registry("list").stdout)
        self.assertEqual(sorted(one["name"] for one in listed["organisations"]), sorted([NORTH, SOUTH]))
        self.registry("list", organisation=SOUTH)

    def test_an_admission_that_could_not_be_recorded_by_the_newcomer_is_ended_by_the_same_command(self):
        self.init()
        in_the_way = os.path.join(self.folder, "organisations", "south-clinic", "audit")
        os.makedirs(os.path.dirname(in_the_way), mode=0o700)
        with open(in_the_way, "w", encoding="ascii"):
            pass
        self.registry("admit", organisation=SOUTH, check=7)
        os.unlink(in_the_way)
        self.registry("admit", organisation=SOUTH)
        self.registry("admit", organisation=SOUTH, check=4)
        node = self.serve()
        self.assertEqual(len(self.audited(node, "configuration", '{"admitted":"South Clinic"}', organisation=SOUTH)), 1)


if __name__ == "__main__":
    unittest.main()

"""SIGKILL at random times under load, again and again on one folder. Usage: crash_test.py CARELEDGER [SEED]

After every kill: what was acknowledged is there, a transaction is there in full or not at all, every stored version is anchored and
stands in the audit map exactly once, and `audit` finds nothing at the end.
The steps at which a process can die are walked one by one by *faults_test.cpp and crash_test.cpp of
storage, replica and vault; this shows that their sum holds.
"""

import collections
import http.client
import json
import random
import signal
import sys
import threading
import time
import unittest
import urllib.error

SEED = int(sys.argv.pop(2)) if len(sys.argv) > 2 and sys.argv[2].isdigit() else 20_260_101

from node import NORTH, SOUTH, Scratch, http as call, run, token

ROUNDS = 8
PER_TRANSACTION = 20
GONE = (OSError, urllib.error.URLError, http.client.HTTPException, ConnectionError)


def group(number):
    """A transaction whose entries can be found together."""
    tag = {"coding": [{"system": "urn:group", "code": str(number)}]}
    entry = {"resource": {"resourceType": "Observation", "status": "final", "code": tag},
             "request": {"method": "POST", "url": "Observation"}}
    return {"resourceType": "Bundle", "type": "transaction", "entry": [entry] * PER_TRANSACTION}


class Killed(Scratch):
    def setUp(self):
        super().setUp()
        self.init(NORTH, SOUTH)
        self.acknowledged, self.tried, self.singles = set(), set(), set()

    def load(self, node, worker):
        for number in range(1_000_000):
            name = worker * 1_000_000_000 + self.round * 1_000_000 + number
            try:
                if number % 3 == 0:
                    self.tried.add(name)
                    if node.call("POST", "/", self.token, group(name))[0] == 200:
                        self.acknowledged.add(name)
                else:
                    one = f"w{name}"
                    if node.call("PUT", "/Basic/" + one, self.token, {"resourceType": "Basic", "id": one, "code": {"text": "x"}})[0] == 201:
                        self.singles.add(one)
            except GONE:
                return

    def check(self, node):
        for one in self.singles:
            self.assertEqual(node.call("GET", "/Basic/" + one, self.token)[0], 200, one)
        for name in self.tried:
            body = json.loads(node.call("GET", f"/Observation?code=urn:group|{name}&_total=accurate&_count=0", self.token)[2])
            wanted = (PER_TRANSACTION,) if name in self.acknowledged else (0, PER_TRANSACTION)
            self.assertIn(body["total"], wanted, name)

    def all_of(self, node, path, bearer):
        """The resources of a search, page by page."""
        found = []
        while path:
            bundle = json.loads(node.call("GET", path, bearer)[2])
            found += [entry["resource"] for entry in bundle.get("entry", [])]
            path = next((link["url"].split("/fhir")[1] for link in bundle["link"] if link["relation"] == "next"), None)
        return found

    def check_recorded(self, node):
        """Every single write has one entry, by name; every transaction one, by the commit that it says."""
        stored = collections.Counter(resource["id"] for resource in self.all_of(node, "/Basic?_count=1000", self.token))
        observations = self.all_of(node, "/Observation?_count=1000", self.token)
        singles, commits = collections.Counter(), collections.Counter()
        for event in self.all_of(node, "/AuditEvent?_count=1000", token(self.folder, NORTH, "--role", "auditor")):
            entity = event.get("entity", [{}])[0]
            name = entity.get("what", {}).get("reference", "")
            if name.startswith("Basic/") and event["action"] in "CU" and event["outcome"] == "0":
                singles[name.split("/")[1]] += 1
            details = json.loads(entity.get("detail", [{"valueString": "{}"}])[0]["valueString"])
            if "commit" in details:
                commits[details["commit"]] += 1
        self.assertEqual(singles, stored)
        self.assertEqual(set(commits.values()), {1})
        self.assertEqual(len(commits) * PER_TRANSACTION, len(observations))

    def status(self, node):
        return json.loads(call(node.origin + "/admin/v1/status", token=token(self.folder, NORTH, "--role", "administrator"))[2])

    def test_nothing_acknowledged_is_lost_and_nothing_is_half_there(self):
        chance = random.Random(SEED)
        print("seed", SEED, file=sys.stderr)
        for self.round in range(ROUNDS):
            node = self.serve()
            self.token = token(self.folder)
            if self.round:
                self.check(node)
            workers = [threading.Thread(target=self.load, args=(node, worker)) for worker in range(3)]
            for worker in workers:
                worker.start()
            time.sleep(chance.uniform(0.05, 1.5))  # the random time is what is tested
            node.stop(signal.SIGKILL)
            for worker in workers:
                worker.join()
        self.assertGreater(len(self.acknowledged) + len(self.singles), ROUNDS)
        node = self.serve()
        self.check(node)
        deadline = time.monotonic() + 60
        while self.status(node)["waiting_for_anchor"] and time.monotonic() < deadline:
            call(node.origin + "/readyz")
        self.assertEqual(self.status(node)["waiting_for_anchor"], 0)
        self.check_recorded(node)
        node.stop()
        run("audit", self.folder, check=0)


if __name__ == "__main__":
    unittest.main()

"""What an operator and an auditor see of a node: its own acts, failed logins, metrics, log. Usage: operator_test.py CARELEDGER"""

import json
import unittest

from node import NORTH, Scratch, details_of, http, outcome_of, token


class Operator(Scratch):
    def setUp(self):
        super().setUp()
        self.init()
        self.node = self.serve()

    def test_the_node_records_its_start_its_configuration_its_tokens_and_its_stop(self):
        self.assertIn('"seal":"key-file"', details_of(self.audited(self.node, "start")[-1]))
        self.assertIn('"tls":false', details_of(self.audited(self.node, "configuration")[-1]))
        patients = token(self.folder, NORTH, "--role", "patient", "--patient", "somebody")
        issued = [details_of(event) for event in self.audited(self.node, "key-use")]
        self.assertTrue(any('"actor":"Patient/somebody"' in one for one in issued), issued)
        self.assertFalse(any(patients in one for one in issued))
        self.node.stop()
        self.node = self.serve()
        self.assertEqual(len(self.audited(self.node, "stop")), 1)
        self.assertEqual(len(self.audited(self.node, "start")), 2)

    def test_failed_logins_are_recorded_at_every_door(self):
        for door, path in (("admin", "/admin/v1/status"), ("patient", "/patient/v1/relationship"), ("fhir", "/fhir/Patient/1")):
            self.assertEqual(http(self.node.origin + path)[0], 401)
            self.assertTrue(any(f'"door":"{door}"' in details_of(one) for one in self.audited(self.node, "failed-login")), door)

    def test_what_the_server_refuses_by_itself_below_fhir_is_an_outcome(self):
        status, headers, body = self.node.call("GET", "/Patient?name=" + "a" * 9000, token(self.folder))
        self.assertEqual(status, 414)
        self.assertIn("too long", outcome_of(body))
        self.assertIn("application/fhir+json", headers["Content-Type"])

    def test_metrics_tell_what_an_operator_must_know(self):
        for name in ("waiting_for_anchor", "anchors_refused", "audit_entries", "audit_entries_without_head", "audit_heads_refused",
                     "disk_free_bytes"):
            self.assertIsNotNone(self.node.metric('careledger_%s{organisation="north-hospital"}' % name), name)
        self.assertGreater(self.node.metric("careledger_disk_free_bytes"), 0)
        self.assertGreater(self.node.metric("careledger_audit_entries{"), 0)

    def test_the_log_is_written_at_once_and_ends_with_the_stop(self):
        self.assertIn("serving", self.node.log())
        self.node.stop()
        self.assertIn("stopped", self.node.log().splitlines()[-1])


if __name__ == "__main__":
    unittest.main()

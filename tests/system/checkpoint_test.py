"""What outsiders remember is held against a ledger, and promises against lists. Usage: checkpoint_test.py CARELEDGER"""

import json
import os
import unittest
import urllib.request

from node import NORTH, Scratch, run


class Remembered(Scratch):
    def test_an_audit_holds_the_ledger_against_a_remembered_checkpoint(self):
        self.init()
        node = self.serve()
        origin = node.fhir[: -len("/fhir")]
        note, trust = os.path.join(self.scratch, "remembered.note"), os.path.join(self.scratch, "trust.json")
        for path, file in (("checkpoint", note), ("trust", trust)):
            with urllib.request.urlopen(origin + "/ledger/v1/" + path, timeout=60) as answer, open(file, "wb") as out:
                out.write(answer.read())
        node.stop()
        run("audit", self.folder, "--checkpoint", note, "--trust", trust, check=0)
        other = self.folder + "-other"
        run("init", other, "--organisation", NORTH, check=0)
        done = run("audit", other, "--checkpoint", note, "--trust", trust, check=1)
        self.assertIn("another ledger", done.stdout)
        with open(note, encoding="utf-8") as file:
            text = file.read()
        with open(note, "w", encoding="utf-8") as file:
            file.write(text.replace(text.split("\n")[1], "1", 1))
        done = run("audit", self.folder, "--checkpoint", note, "--trust", trust, check=1)
        self.assertIn("remembered.note", done.stdout)

    def test_what_is_no_promise_convicts_nobody(self):
        self.init()
        bundle, trust = os.path.join(self.scratch, "list.clpb"), os.path.join(self.scratch, "trust.json")
        self.assertEqual(json.loads(run("--json", "promises", self.folder, "--organisation", NORTH, check=0).stdout), [])
        node = self.serve()
        with urllib.request.urlopen(node.fhir[: -len("/fhir")] + "/ledger/v1/trust", timeout=60) as answer, open(trust, "wb") as out:
            out.write(answer.read())
        node.stop()
        promise = os.path.join(self.scratch, "promise.clpr")
        out = os.path.join(self.scratch, "broken.clpb")
        run("convict", promise, bundle, "--trust", trust, "-o", out, check=3)
        for path, content in ((promise, b"CLPR1\nx"), (bundle, b"CLPB1\nx")):
            with open(path, "wb") as file:
                file.write(content)
        done = json.loads(run("--json", "convict", promise, bundle, "--trust", trust, "-o", out, check=1).stdout)
        self.assertFalse(done["convicted"])
        self.assertFalse(os.path.exists(out))


if __name__ == "__main__":
    unittest.main()

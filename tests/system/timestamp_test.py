"""Time stamps of checkpoints, checked with the real openssl. Usage: timestamp_test.py CARELEDGER"""

import calendar
import json
import os
import subprocess
import time
import unittest

from node import NORTH, Scratch, flip, run, token


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60, check=False)


class Stamps(Scratch):
    def setUp(self):
        super().setUp()
        self.note, self.tsr, self.pem, self.trust = (self.path(name) for name in ("ledger.note", "ledger.tsr", "stamps.pem", "trust.json"))
        self.init()

    def path(self, name):
        return os.path.join(self.scratch, name)

    def authority(self, *more, check=0):
        return run("keys", "timestamp-authority", self.folder, "--organisation", NORTH, *more, check=check)

    def checkpoint(self, *more, check=0):
        return run("checkpoint", self.folder, "--organisation", NORTH, "-o", self.note, *more, check=check)

    def stamp(self):
        self.checkpoint("--timestamp", self.tsr, "--authority-out", self.pem, "--trust-out", self.trust)

    def verify(self, authority=None, data=None):
        return openssl("ts", "-verify", "-data", data or self.note, "-in", self.tsr, "-CAfile", authority or self.pem)

    def expect_verified(self, authority=None):
        done = self.verify(authority)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Verification: OK", done.stdout + done.stderr)

    def expect_refused(self, authority=None):
        self.assertNotEqual(self.verify(authority).returncode, 0)


class OwnCertificate(Stamps):
    def test_openssl_accepts_the_stamp_of_a_checkpoint_and_of_nothing_else(self):
        self.assertIn("timestamp-authority makes it", self.checkpoint("--timestamp", self.tsr, check=3).stderr)
        node = self.serve()
        self.authority("-o", self.path("made.pem"))
        self.create(node, token(self.folder))
        before = time.time()
        self.stamp()
        self.expect_verified()
        self.expect_verified(self.path("made.pem"))
        self.authority("-o", self.path("again.pem"))
        with open(self.path("made.pem"), encoding="ascii") as made, open(self.path("again.pem"), encoding="ascii") as again:
            self.assertEqual(made.read(), again.read())
        shown = openssl("ts", "-reply", "-in", self.tsr, "-text").stdout
        self.assertIn("Status: Granted", shown)
        stamped = [line for line in shown.splitlines() if line.startswith("Time stamp: ")][0].split(": ", 1)[1]
        at = calendar.timegm(time.strptime(stamped, "%b %d %H:%M:%S %Y GMT"))
        self.assertLess(abs(at - before), 60, stamped)
        node.stop()
        run("audit", self.folder, "--checkpoint", self.note, "--trust", self.trust, check=0)
        for path in (self.note, self.tsr):
            flip(path)
            self.expect_refused()
            flip(path)
        self.expect_verified()

    def test_every_stamp_is_recorded_and_no_key_is_shown(self):
        node = self.serve()
        self.authority("-o", self.pem)
        self.stamp()
        details = [event["entity"][0]["detail"][0]["valueString"] for event in self.audited(node, "key-use", '"key":"timestamp"')]
        self.assertEqual([json.loads(one)["act"] for one in details], ["certificate", "certificate", "stamp"])
        self.assertTrue(json.loads(details[0])["begun"])
        listed = json.loads(run("--json", "keys", "list", self.folder, "--organisation", NORTH, check=0).stdout)
        self.assertEqual([one["public_key"] for one in listed if one["purpose"] == "timestamp"], [""])

    def test_another_key_wants_another_certificate_and_a_backup_brings_both_back(self):
        self.authority()
        self.stamp()
        first, first_pem = (self.note, self.tsr), self.path("first.pem")
        os.rename(self.pem, first_pem)
        self.note, self.tsr = self.path("second.note"), self.path("second.tsr")
        self.authority("--new-key")
        self.stamp()
        self.expect_verified()
        self.expect_refused(first_pem)
        self.assertEqual(openssl("ts", "-verify", "-data", first[0], "-in", first[1], "-CAfile", first_pem).returncode, 0)
        data, keys, restored = (self.path(name) for name in ("data", "keys", "restored"))
        run("backup", self.folder, "--data", data, "--keys", keys, check=0)
        run("restore", restored, "--data", data, "--keys", keys, "--key-file", self.folder + ".key", check=0)
        with open(self.pem, encoding="ascii") as file:
            before = file.read()
        run("checkpoint", restored, "--organisation", NORTH, "-o", self.note, "--timestamp", self.tsr, "--authority-out", self.pem,
            "--key-file", self.folder + ".key", check=0)
        with open(self.pem, encoding="ascii") as file:
            self.assertEqual(file.read(), before)
        self.expect_verified()


class OutsideAuthority(Stamps):
    """The organisation has a certificate authority, made here with openssl; its key never meets the node's."""

    def setUp(self):
        super().setUp()
        self.root, self.root_key, self.request = self.path("root.pem"), self.path("root.key"), self.path("stamps.csr")
        done = openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2", "-subj",
                       "/CN=North Hospital Root", "-keyout", self.root_key, "-out", self.root)
        self.assertEqual(done.returncode, 0, done.stderr)

    def sign(self, extensions, out, days="2"):
        config = self.path("extensions.cnf")
        with open(config, "w", encoding="ascii") as file:
            file.write(extensions)
        done = openssl("x509", "-req", "-in", self.request, "-CA", self.root, "-CAkey", self.root_key, "-days", days, "-extfile", config,
                       "-out", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        return out

    def test_its_certificate_is_taken_and_any_that_is_not_for_stamps_alone_is_refused(self):
        self.authority("--request-out", self.request)
        shown = openssl("req", "-in", self.request, "-noout", "-text", "-verify").stdout
        self.assertIn("Time Stamping", shown)
        bad = {"none": "", "not critical": "extendedKeyUsage=timeStamping\n", "another": "extendedKeyUsage=critical,serverAuth\n",
               "two": "extendedKeyUsage=critical,timeStamping,serverAuth\n",
               "for signing certificates": "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,keyCertSign\n"}
        for name, extensions in bad.items():
            refused = self.authority("--certificate", self.sign(extensions, self.path("bad.pem")), check=5)
            self.assertIn("not for time stamps", refused.stderr, name)
        self.assertIn("another key", self.authority("--certificate", self.root, check=5).stderr)
        self.checkpoint("--timestamp", self.tsr, check=3)
        good = self.sign("extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n", self.path("good.pem"))
        self.authority("--certificate", good)
        self.stamp()
        self.expect_verified(self.root)

    def test_it_replaces_a_certificate_of_our_own_and_a_refused_one_changes_nothing(self):
        self.authority()
        self.authority("--request-out", self.request)
        self.authority("--certificate", self.sign("", self.path("bad.pem")), check=5)
        self.stamp()
        self.expect_verified()
        self.expect_refused(self.root)
        self.authority("--certificate", self.sign("extendedKeyUsage=critical,timeStamping\n", self.path("good.pem")))
        self.stamp()
        self.expect_verified(self.root)

    def test_what_cannot_be_meant_is_told_apart(self):
        self.assertIn("with a request first", self.authority("--certificate", self.root, check=5).stderr)
        self.assertIn("choose one", self.authority("--certificate", self.root, "--request-out", self.request, check=5).stderr)
        self.assertIn("wants --timestamp", self.checkpoint("--authority-out", self.pem, check=5).stderr)
        with open(self.request, "wb") as file:
            file.write(b"\xff\x00 no text")
        self.assertIn("plain text", self.authority("--certificate", self.request, check=5).stderr)
        self.authority("--days", "0", check=2)


if __name__ == "__main__":
    unittest.main()

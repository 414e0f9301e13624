"""A disk that is full and one that cannot be written, with the real binary on a file system of its own. Usage: disk_test.py CARELEDGER

The file systems are mounted in a mount namespace of this process, which only root may make: others see the tests as skipped, with the
reason; storage/faults_test.cpp shows the same on a fault-injecting file layer to everybody.
"""

import ctypes
import json
import os
import signal
import subprocess
import unittest

from node import NORTH, SOUTH, Scratch, http, outcome_of, run, token

CLONE_NEWNS = 0x00020000
MEBIBYTE = 1 << 20


def own_mounts():
    """Why there can be none; empty when this process has mounts of its own now."""
    if os.geteuid() != 0:
        return "only root can mount a small file system for this test"
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        return "this machine does not let root have a mount namespace: " + os.strerror(ctypes.get_errno())
    done = subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, text=True)
    with open("/proc/self/mountinfo", encoding="ascii") as mounts:  # in a changed root, "/" may be no mount that could be changed
        shared = any(" shared:" in line for line in mounts)
    return "mounts cannot be made private: " + done.stderr.strip() if shared else ""


WHY_NOT = own_mounts()


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


@unittest.skipIf(WHY_NOT, WHY_NOT)
class FullDisk(Scratch):
    def setUp(self):
        super().setUp()
        self.disk = os.path.join(self.scratch, "disk")
        os.mkdir(self.disk)
        mount("-t", "tmpfs", "-o", "size=400m", "careledger-test", self.disk)
        self.folder = os.path.join(self.disk, "node")

    def tearDown(self):
        for node in self.nodes:
            if node.process.poll() is None:
                node.stop(signal.SIGKILL)
        subprocess.run(["umount", "-l", self.disk], check=True)
        super().tearDown()

    def free(self):
        found = os.statvfs(self.disk)
        return found.f_bavail * found.f_frsize

    def fill(self, leave):
        """Somebody else's file takes all but `leave` bytes."""
        with open(os.path.join(self.disk, "other"), "ab") as file:
            while (room := self.free() - leave) > 0:
                try:
                    file.write(b"\1" * min(room, MEBIBYTE))
                    file.flush()
                except OSError:
                    return

    def reserve(self):
        return os.path.exists(os.path.join(self.folder, "reserve"))

    def ready(self, node):
        status, _, body = http(node.origin + "/readyz")
        return status, body.decode()

    def test_records_are_refused_while_revocations_and_audit_go_on_until_there_is_room_again(self):
        self.init(NORTH, SOUTH)
        beside = os.path.join(self.scratch, "beside")
        node = self.serve(beside=beside)
        bearer = token(self.folder)
        wallet = os.path.join(self.scratch, "me.wallet")
        run("wallet", "create", wallet, check=0)
        north = self.enrol(node, self.folder, wallet, NORTH, "n1")
        south = self.enrol(node, self.folder, wallet, SOUTH, "s1")
        for _ in range(2):
            run("wallet", "grant", wallet, "--node", north, "--grantee", SOUTH, "--grantee-node", south, "--category", "laboratory",
                check=0)
        kept = self.create(node, bearer)
        self.assertEqual(self.ready(node)[0], 200)
        self.assertTrue(self.reserve())

        # Nearly full: no new record, and the reserve is not touched.
        self.fill(leave=30 * MEBIBYTE)
        status, _, answer = node.call("POST", "/Basic", bearer, {"resourceType": "Basic", "code": {"text": "x"}})
        self.assertEqual(status, 507, answer)
        self.assertIn("no new records are taken until", outcome_of(answer))
        self.assertTrue(self.reserve())
        status, text = self.ready(node)
        self.assertEqual((status, "disk" in text), (503, True), text)
        self.assertEqual(node.metric("careledger_accepting_records"), 0)
        run("wallet", "revoke", wallet, "--node", north, "--number", "1", check=0)

        # Full to the last byte: what must go on lives on the reserve.
        self.fill(leave=0)
        self.assertLess(self.free(), MEBIBYTE)
        accesses = self.accesses(node)
        for _ in range(500):  # what was allocated before takes a few
            self.assertEqual(node.call("GET", "/Basic/" + kept, bearer)[0], 200)
            if not self.reserve():
                break
        self.assertFalse(self.reserve())
        run("wallet", "revoke", wallet, "--node", north, "--number", "2", check=0)
        self.assertEqual(node.metric("careledger_disk_reserve_held"), 0)
        self.assertGreater(node.metric("careledger_alerts_total"), 0)
        self.assertIn("the reserve of 64 MiB is in use now", node.log())
        self.assertGreater(self.accesses(node), accesses)
        status, _, answer = node.call("PUT", "/Patient/n1", bearer, {"resourceType": "Patient", "id": "n1"})
        self.assertEqual(status, 507, answer)
        refused = run("wallet", "log", wallet, "--node", north, check=0)
        self.assertIn("Complete", refused.stdout)

        # Room again: nothing is restarted, everything is taken, the reserve is back.
        os.unlink(os.path.join(self.disk, "other"))
        fresh = self.create(node, bearer)
        self.assertTrue(self.reserve())
        self.assertEqual(self.ready(node)[0], 200)
        self.assertEqual(node.metric("careledger_accepting_records"), 1)
        node.stop()
        again = self.serve(beside=beside)
        for one in (kept, fresh):
            self.assertEqual(again.call("GET", "/Basic/" + one, bearer)[0], 200)
        again.stop()
        run("audit", self.folder, check=0)

    def accesses(self, node):
        bearer = token(self.folder, NORTH, "--role", "administrator")
        return json.loads(http(node.origin + "/admin/v1/status", token=bearer)[2])["accesses"]

    def test_a_node_starts_on_a_full_disk_and_can_be_read(self):
        self.init()
        beside = os.path.join(self.scratch, "beside")
        node = self.serve(beside=beside)
        bearer = token(self.folder)
        kept = self.create(node, bearer)
        node.stop()
        self.fill(leave=0)
        node = self.serve(beside=beside)
        self.assertEqual(node.call("GET", "/Basic/" + kept, bearer)[0], 200)
        self.assertEqual(node.call("POST", "/Basic", bearer, {"resourceType": "Basic", "code": {"text": "x"}})[0], 507)
        node.stop()

    def test_init_without_room_says_so(self):
        self.fill(leave=0)
        done = run("init", self.folder, "--organisation", NORTH)
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertRegex(done.stderr, "(?i)no space|full")


@unittest.skipIf(WHY_NOT, WHY_NOT)
class ReadOnlyDisk(Scratch):
    def test_every_command_that_must_write_says_that_it_cannot(self):
        self.init()
        mount("--bind", self.folder, self.folder)
        try:
            mount("-o", "remount,ro,bind", self.folder)
            for command in ("serve", "audit", "upgrade", "status"):
                done = run(command, self.folder)
                self.assertEqual(done.returncode, 7, (command, done.stdout, done.stderr))
                self.assertIn("Read-only file system", done.stderr, command)
        finally:
            subprocess.run(["umount", "-l", self.folder], check=True)
        run("status", self.folder, check=0)


if __name__ == "__main__":
    unittest.main()

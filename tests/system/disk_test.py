"""A disk that is full and one that cannot be written, with the real binary. Usage: disk_test.py CARELEDGER

Small and read-only file systems are mounted in a mount namespace of this process, which only root may make: others see those tests as
skipped, with the reason. What everybody can make is tried everywhere: folders that may not be written (as root: by another user), and a
limit on the size of files, at which writes fail in the middle. storage/faults_test.cpp has a fault-injecting file layer.
"""

import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import unittest

from node import NORTH, PROGRAM, SOUTH, Scratch, http, outcome_of, run, token

CLONE_NEWNS = 0x00020000
MEBIBYTE = 1 << 20
NOBODY = 65534


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
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=True)
        self.folder = os.path.join(self.disk, "node")

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
        for _ in range(100):  # the node may give something back at this moment
            if self.free() < MEBIBYTE:
                break
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


class FolderWithoutTheRight(Scratch):
    def setUp(self):
        super().setUp()
        self.program = PROGRAM
        self.user = {}
        if os.geteuid() == 0:  # who may write everywhere: another user then, who may not be able to reach the program where it is
            try:
                os.chown(self.scratch, NOBODY, NOBODY)
            except OSError as error:
                self.skipTest(f"there is no other user here: {error}")
            self.program = shutil.copy(PROGRAM, self.scratch)
            self.user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}

    def give(self, folder_mode, file_mode):
        """The scratch folder, the key and everything below the node's folder to the user, with these rights."""
        for path in [self.scratch, self.folder + ".key"] + [os.path.join(at, name) for at, folders, files in os.walk(self.folder)
                                                            for name in [".", *folders, *files]]:
            if self.user:
                os.chown(path, NOBODY, NOBODY)
            os.chmod(path, folder_mode if os.path.isdir(path) else file_mode)

    def run_there(self, *arguments):
        return subprocess.run([self.program, *arguments], capture_output=True, text=True, timeout=120, **self.user)

    def test_every_command_that_must_write_says_that_it_cannot(self):
        self.init()
        self.give(0o700, 0o600)
        self.assertEqual(self.run_there("status", self.folder).returncode, 0)
        self.give(0o500, 0o400)
        try:
            for command in ("serve", "audit", "upgrade", "status"):
                done = self.run_there(command, self.folder)
                self.assertEqual(done.returncode, 7, (command, done.stdout, done.stderr))
                self.assertIn("Permission denied", done.stderr, command)
            done = self.run_there("init", self.folder + "/inside", "--organisation", NORTH)
            self.assertEqual(done.returncode, 7, done.stderr)
            self.assertIn("Permission denied", done.stderr)
            self.assertFalse(os.path.exists(self.folder + "/inside"))
        finally:
            self.give(0o700, 0o600)
        self.assertEqual(self.run_there("audit", self.folder).returncode, 0)


class FilesThatMayNotGrow(Scratch):
    """A limit on the size of files: every write that passes it fails, in the middle, with the process going on."""

    def test_init_that_cannot_write_says_so(self):
        for limit, code, reason in ((1, 7, "File too large"), (1000, 8, "look at its disk")):  # in the keystore, in the ledger
            with self.subTest(limit):
                folder = self.folder + str(limit)
                done = subprocess.run(["prlimit", f"--fsize={limit}", PROGRAM, "init", folder, "--organisation", NORTH],
                                      capture_output=True, text=True, timeout=120)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(reason, done.stderr)
                self.assertFalse(os.path.exists(folder + "/careledger.json"))

    def test_what_cannot_be_written_is_not_acknowledged_and_what_was_is_there(self):
        self.init()
        node = self.serve()
        bearer = token(self.folder)
        kept = [self.create(node, bearer) for _ in range(3)]
        resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        body = {"resourceType": "Basic", "code": {"text": "x"}}
        answers = [node.call("POST", "/Basic", bearer, body) for _ in range(3)]
        for status, _, answer in answers:
            self.assertGreaterEqual(status, 500, answer)
            outcome_of(answer)
        self.assertIsNone(node.process.poll(), "it goes on, and says what is wrong")
        self.assertNotEqual(http(node.origin + "/readyz")[0], 200)
        node.stop(signal.SIGKILL)
        again = self.serve()
        for one in kept:
            self.assertEqual(again.call("GET", "/Basic/" + one, bearer)[0], 200)
        self.create(again, bearer)
        again.stop()
        run("audit", self.folder, check=0)


if __name__ == "__main__":
    unittest.main()

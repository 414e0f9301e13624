"""Data folders that are not as they should be: lost and wrong keys, damage, other formats, old copies. Usage: folders_test.py CARELEDGER"""

import glob
import json
import os
import shutil
import signal
import tarfile
import threading
import unittest

from node import NORTH, SOUTH, Scratch, details_of, flip, http, prove, run, token

FIXTURES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fixtures")


class Keys(Scratch):
    def test_a_lost_key_file_is_named_and_nothing_is_made_in_its_place(self):
        self.init()
        os.rename(self.folder + ".key", self.folder + ".away")
        for command in ("serve", "status", "audit"):
            lost = run(command, self.folder)
            self.assertIn(lost.returncode, (3, 5, 6), lost.stderr)
            self.assertIn(self.folder + ".key", lost.stderr, command)
        self.assertFalse(os.path.exists(self.folder + ".key"))
        os.rename(self.folder + ".away", self.folder + ".key")
        run("status", self.folder, check=0)

    def test_a_wrong_key_file_opens_nothing(self):
        self.init()
        self.init(folder=self.folder + "2")
        wrong = run("serve", self.folder, "--key-file", self.folder + "2.key")
        self.assertEqual(wrong.returncode, 6, wrong.stderr)
        run("status", self.folder, check=0)

    def test_a_wrong_passphrase_opens_nothing(self):
        run("init", self.folder, "--organisation", NORTH, "--passphrase-file", "-", check=0, stdin="right horse\n")
        wrong = run("status", self.folder, "--passphrase-file", "-", stdin="wrong horse\n")
        self.assertEqual(wrong.returncode, 6, wrong.stderr)
        run("status", self.folder, "--passphrase-file", "-", check=0, stdin="right horse\n")

    def test_a_second_process_is_refused_and_the_first_goes_on(self):
        self.init()
        node = self.serve()
        bearer = token(self.folder)
        for command in ("serve", "audit", "upgrade"):
            done = run(command, self.folder)
            self.assertEqual(done.returncode, 8, (command, done.stderr))
            self.assertIn("another careledger process", done.stderr)
        self.create(node, bearer)


class Damage(Scratch):
    def fill(self, count=30):
        self.init()
        node = self.serve()
        bearer = token(self.folder)
        for _ in range(count):
            self.create(node, bearer)
        node.stop()

    def files(self, store, pattern):
        found = sorted(glob.glob(os.path.join(self.folder, store, pattern)), key=os.path.getsize)
        return [path for path in found if os.path.getsize(path) > 0]

    STORES = ("ledger", "organisations/north-hospital/vault/store", "organisations/north-hospital/audit/map")

    def expect_found(self, path):
        """`audit` names the damage. The audit's map follows from its file: where it can be made again, nothing is lost."""
        done = run("audit", self.folder)
        if done.returncode == 0 and "/audit/map/" in path and path.endswith(".log"):
            self.assertIn("30 record versions", done.stdout)
            return
        self.assertIn(done.returncode, (1, 7), (path, done.stdout, done.stderr))
        self.assertIn(os.path.dirname(path), done.stdout + done.stderr, path)

    def test_a_flipped_bit_in_any_store_is_found_and_named(self):
        self.fill()
        for store in self.STORES:
            for pattern in ("*.log", "MANIFEST-*", "CURRENT"):
                for path in self.files(store, pattern)[-1:]:
                    shutil.copy(path, self.scratch + "/kept")
                    flip(path)
                    self.expect_found(path)
                    shutil.copy(self.scratch + "/kept", path)
        run("audit", self.folder, check=0)

    def test_a_truncated_file_is_found_and_named(self):
        self.fill()
        for store in self.STORES:
            for pattern in ("MANIFEST-*", "CURRENT"):
                path = self.files(store, pattern)[-1]
                shutil.copy(path, self.scratch + "/kept")
                os.truncate(path, os.path.getsize(path) // 2)
                self.expect_found(path)
                shutil.copy(self.scratch + "/kept", path)
        run("audit", self.folder, check=0)

    def test_an_audit_that_nobody_watches_tells_its_result_alone(self):
        self.fill(3)
        done = run("audit", self.folder, check=0)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.stdout.count("\n"), 1, done.stdout)

    def test_a_keystore_with_a_flipped_bit_does_not_open(self):
        self.init()
        for path in ("keystore", "organisations/north-hospital/keystore"):
            path = os.path.join(self.folder, path)
            flip(path)
            done = run("status", self.folder)
            self.assertIn(done.returncode, (6, 7), done.stderr)
            self.assertIn(path, done.stderr)
            flip(path)
        run("status", self.folder, check=0)

    def test_an_audit_file_with_a_flipped_bit_is_named_by_its_entry(self):
        self.fill()
        path = os.path.join(self.folder, "organisations/north-hospital/audit/audit.log")
        flip(path)
        done = run("audit", self.folder)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("audit", done.stdout)
        # Without its map it is read from the beginning: damaged, not torn, and not a byte of it may go.
        shutil.rmtree(os.path.join(os.path.dirname(path), "map"))
        with open(path, "rb") as file:
            damaged = file.read()
        for _ in range(2):
            done = run("audit", self.folder)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("audit entry", done.stdout)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), damaged)

    def test_an_end_of_the_audit_file_that_does_not_read_is_put_aside_and_every_audit_says_where(self):
        self.fill(1)
        path = os.path.join(self.folder, "organisations/north-hospital/audit/audit.log")
        self.assertNotIn("Put aside", run("audit", self.folder, check=0).stdout)
        with open(path, "ab") as file:
            file.write(b"broken off")
        for _ in range(2):
            self.assertIn("Put aside: " + path + ".torn", run("audit", self.folder, check=0).stdout)
        self.assertEqual(json.loads(run("--json", "audit", self.folder, check=0).stdout)["put_aside"], [path + ".torn"])


class Formats(Scratch):
    def config(self):
        return os.path.join(self.folder, "careledger.json")

    def write(self, **changes):
        with open(self.config(), encoding="utf-8") as file:
            config = json.load(file)
        config.update(changes)
        with open(self.config(), "w", encoding="utf-8") as file:
            json.dump(config, file)

    def old_folder(self):
        with tarfile.open(os.path.join(FIXTURES, "folder-format-1.tar.xz")) as archive:
            archive.extractall(self.scratch)  # ours; the argument that filters others' came with Python 3.11.4

    def test_a_newer_format_is_refused_naming_both(self):
        self.init()
        self.write(format=99)
        for command in ("serve", "status", "audit", "upgrade"):
            done = run(command, self.folder)
            self.assertEqual(done.returncode, 7, (command, done.stderr))
            self.assertIn("newer", done.stderr)
            self.assertIn("99", done.stderr)
            self.assertIn("knows 2", done.stderr)

    def test_an_older_format_is_upgraded_by_the_command_and_by_nothing_else(self):
        self.old_folder()
        with open(self.config(), "rb") as file:
            before = file.read()
        for command in ("serve", "status", "audit"):
            done = run(command, self.folder)
            self.assertNotEqual(done.returncode, 0, command)
            self.assertIn("older format 1", done.stderr, command)
            self.assertIn("careledger upgrade", done.stderr, command)
        with open(self.config(), "rb") as file:
            self.assertEqual(file.read(), before)
        told = json.loads(run("--json", "upgrade", self.folder, check=0).stdout)
        self.assertEqual((told["upgraded"], told["from"], told["format"]), (True, 1, 2))
        again = json.loads(run("--json", "upgrade", self.folder, check=0).stdout)
        self.assertFalse(again["upgraded"])
        run("audit", self.folder, check=0)
        node = self.serve()
        bearer = token(self.folder)
        status, headers, body = node.call("GET", "/Patient/ada", bearer)
        self.assertEqual((status, headers["ETag"]), (200, 'W/"2"'))
        self.assertEqual(json.loads(body)["birthDate"], "1980-01-02")
        self.assertIn(b"61.5", node.call("GET", "/Observation/pulse", bearer)[2])
        self.create(node, bearer)
        upgrades = [details_of(event) for event in self.audited(node, "configuration", "upgraded")]
        self.assertEqual(upgrades, ['{"upgraded":2,"from":1}', '{"upgraded":2,"from":2}'])

    def test_a_format_that_never_was_is_refused(self):
        self.init()
        for wrong in (0, -1, "2", None):
            self.write(format=wrong)
            self.assertNotEqual(run("upgrade", self.folder).returncode, 0, wrong)


class Backups(Scratch):
    def where(self, name):
        return ["--data", os.path.join(self.scratch, name + "-data"), "--keys", os.path.join(self.scratch, name + "-keys")]

    def test_a_serving_node_is_backed_up_while_it_takes_writes(self):
        self.init(NORTH, SOUTH)
        node = self.serve()
        bearer = token(self.folder)
        before = [self.create(node, bearer) for _ in range(20)]
        written, stop = [], threading.Event()

        def write():
            while not stop.is_set():
                written.append(self.create(node, bearer))

        writer = threading.Thread(target=write)
        writer.start()
        try:
            run("backup", self.folder, *self.where("live"), check=0)
        finally:
            stop.set()
            writer.join()
        self.assertTrue(written)
        after = self.create(node, bearer)
        node.stop()
        run("backup", self.folder, *self.where("live"), "--verify", check=0)
        os.rename(self.folder, self.folder + ".lost")
        run("restore", self.folder, *self.where("live"), check=0)
        run("audit", self.folder, check=0)
        node = self.serve()
        for one in before:
            self.assertEqual(node.call("GET", "/Basic/" + one, bearer)[0], 200)
        self.assertEqual(node.call("GET", "/Basic/" + after, bearer)[0], 404)
        self.create(node, bearer)

    def test_only_an_administrator_makes_a_backup(self):
        self.init()
        node = self.serve()
        target = node.origin + f"/admin/v1/backup?part=records&data={self.scratch}/d&keys={self.scratch}/k"
        self.assertEqual(http(target, "POST", token(self.folder))[0], 403)
        self.assertEqual(http(target, "POST")[0], 401)
        administrator = token(self.folder, NORTH, "--role", "administrator")
        self.assertEqual(http(target.replace("records", "everything"), "POST", administrator)[0], 422)
        self.assertFalse(os.path.exists(self.scratch + "/d"))

    def test_neither_backup_nor_restore_writes_over_anything(self):
        self.init()
        run("backup", self.folder, *self.where("first"), check=0)
        self.assertEqual(run("backup", self.folder, *self.where("first")).returncode, 4)
        done = run("restore", self.folder, *self.where("first"))
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("not empty", done.stderr)
        run("status", self.folder, check=0)

    def test_an_older_ledger_under_a_witness_that_remembers_more_is_refused(self):
        self.init()
        node = self.serve()
        bearer = token(self.folder)
        self.create(node, bearer)
        node.stop()
        run("backup", self.folder, *self.where("old"), check=0)
        node = self.serve()
        patient = self.create(node, bearer, "Patient")
        prove(self.folder, "Patient/" + patient, "--organisation", NORTH, "-o", self.scratch + "/p", "--trust-out", self.scratch + "/t")
        node.stop()
        remembered = os.path.join(self.folder, "organisations/north-hospital/witness")
        shutil.copy(remembered, self.scratch + "/witness")
        os.rename(self.folder, self.folder + ".newer")
        run("restore", self.folder, *self.where("old"), check=0)
        shutil.copy(self.scratch + "/witness", remembered)
        for command in ("serve", "status"):
            done = run(command, self.folder)
            self.assertEqual(done.returncode, 7, done.stderr)
            self.assertIn("remembers", done.stderr)
            self.assertIn("an older copy was put in the place of a newer one", done.stderr)
        shutil.rmtree(self.folder)
        os.rename(self.folder + ".newer", self.folder)
        run("status", self.folder, check=0)

    def test_an_older_audit_file_under_a_newer_map_is_refused(self):
        self.init()
        node = self.serve()
        bearer = token(self.folder)
        self.create(node, bearer)
        node.stop()
        path = os.path.join(self.folder, "organisations/north-hospital/audit/audit.log")
        shutil.copy(path, self.scratch + "/older")
        node = self.serve()
        for _ in range(5):
            self.create(node, bearer)
        node.stop()
        shutil.copy(self.scratch + "/older", path)
        done = run("serve", self.folder)
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertIn("older copy", done.stderr)

    def test_an_older_vault_beside_a_newer_ledger_and_audit_map_is_refused(self):
        self.init()
        node = self.serve()
        bearer = token(self.folder)
        self.create(node, bearer)
        node.stop()
        vault = os.path.join(self.folder, "organisations/north-hospital/vault")
        shutil.copytree(vault, self.scratch + "/older")
        node = self.serve()
        lost = self.create(node, bearer)
        node.stop()
        os.rename(vault, self.scratch + "/newer")
        shutil.copytree(self.scratch + "/older", vault)
        done = run("serve", self.folder)
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertIn("an older copy of the vault", done.stderr)
        done = run("audit", self.folder)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("knows of 2 record versions", done.stdout)
        # Whoever takes the map away as well still has the file that it is made from: the audit names what is not there.
        shutil.copytree(self.folder, self.folder + "2")
        shutil.copy(self.folder + ".key", self.folder + "2.key")
        shutil.rmtree(self.folder + "2/organisations/north-hospital/audit/map")
        done = run("audit", self.folder + "2")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(f"Basic/{lost}/_history/1: was written", done.stdout)
        shutil.rmtree(vault)
        os.rename(self.scratch + "/newer", vault)
        run("audit", self.folder, check=0)

    def test_a_wallet_that_has_seen_more_tells_of_an_older_history(self):
        self.init(NORTH, SOUTH)
        node = self.serve()
        wallet = os.path.join(self.scratch, "me.wallet")
        run("wallet", "create", wallet, check=0)
        self.enrol(node, self.folder, wallet, NORTH, "n1")
        node.stop()
        run("backup", self.folder, *self.where("old"), check=0)
        node = self.serve()
        run("wallet", "log", wallet, "--node", node.origin, check=0)
        bearer = token(self.folder)
        for _ in range(3):
            node.call("GET", "/Patient/n1", bearer)
        run("wallet", "log", wallet, "--node", node.origin, check=0)
        node.stop(signal.SIGKILL)
        os.rename(self.folder, self.folder + ".newer")
        run("restore", self.folder, *self.where("old"), check=0)
        node = self.serve()
        done = run("wallet", "log", wallet, "--node", node.origin)
        self.assertEqual(done.returncode, 7, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()

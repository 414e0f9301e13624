"""The Debian package is installed into a folder of its own, and works there. Usage: package_test.py CARELEDGER COMETBFT PACKAGE

What the package needs is checked by dpkg itself, against a copy of this machine's list of packages; nothing of the running system is
changed.
"""

import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM, ENGINE, PACKAGE = (os.path.abspath(path) for path in sys.argv[1:4])
del sys.argv[1:4]
sys.path.append(str(ROOT / "tests/system"))
sys.argv.insert(1, PROGRAM)  # which node.py takes
import node  # noqa: E402

SERVICE = "usr/lib/systemd/system/careledger@.service"
EPOCH = "1700000000"  # of the package, as CMakeLists.txt says too
EXPOSURE_MAX = 15  # of 100, as `systemd-analyze security` counts; most services of Debian have more than 90


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, check=False, **options)


def build(out):
    done = run(sys.executable, "-B", ROOT / "tools/package.py", PROGRAM, ENGINE, out, env=dict(os.environ, SOURCE_DATE_EPOCH=EPOCH))
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    return pathlib.Path(done.stdout.strip())


class Machine:
    """An empty machine in a folder: dpkg's own records, and no package but those that are said to be there."""

    def __init__(self, root, status):
        self.root = root
        (root / "var/lib/dpkg/info").mkdir(parents=True)
        (root / "var/lib/dpkg/updates").mkdir()
        (root / "var/lib/dpkg/status").write_text(status, encoding="utf-8")
        (root / "etc").mkdir()

    def dpkg(self, *arguments):
        as_root = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"  # where dpkg looks for what it needs; a user's own has neither
        return run(*as_root, "dpkg", f"--root={self.root}", "--force-script-chrootless", "--no-triggers", f"--log={self.root}/dpkg.log",
                   "--path-include=/*", *arguments, env=dict(os.environ, PATH=path))


def known_packages(without=""):
    """This machine's list of packages, as if none had left files to be looked for."""
    stanzas = pathlib.Path("/var/lib/dpkg/status").read_text(encoding="utf-8").split("\n\n")
    named = {stanza.split("\n", 1)[0].removeprefix("Package: "): stanza for stanza in stanzas if stanza.strip()}
    return "\n\n".join(stanza for name, stanza in named.items() if name not in (without, "careledger")) + "\n\n"


class Scene:
    """What all tests look at: made once."""
    folder = root = None
    package = pathlib.Path(PACKAGE)


def setUpModule():
    Scene.folder = pathlib.Path(tempfile.mkdtemp(prefix="careledger-package-"))
    unittest.addModuleCleanup(shutil.rmtree, Scene.folder)
    machine = Machine(Scene.folder / "machine", known_packages())
    installed = machine.dpkg("--install", Scene.package)
    if installed.returncode != 0:
        raise AssertionError(installed.stdout + installed.stderr)
    Scene.root = machine.root


class Installed(unittest.TestCase):
    def setUp(self):
        self.package, self.root = Scene.package, Scene.root

    def scratch(self):
        return pathlib.Path(tempfile.mkdtemp(prefix="scratch-", dir=Scene.folder))

    def read_gz(self, path):
        return gzip.decompress((self.root / path).read_bytes()).decode()


class Package(Installed):
    def test_the_same_inputs_give_the_same_bytes(self):
        self.assertEqual(build(Scene.folder / "again").read_bytes(), self.package.read_bytes())

    def test_it_is_not_installed_where_a_library_is_missing(self):
        poor = Machine(self.scratch() / "machine", known_packages(without="librocksdb7.8"))
        refused = poor.dpkg("--install", self.package)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("librocksdb7.8", refused.stdout + refused.stderr)

    def test_every_file_belongs_to_root_and_nobody_else_writes_it(self):
        listed = run("dpkg-deb", "--contents", self.package).stdout.splitlines()
        self.assertGreater(len(listed), 20)
        for line in listed:
            self.assertRegex(line, r"^([-d]rw[-x]r-[-x][-r]-[-x]|lrwxrwxrwx) root/root ", line)
        self.assertEqual(run("md5sum", "--quiet", "--check", self.root / "var/lib/dpkg/info/careledger.md5sums", cwd=self.root).stdout, "")

    def test_a_user_of_its_own_is_made(self):
        users = (self.root / "etc/passwd").read_text(encoding="utf-8")
        self.assertRegex(users, r"(?m)^careledger:x?!?\*?:\d+:\d+:CareLedger nodes:/var/lib/careledger:/usr/sbin/nologin$")

    def test_the_installed_program_founds_a_ledger_and_serves_it(self):
        program, folder = str(self.root / "usr/bin/careledger"), str(self.scratch() / "north")
        version = json.loads(run(program, "--json", "version").stdout)["version"]
        self.assertEqual(self.package.name, f"careledger_{version}_amd64.deb")
        self.assertEqual(run("dpkg-deb", "--field", self.package, "Version").stdout.strip(), version)
        node.PROGRAM = program
        node.run("init", folder, "--organisation", node.NORTH, check=0)
        serving = node.Node(folder)
        self.addCleanup(serving.end)
        status, _, body = serving.call("GET", "/metadata")
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(body)["resourceType"], "CapabilityStatement")
        serving.stop()

    def test_the_engine_lies_where_the_program_looks_for_it(self):
        program = (self.root / "usr/bin/careledger").resolve()
        engine = program.parent / "cometbft"
        self.assertEqual(run(engine, "version").stdout.strip(), run(ENGINE, "version").stdout.strip())

    def test_what_it_contains_is_listed_and_licensed(self):
        sbom = json.loads(self.read_gz("usr/share/doc/careledger/sbom.spdx.json.gz"))
        names = {package["name"] for package in sbom["packages"]}
        some = {"careledger", "librocksdb7.8", "ed25519-zebra", "github.com/cometbft/cometbft", "golang.org/x/crypto"}
        self.assertEqual(some - names, set())
        digest = run("sha256sum", self.root / "usr/lib/careledger/careledger").stdout.split()[0]
        self.assertEqual(sbom["packages"][0]["checksums"][0]["checksumValue"], digest)
        licences = self.read_gz("usr/share/doc/careledger/third-party-licences.txt.gz")
        for part in ("The Go standard library", "Go module github.com/cometbft/cometbft ", "The Rust standard library", "Rust crate hpke ",
                     "Debian package libcli11-dev"):
            self.assertIn("\n" + part, "\n" + licences)
        self.assertIn("Apache-2.0", (self.root / "usr/share/doc/careledger/copyright").read_text(encoding="utf-8"))

    def test_the_manual_names_every_command(self):
        page = self.read_gz("usr/share/man/man1/careledger.1.gz")
        commands = re.findall(r"^  ([a-z-]+) ", run(PROGRAM, "--help").stdout.split("Subcommands:")[1].split("\n\n")[0], re.M)
        self.assertGreater(len(commands), 20)
        for command in commands:
            self.assertIn("\n.B " + command.replace("-", "\\-") + "\n", page)
        self.assertNotIn("@", re.sub(r"careledger@", "", page))

    def test_removing_it_keeps_records_and_keys(self):
        machine = Machine(self.scratch() / "machine", known_packages())
        self.assertEqual(machine.dpkg("--install", self.package).returncode, 0)
        kept = [machine.root / "etc/careledger/north.key", machine.root / "var/lib/careledger/north/careledger.json"]
        for path in kept:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("kept", encoding="ascii")
        for way in ("--remove", "--purge"):
            removed = machine.dpkg(way, "careledger")
            self.assertEqual(removed.returncode, 0, removed.stdout + removed.stderr)
        self.assertFalse((machine.root / "usr/bin/careledger").exists())
        self.assertTrue(all(path.exists() for path in kept))


class Unit(Installed):
    """The unit as systemd's own tools read it."""

    def analyze(self, *arguments):
        return run("systemd-analyze", "--no-pager", *arguments, env=dict(os.environ, SYSTEMD_LOG_LEVEL="warning", NO_COLOR="1"))

    def test_systemd_finds_nothing_wrong_with_it(self):
        unit = self.scratch() / "careledger@north.service"
        text = (self.root / SERVICE).read_text(encoding="utf-8").replace("/usr/bin/careledger", str(self.root / "usr/bin/careledger"))
        unit.write_text(text, encoding="utf-8")
        said = self.analyze("verify", "--man=no", unit)
        self.assertEqual((said.returncode, [line for line in said.stderr.splitlines() if unit.name in line]), (0, []), said.stderr)
        unit.write_text(text.replace("Type=notify", "Type=notify\nLimitMemlock=1"), encoding="utf-8")
        self.assertIn("LimitMemlock", self.analyze("verify", "--man=no", unit).stderr, "an unknown setting is told")

    def test_it_is_hardened(self):
        unit = self.scratch() / "careledger@north.service"
        shutil.copy(self.root / SERVICE, unit)
        said = self.analyze("security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", unit)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)
        unit.write_text("[Service]\nExecStart=/usr/bin/careledger\n", encoding="utf-8")
        self.assertNotEqual(self.analyze("security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", unit).returncode, 0)

    def test_it_gives_what_the_program_needs(self):
        lines = set((self.root / SERVICE).read_text(encoding="utf-8").splitlines())
        needed = {"Type=notify", "LoadCredential=careledger:/etc/careledger/%i.key", "LimitCORE=0", "LimitMEMLOCK=16M", "KillMode=mixed",
                  "StateDirectory=careledger/%i careledger-backup/%i", "NoNewPrivileges=yes", "MemoryDenyWriteExecute=yes",
                  "ProtectSystem=strict"}
        self.assertEqual(needed - lines, set())


class Administer(Installed):
    """careledger-admin, with a systemd-run that only says how it was called and runs the command."""

    def setUp(self):
        super().setUp()
        self.place = self.scratch()
        self.keys, self.folders = self.place / "keys", self.place / "folders"
        for folder in (self.keys, self.folders, self.place / "bin"):
            folder.mkdir()
        text = (self.root / "usr/sbin/careledger-admin").read_text(encoding="utf-8")
        text = text.replace("keys=/etc/careledger", f"keys={self.keys}").replace("folders=/var/lib/careledger", f"folders={self.folders}")
        text = text.replace("-- /usr/bin/careledger", f"-- {self.root}/usr/bin/careledger")
        self.admin = self.place / "careledger-admin"
        self.admin.write_text(text, encoding="utf-8")
        runner = self.place / "bin/systemd-run"
        runner.write_text(f"""#!/bin/sh
echo "$@" > {self.place}/called
while [ "$1" != -- ]; do shift; done
shift
CREDENTIALS_DIRECTORY={self.place}/credentials exec "$@"
""", encoding="utf-8")
        runner.chmod(0o755)

    def call(self, *arguments):
        credentials = self.place / "credentials"
        credentials.mkdir(exist_ok=True)
        if (self.keys / "north.key").exists():
            shutil.copy(self.keys / "north.key", credentials / "careledger")
        return run("sh", self.admin, *arguments, env=dict(os.environ, PATH=f"{self.place}/bin:{os.environ['PATH']}"))

    def test_a_node_is_set_up_and_asked(self):
        key = self.keys / "north.key"
        self.call("north", "init", "DIR", "--help")
        self.assertEqual((key.stat().st_size, key.stat().st_mode & 0o777), (32, 0o600))
        before = key.read_bytes()
        made = self.call("north", "init", "DIR", "--organisation", "North Hospital")
        self.assertEqual(made.returncode, 0, made.stdout + made.stderr)
        self.assertTrue((self.folders / "north/careledger.json").exists())
        self.assertEqual(key.read_bytes(), before)
        called = (self.place / "called").read_text(encoding="utf-8")
        self.assertIn("--uid=careledger", called)
        self.assertIn(f"LoadCredential=careledger:{key}", called)
        listed = self.call("north", "--json", "keys", "list", "DIR", "--organisation", "North Hospital")
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertIn("command", {one["purpose"] for one in json.loads(listed.stdout)})

    def test_its_exit_code_is_the_command_s(self):
        self.assertEqual(self.call("north", "init", "DIR").returncode, 5)
        self.assertEqual(self.call("north", "verify", "nothing", "--trust", "nothing").returncode, 3)

    def test_nothing_is_made_for_a_name_that_is_none_or_a_key_that_is_lost(self):
        for arguments in (("../x", "init", "DIR"), ("", "init", "DIR"), ("-x", "init", "DIR"), ("north",), ("north", "status", "DIR")):
            refused = self.call(*arguments)
            self.assertEqual(refused.returncode, 2, arguments)
            self.assertFalse((self.place / "called").exists(), arguments)
        self.assertEqual(list(self.keys.iterdir()), [])


if __name__ == "__main__":
    unittest.main()

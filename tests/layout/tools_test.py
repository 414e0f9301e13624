"""The tools that ./dev stands on do what they say."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import sources

TOOLS = sources.ROOT / "tools"


def shell(script, cwd=sources.ROOT):
    lines = f"set -euo pipefail; cd '{cwd}'; . '{TOOLS}/dev-common.sh'; . '{TOOLS}/dev-setup.sh'; {script}"
    return subprocess.run(["bash", "-c", lines], capture_output=True, text=True, check=False)


class Dependencies(unittest.TestCase):
    def lines(self):
        for line in (TOOLS / "dependencies.txt").read_text().splitlines():
            if line and not line.startswith("#"):
                yield line.split(None, 4)

    def test_each_line_has_group_source_name_and_version(self):
        for fields in self.lines():
            self.assertGreaterEqual(len(fields), 4, fields)
            self.assertIn(fields[0], ("build", "engine", "package", "test"))
            self.assertIn(fields[1], ("apt", "pypi", "go"))
            self.assertRegex(fields[3], r"^[0-9v~]")

    def test_no_name_twice_in_a_group(self):
        names = [tuple(fields[:3]) for fields in self.lines()]
        self.assertEqual(len(names), len(set(names)))

    def test_a_condition_that_holds_makes_an_entry_unneeded(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "tools").mkdir()
            (pathlib.Path(folder) / "tools/dependencies.txt").write_text(
                "build apt here 1.0 has bash 2.0\nbuild apt newer 1.0 has bash 999\nbuild apt plain 1.0\ntest apt other 1.0\n")
            self.assertEqual(shell("needed build apt", folder).stdout, "newer 1.0\nplain 1.0\n")

    def test_versions_compare_as_numbers(self):
        self.assertEqual(shell("python3() { echo Python 3.11.2; }; has python3 3.9").returncode, 0)
        self.assertNotEqual(shell("python3() { echo Python 3.9.2; }; has python3 3.11").returncode, 0)
        self.assertNotEqual(shell("has no-such-command 1.0").returncode, 0)


class Steps(unittest.TestCase):
    def test_a_failing_step_shows_its_output_the_hint_and_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            done = shell("step 'try it' 'Do that next.' bash -c 'echo seen; exit 3'; echo not reached", folder)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("seen", done.stderr)
            self.assertIn("Do that next.", done.stderr)
            self.assertNotIn("not reached", done.stdout)

    def test_an_unknown_command_says_so(self):
        done = subprocess.run([str(sources.ROOT / "dev"), "no-such-command"], capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("there is no command 'no-such-command'", done.stderr)
        self.assertIn("./dev COMMAND", done.stderr)


class JoinTests(unittest.TestCase):
    def folder_with_tests(self, root, name, lines):
        (root / name).mkdir()
        (root / name / "CTestTestfile.cmake").write_text(lines)
        return f"{name}={root / name}"

    def join_and_run(self, root, *arguments):
        subprocess.run([sys.executable, "-B", str(TOOLS / "join_tests.py"), str(root / "all"), "/scratch", *arguments], check=True)
        return subprocess.run(["ctest", "--test-dir", str(root / "all")], capture_output=True, text=True, check=False)

    def test_tests_of_two_builds_run_as_one_list(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            release = self.folder_with_tests(root, "release", 'add_test([=[unit.a]=] "sh" "-c" "test \\"$TMPDIR\\" != /scratch")\n'
                                             'add_test([=[black.b]=] "true")\n')
            address = self.folder_with_tests(root, "address", 'add_test([=[unit.a]=] "sh" "-c" "test \\"$X$TMPDIR\\" = \'1 2/scratch\'")\n'
                                             'set_tests_properties([=[unit.a]=] PROPERTIES ENVIRONMENT "X=1 2")\n'
                                             'add_test([=[black.b]=] "false")\n')
            done = self.join_and_run(root, release, "^", address, r"^unit\.")
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertIn("100% tests passed, 0 tests failed out of 3", done.stdout)
            self.assertIn("address/unit.a", done.stdout)

    def test_a_failure_in_either_build_fails_the_run(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            release = self.folder_with_tests(root, "release", 'add_test([=[unit.a]=] "true")\n')
            address = self.folder_with_tests(root, "address", 'add_test([=[unit.a]=] "false")\n')
            self.assertNotEqual(self.join_and_run(root, release, "^", address, "^").returncode, 0)


class Sbom(unittest.TestCase):
    def test_it_names_what_is_linked(self):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "sbom.json"
            subprocess.run([sys.executable, "-B", str(TOOLS / "sbom.py"), "/bin/sh", "0.0.1", str(out)], check=True)
            document = json.loads(out.read_text())
        self.assertEqual(document["spdxVersion"], "SPDX-2.3")
        ids = [package["SPDXID"] for package in document["packages"]]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertTrue(all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", name) for name in ids), ids)
        names = {package["name"] for package in document["packages"]}
        self.assertTrue({"libc6", "librocksdb-dev", "ed25519-zebra"} <= names, sorted(names))
        related = {relation["relatedSpdxElement"] for relation in document["relationships"]}
        self.assertTrue(related <= set(ids))


if __name__ == "__main__":
    unittest.main()

"""Every check that .clang-tidy names is active: a file with one breach of each is refused for each. tools/tidy.py finds what
clang-tidy finds, although it reads several files as one.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import sources

PLANTED = sources.ROOT / "tests/layout/planted/tidy.cpp"
TIDY = sources.ROOT / "tools/tidy.py"
CLEAN = """namespace careledger {
namespace {
int %s() { return 1; }
}  // namespace
int %s() { return %s(); }
}  // namespace careledger
"""


def named_checks():
    listed = re.search(r"^Checks: >\n((?:  .*\n)+)", sources.text(sources.ROOT, ".clang-tidy"), re.M).group(1)
    return [check.strip() for check in listed.split(",") if check.strip() != "-*"]


class Tidy(unittest.TestCase):
    def test_every_named_check_fires(self):
        done = subprocess.run(["clang-tidy-19", "--quiet", str(PLANTED), "--", "-std=c++20"], capture_output=True, text=True, check=False)
        fired = set(re.findall(r"\[([a-z-]+),-warnings-as-errors\]", done.stdout))
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(sorted(named_checks()), sorted(fired), done.stderr)

    def tidied(self, **files):
        """Exit status and output of tools/tidy.py over src/NAME.cpp of these texts, all with one compiler command."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "src").mkdir()
            shutil.copy(sources.ROOT / ".clang-tidy", folder)
            for stem, text in files.items():
                (folder / "src" / f"{stem}.cpp").write_text(text, encoding="utf-8")
            commands = [{"directory": name, "file": f"{name}/src/{stem}.cpp", "command": f"clang++ -std=c++20 -o {stem}.o -c {stem}.cpp"}
                        for stem in files]
            (folder / "compile_commands.json").write_text(json.dumps(commands), encoding="utf-8")
            done = subprocess.run([sys.executable, "-B", str(TIDY), ".", "src"], cwd=name, capture_output=True, text=True, check=False)
            return done.returncode, done.stdout + done.stderr

    def test_files_that_agree_are_clean(self):
        status, said = self.tidied(a=CLEAN % ("one", "a", "one"), b=CLEAN % ("two", "b", "two"), same_name=CLEAN % ("one", "c", "one"))
        self.assertEqual((status, said.splitlines()[-1]), (0, "clang-tidy: 3 of 3 files, findings: 0"))

    def test_each_file_of_a_pack_is_checked(self):
        for faulty in "ab":
            files = {stem: CLEAN % (stem * 2, stem, stem * 2) for stem in "ab"}
            files[faulty] += "int* nothing_of_%s() { return 0; }\n" % faulty
            status, said = self.tidied(**files)
            self.assertEqual((status, said.splitlines()[-1]), (1, "clang-tidy: 2 of 2 files, findings: 1"))
            self.assertRegex(said, rf"/src/{faulty}\.cpp:\d+:\d+: error: .*\[modernize-use-nullptr,")

    def test_files_that_cannot_be_read_as_one_are_read_alone(self):
        text = "namespace careledger {\nstruct Same {\n  int number = 0;\n};\n}  // namespace careledger\n"
        status, said = self.tidied(a=text, b=text)
        self.assertEqual((status, said), (0, "clang-tidy: 2 of 2 files, findings: 0\n"))

    def test_what_does_not_compile_and_what_is_not_there_is_no_pass(self):
        status, said = self.tidied(a=CLEAN % ("one", "a", "two"))
        self.assertEqual(status, 1)
        self.assertIn("[clang-diagnostic-error", said)
        self.assertEqual(self.tidied()[0], 1)


if __name__ == "__main__":
    unittest.main()

"""What differs between versions of the engine is known to its own folder alone: elsewhere there is the chain's format, which stays."""
import pathlib
import re
import tempfile
import unittest

import sources

ENGINE = "src/ordering/abci"
VERSION = re.compile(r"(?<![\w.])v?0\.(38|39|40)\b")


def breaches(root):
    for path in sources.files(root, "src"):
        if path.is_relative_to(ENGINE) or path.name.endswith("_test.cpp"):  # a test may stand in for an engine
            continue
        for number, line in enumerate(sources.text(root, path).splitlines(), 1):
            if VERSION.search(line):
                yield f"{path}:{number}: names a version of the engine, which only {ENGINE} may know"


class Versions(unittest.TestCase):
    def test_nothing_outside_the_engines_folder_names_a_version_of_it(self):
        sources.expect_none(self, breaches(sources.ROOT))

    def planted(self, line, name):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / name).parent.mkdir(parents=True)
            (root / name).write_text(line + "\n")
            return list(breaches(root))

    def test_a_version_is_found_wherever_it_stands(self):
        for line in ["// as CometBFT v0.38 does", 'constexpr auto kVersion = "0.38.25";', "// since 0.40.0", "// not v0.39"]:
            self.assertEqual(len(self.planted(line, "src/proof/chain.h")), 1, line)
            self.assertEqual(len(self.planted(line, "src/ordering/chain_json.cpp")), 1, line)
            self.assertEqual(self.planted(line, "src/ordering/abci/engine_home.h"), [], line)
            self.assertEqual(self.planted(line, "src/apps/member_test.cpp"), [], line)

    def test_other_numbers_pass(self):
        for line in ["constexpr int kAddress = 10; // 10.0.38.1", "ratio 0.381", "// version 1"]:
            self.assertEqual(self.planted(line, "src/proof/chain.h"), [], line)


if __name__ == "__main__":
    unittest.main()

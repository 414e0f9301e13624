"""Every check that .clang-tidy names is active: a file with one breach of each is refused for each."""
import re
import subprocess
import unittest

import sources

PLANTED = sources.ROOT / "tests/layout/planted/tidy.cpp"


def named_checks():
    listed = re.search(r"^Checks: >\n((?:  .*\n)+)", sources.text(sources.ROOT, ".clang-tidy"), re.M).group(1)
    return [check.strip() for check in listed.split(",") if check.strip() != "-*"]


class Tidy(unittest.TestCase):
    def test_every_named_check_fires(self):
        done = subprocess.run(["clang-tidy-19", "--quiet", str(PLANTED), "--", "-std=c++20"], capture_output=True, text=True, check=False)
        fired = set(re.findall(r"\[([a-z-]+),-warnings-as-errors\]", done.stdout))
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(sorted(named_checks()), sorted(fired), done.stderr)


if __name__ == "__main__":
    unittest.main()

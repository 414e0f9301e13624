"""All C++ is as clang-format writes it (./dev format)."""
import pathlib
import subprocess
import tempfile
import unittest

import sources


def unformatted(root, paths):
    if not paths:
        return []
    done = subprocess.run(["clang-format-19", "--dry-run", f"--style=file:{sources.ROOT / '.clang-format'}", *map(str, paths)],
                          cwd=root, capture_output=True, text=True, check=True)
    return sorted({line.split(":", 1)[0] for line in done.stderr.splitlines() if "[-Wclang-format-violations]" in line})


class Format(unittest.TestCase):
    def test_all_code_is_formatted(self):
        paths = [path for path in sources.files(sources.ROOT, "src", "tests", "bench", "fuzz", "tools") if path.suffix in (".cpp", ".h")]
        sources.expect_none(self, (f"{path}: run ./dev format" for path in unformatted(sources.ROOT, paths)))

    def test_unformatted_code_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "bad.cpp").write_text("int  f( ){return 1 ;}\n")
            (root / "good.cpp").write_text("int f() { return 1; }\n")
            self.assertEqual(unformatted(root, ["bad.cpp", "good.cpp"]), ["bad.cpp"])


if __name__ == "__main__":
    unittest.main()

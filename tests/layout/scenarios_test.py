"""Every result code of every contract has at least one scenario line, and codes keep their declared order and numbers."""
import pathlib
import re
import tempfile
import unittest

import sources

ENUM = re.compile(r"enum class (Codes|KernelCode) : std::uint16_t \{([^}]*)\}")
ENTRY = re.compile(r"(\w+)\s*=\s*(\d+)")


def contracts(root):
    """{contract: [(code, number)…]} as the headers declare them, the kernel's own as contract "kernel"."""
    found = {}
    for path in sources.files(root, "src/kernel", "src/contracts"):
        if path.suffix == ".h":
            for _, body in ENUM.findall(sources.without_comments(sources.text(root, path))):
                found[path.parts[2] if path.parts[1] == "contracts" else "kernel"] = [(name, int(n)) for name, n in ENTRY.findall(body)]
    return found


def scenario_words(root):
    """Every contract.code that a scenario line expects ("… = code" at its end); in a file CONTRACT.txt the code alone will do."""
    words = set()
    for path in sources.files(root, "tests/scenarios"):
        if path.suffix == ".txt":
            for line in sources.text(root, path).splitlines():
                expected = re.search(r"\s=\s+([a-z_]+\.)?([a-z_]+)\s*$", line.split("#", 1)[0])
                if expected:
                    words.add((expected.group(1) or path.stem + ".") + expected.group(2))
    return words


def breaches(root):
    words = scenario_words(root)
    for contract, codes in sorted(contracts(root).items()):
        numbers = [number for _, number in codes]
        if numbers != sorted(set(numbers)) or not numbers or numbers[0] != 0:
            yield f"{contract}: the codes are not declared in ascending order from 0, each number once"
        for name, _ in codes:
            if name != "ok" and f"{contract}.{name}" not in words:
                yield f"{contract}.{name}: no line in tests/scenarios expects this code"


class Scenarios(unittest.TestCase):
    def test_every_code_has_a_line(self):
        self.assertGreaterEqual(len(contracts(sources.ROOT)), 6)
        sources.expect_none(self, breaches(sources.ROOT))

    def planted(self, codes, scenario):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "src/contracts/pets").mkdir(parents=True)
            (root / "tests/scenarios").mkdir(parents=True)
            (root / "src/contracts/pets/pets.h").write_text("enum class Codes : std::uint16_t {  // in order\n" + codes + "\n};\n")
            (root / "tests/scenarios/pets.txt").write_text(scenario)
            return list(breaches(root))

    def test_a_code_without_a_line_is_found(self):
        codes = "  ok = 0,\n  no_leash = 1,  // outside\n  too_loud = 2,"
        self.assertEqual(len(self.planted(codes, "dog barks = too_loud\n# dog runs = no_leash\n")), 1)
        self.assertEqual(self.planted("  ok = 0,\n  too_loud = 1,", "dog barks x=no_leash = pets.too_loud\n"), [])

    def test_a_number_used_twice_is_found(self):
        self.assertEqual(len(self.planted("  ok = 0,\n  a = 1,\n  b = 1,", "x = a\nx = b\n")), 1)


if __name__ == "__main__":
    unittest.main()

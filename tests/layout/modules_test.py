"""A module may include only modules below it: the order stands in src/modules.txt, and there are no exceptions."""
import pathlib
import re
import tempfile
import unittest

import sources

INCLUDE = re.compile(r'^\s*(?:#\s*include|import)\s*"([^"]+)"', re.M)


def order_of(root):
    lines = sources.text(root, "src/modules.txt").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def breaches(root):
    order = order_of(root)
    rank = {module: position for position, module in enumerate(order)}
    for path in sources.files(root, "src"):
        if path.suffix not in (".cpp", ".h", ".proto") or len(path.parts) < 3:
            continue
        module = path.parts[1]
        if module not in rank:
            yield f"{path}: the folder {module} is not in src/modules.txt"
            continue
        for included in INCLUDE.findall(sources.text(root, path)):
            top = included.split("/", 1)[0]
            if top in rank and rank[top] > rank[module]:
                yield f"{path}: {module} includes {included}, but {top} lies above it"
            elif top not in rank and not included.startswith("google/protobuf/") and not generated(included):
                yield f"{path}: includes {included}, which names no module (paths start at src/)"


def generated(included):
    return included.endswith((".pb.h", ".inc"))


class Modules(unittest.TestCase):
    def test_every_include_points_down(self):
        sources.expect_none(self, breaches(sources.ROOT))

    def test_every_module_has_a_folder(self):
        missing = [module for module in order_of(sources.ROOT) if not (sources.ROOT / "src" / module).is_dir()]
        self.assertEqual(missing, [])

    def planted(self, name, code):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "src").mkdir()
            (root / "src/modules.txt").write_text("# lowest first\nbase\nkernel\nvault\n")
            (root / name).parent.mkdir(parents=True)
            (root / name).write_text(code)
            return list(breaches(root))

    def test_an_include_that_points_up_is_found(self):
        found = self.planted("src/kernel/rules.cpp", '#include "base/ids.h"\n#include "vault/store.h"\n')
        self.assertEqual(len(found), 1)
        self.assertIn("vault lies above it", found[0])

    def test_an_unknown_module_and_a_relative_include_are_found(self):
        self.assertIn("not in src/modules.txt", self.planted("src/extra/a.h", "#pragma once\n")[0])
        self.assertIn("names no module", self.planted("src/kernel/a.cpp", '#include "rules.h"\n')[0])

    def test_includes_that_point_down_pass(self):
        self.assertEqual(self.planted("src/vault/a.cpp", '#include "kernel/a.h"\n#include "base/b.h"\n#include <vector>\n'), [])


if __name__ == "__main__":
    unittest.main()

"""Small files, small functions, lines that fit a screen. No exceptions: split along what the code is about."""
import pathlib
import tempfile
import unittest

import functions
import sources

FOLDERS = ("src", "tests", "tools", "bench", "fuzz", "cmake", "rust")
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
LINE_WIDTH_MAX = 140


def checked_files(root):
    yield from sources.code_files(root, *FOLDERS)
    if (root / "dev").exists():
        yield pathlib.Path("dev")


def breaches(root):
    for path in checked_files(root):
        lines = sources.text(root, path).splitlines()
        if len(lines) > FILE_LINES_MAX:
            yield f"{path}: {len(lines)} lines, {FILE_LINES_MAX} are allowed"
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_WIDTH_MAX:
                yield f"{path}:{number}: {len(line)} characters wide, {LINE_WIDTH_MAX} are allowed"
        for first, last, name in functions.of_file(root, path):
            if last - first + 1 > FUNCTION_LINES_MAX:
                yield f"{path}:{first}: a function of {last - first + 1} lines, {FUNCTION_LINES_MAX} are allowed: {name[:80]}"


class Sizes(unittest.TestCase):
    def test_files_functions_and_lines_are_small(self):
        sources.expect_none(self, breaches(sources.ROOT))

    def planted(self, name, code):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / name).parent.mkdir(parents=True)
            (root / name).write_text(code)
            return list(breaches(root))

    def test_long_files_and_lines_are_found(self):
        self.assertIn("501 lines", self.planted("src/base/a.cpp", "int a;\n" * 501)[0])
        self.assertEqual(self.planted("src/base/a.cpp", "int a;\n" * 500), [])
        self.assertIn("141 characters", self.planted("tools/a.py", "#" * 141)[0])

    def test_long_functions_are_found_in_every_language(self):
        for name, opening, line in [
            ("src/base/a.cpp", "namespace x {\nint f(int a) {", "  if (a) { g(); }"),
            ("src/base/a.cpp", "class A {\n public:\n  Result<int> f() const {", "  g('{');"),
            ("src/base/a.cpp", "A::A(int a) : a_{a}, b_(a) {", '  g("}");'),
            ("src/base/a.cpp", "auto f() -> std::map<int, int> {", "  // }"),
            ("src/base/a.cpp", "TEST(Suite, Name) {", "  EXPECT_TRUE(f({1, 2}));"),
            ("src/base/a.cpp", "template <class T>\n  requires(sizeof(T) > 1)\nvoid f(T&& t) noexcept {", "  g(R\"({)\");"),
            ("tests/go/a.go", "func (a *A) f(b int) (int, error) {", "  if b { c() }"),
            ("tools/verifier/a.js", "export async function f(a) {", "  g(`${a} {`);"),
            ("rust/src/lib.rs", "pub extern \"C\" fn f<'a>(x: &'a [u8]) -> bool {", "  let c = '{';"),
            ("tools/a.py", "def f(a):", "  g()"),
            ("tools/a.sh", "f() {", "  g"),
        ]:
            closing = "}" * (opening.count("{") - opening.count("}")) if not name.endswith(".sh") else "}"
            long = self.planted(name, opening + "\n" + (line + "\n") * 70 + closing + "\n")
            self.assertEqual(len(long), 1, f"{opening}: {long}")
            self.assertIn("a function of 7", long[0])
            self.assertEqual(self.planted(name, opening + "\n" + (line + "\n") * 60 + closing + "\n"), [], opening)

    def test_long_classes_and_tables_are_no_functions(self):
        self.assertEqual(self.planted("src/base/a.h", "struct A {\n" + "  int f() { return 1; }\n" * 90 + "};\n"), [])
        self.assertEqual(self.planted("src/base/a.cpp", "const int t[] = {\n" + "  f(1),\n" * 90 + "};\n"), [])


if __name__ == "__main__":
    unittest.main()

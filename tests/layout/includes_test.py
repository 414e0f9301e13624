"""What all builds compile once (cmake/precompiled.h) is still included by whoever uses it, itself or through the project's headers:
a compiler that was handed the whole list cannot tell."""
import pathlib
import re
import tempfile
import unittest

import sources

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.M)
# Header of the list: what of std (or elsewhere) shows that a file uses it. Other headers that bring the same stand behind it.
USES = {
    "algorithm": (r"std::(ranges::\w+|(stable_)?sort|find(_if)?|(any|all|none)_of|count(_if)?|copy(_n|_if)?|fill|reverse|max|min|clamp"
                  r"|equal|(lower|upper)_bound|unique|remove_if|transform|rotate|search|(max|min)_element|is_sorted)\b", ("ranges",)),
    "array": (r"std::array\b", ()),
    "atomic": (r"std::(atomic\w*|memory_order\w*)\b", ("memory",)),
    "boost/unordered/unordered_flat_map.hpp": (r"\bboost::unordered_flat_map\b", ()),
    "charconv": (r"std::(from_chars|to_chars)\b", ()),
    "chrono": (r"std::chrono\b", ("condition_variable", "future", "mutex", "shared_mutex", "thread")),
    "condition_variable": (r"std::(condition_variable\w*|cv_status)\b", ()),
    "cstdint": (r"\bu?int(8|16|32|64)_t\b", ("cinttypes",)),
    "cstring": (r"std::(mem(cpy|cmp|set|move|chr)|str(len|cmp|error))\b", ()),
    "deque": (r"std::deque\b", ("queue", "stack")),
    "filesystem": (r"std::filesystem\b", ("fstream",)),
    "fmt/format.h": (r"\bfmt::", ("fmt/chrono.h", "fmt/ranges.h")),
    "fstream": (r"std::[io]?fstream\b", ()),
    "functional": (r"std::(function|hash|less|greater|invoke|ref|cref)\b", ()),
    "future": (r"std::(future|promise|shared_future|future_status|packaged_task|async)\b", ()),
    "map": (r"std::(multi)?map\b", ()),
    "memory": (r"std::(unique_ptr|shared_ptr|weak_ptr|make_unique|make_shared|enable_shared_from_this)\b", ()),
    "mutex": (r"std::(recursive_)?(mutex|lock_guard|unique_lock|scoped_lock|call_once|once_flag)\b",
              ("condition_variable", "shared_mutex")),
    "optional": (r"std::(optional|nullopt)\b", ()),
    "set": (r"std::(multi)?set\b", ()),
    "span": (r"std::(span|as_bytes|as_writable_bytes)\b", ()),
    "string": (r"std::(string|to_string|getline)\b", ("sstream", "fstream", "filesystem")),
    "string_view": (r"std::string_view\b", ("string", "sstream", "filesystem")),
    "thread": (r"std::(jthread|this_thread|thread)\b", ()),
    "tl/expected.hpp": (r"\btl::", ()),
    "utility": (r"std::(exchange|as_const|in_place|cmp_\w+)\b",
                ("algorithm", "map", "memory", "optional", "set", "string", "variant", "vector")),
    "variant": (r"std::(variant|visit|get_if|holds_alternative|monostate)\b", ()),
    "vector": (r"std::vector\b", ()),
}
# The headers of protobuf, which come with every generated header.
GENERATED = ("string", "map", "memory", "cstdint", "vector", "string_view", "utility", "algorithm", "functional", "mutex")


def listed(root):
    return [outside for _, outside in INCLUDE.findall(sources.text(root, pathlib.Path("cmake/precompiled.h")))]


class Reach:
    """Which outside headers a file includes, itself or through headers of the project."""

    def __init__(self, root):
        self.root, self.known = root, {}

    def of(self, path):
        if path in self.known:
            return self.known[path]
        self.known[path] = found = set()
        for own, outside in INCLUDE.findall(sources.text(self.root, path)):
            if outside:
                found.add(outside)
            elif own.endswith(".pb.h"):
                found.update(GENERATED)
                found.add("google/protobuf/message.h")
            elif (self.root / "src" / own).is_file():
                found |= self.of(pathlib.Path("src") / own)
        return found


def breaches(root):
    reach = Reach(root)
    for path in sources.files(root, "src"):
        if path.suffix not in (".cpp", ".h"):
            continue
        code = sources.without_comments(sources.text(root, path))
        for header, (pattern, others) in USES.items():
            used = re.search(pattern, code)
            if used and not reach.of(path).intersection((header, *others)):
                line = code.count("\n", 0, used.start()) + 1
                yield f"{path}:{line}: uses {used.group(0)} without <{header}>"


class Includes(unittest.TestCase):
    def test_every_file_includes_what_it_uses(self):
        sources.expect_none(self, breaches(sources.ROOT))

    def test_every_standard_header_of_the_list_has_its_rule(self):
        self.assertEqual(sorted(name for name in listed(sources.ROOT) if not name.startswith("google/")), sorted(USES))

    def planted(self, code, header="#pragma once\n"):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "src/base").mkdir(parents=True)
            (root / "src/base/a.h").write_text(header)
            (root / "src/base/a.cpp").write_text('#include "base/a.h"\n' + code)
            return list(breaches(root))

    def test_each_rule_finds_what_it_names(self):
        for use in ("std::ranges::sort(a);", "std::array<int, 2> a;", "std::from_chars(a, b, c);", "std::uint8_t a;",
                    "std::memcpy(a, b, 1);", "std::function<int()> a;", "std::map<int, int> a;", "std::unique_ptr<int> a;",
                    "std::mutex a;", "std::optional<int> a;", "std::set<int> a;", "std::span<int> a;", "std::string a;",
                    "std::string_view a;", "std::thread a;", "tl::expected<int, int> a;", "std::exchange(a, b);", "std::variant<int> a;",
                    "std::vector<int> a;", "std::atomic<int> a;", "std::chrono::seconds a;", "std::condition_variable a;",
                    "std::deque<int> a;",
                    "std::filesystem::path a;", "std::ofstream a;", "std::promise<int> a;", "fmt::print(a);",
                    "boost::unordered_flat_map<int, int> a;"):
            found = self.planted(use + "\n")
            self.assertTrue(found and "src/base/a.cpp:2" in found[0], use)

    def test_what_the_project_s_header_includes_counts(self):
        self.assertEqual(self.planted("std::vector<int> a;\n", "#pragma once\n#include <vector>\n"), [])


if __name__ == "__main__":
    unittest.main()

"""kernel and contracts decide the same on every machine, so what could differ between machines is not to be found there."""
import pathlib
import re
import tempfile
import unittest

import sources

FOLDERS = ("src/kernel", "src/contracts")

BANNED_INCLUDES = [
    "chrono", "ctime", "time.h", "random", "thread", "mutex", "shared_mutex", "atomic", "future", "condition_variable", "semaphore",
    "stop_token", "locale", "clocale", "codecvt", "iostream", "fstream", "filesystem", "cstdio", "stdio.h", "unordered_map",
    "unordered_set", "cmath", "math.h", "regex", "unistd.h", "fcntl.h", "netdb.h", "pthread.h", "dirent.h", "cfenv", "csignal",
]
BANNED_INCLUDE_PREFIXES = [
    "sys/", "netinet/", "arpa/", "boost/asio", "boost/beast", "boost/unordered", "boost/random", "rocksdb/", "openssl/", "sodium",
    "spdlog/", "absl/", "base/clock", "base/files", "base/entropy", "base/sockets", "base/threads",
]
# (what is searched in code without comments and strings, what it is, what to use instead)
BANNED_CODE = [
    (r"\b(float|double|long double)\b", "floating point", "scaled integers"),
    (r"\bunordered_(multi)?(map|set)\b", "hash order", "std::map, std::set or a sorted vector"),
    (r"\bstd::hash\b", "std::hash", "crypto/hash.h"),
    (r"\bstd::(chrono|this_thread|thread|jthread|async|mutex|shared_mutex|recursive_mutex|atomic\w*|condition_variable\w*)\b",
     "clocks and threads", "the block's time; one thread"),
    (r"\bthread_local\b", "threads", "one thread"),
    (r"\b(random_device|mt19937\w*|default_random_engine|\w+_distribution|s?rand|getrandom|system_entropy|Entropy)\b", "randomness",
     "values that the command carries"),
    (r"\b(gettimeofday|clock_gettime|localtime\w*|gmtime\w*|mktime|strftime|system_clock|steady_clock|Clock)\b", "a clock",
     "the block's time"),
    (r"\btime\s*\(\s*(nullptr|NULL|0|&)|\bstd::(time|clock)\b", "a clock", "the block's time"),
    (r"\b(setlocale|localeconv|std::locale|to(lower|upper)|is(alpha|alnum|space|digit|upper|lower|punct|print)|str(to[dfl]\w*|coll))\s*\(",
     "the locale", "comparisons with characters written out; std::from_chars"),
    (r"\bstd::(stod|stof|stold|stoi|stol|stoul|stoll|stoull)\b", "the locale", "std::from_chars"),
    (r"\b(getenv|setenv)\b", "the environment", "what the command or the state says"),
    (r"\bu?intptr_t\b", "addresses", "ids"),
    (r"\b(std::)?(ifstream|ofstream|fstream|fopen|popen)\b", "files", "the state reader"),
    (r"\b__(DATE|TIME|TIMESTAMP)__\b", "the time of the build", "nothing"),
]
BANNED_PROTO = [
    (r"\b(float|double)\b", "floating point", "scaled integers"),
    (r"\bmap\s*<", "a map, whose order protobuf leaves open", "a repeated message, sorted"),
]


def include_breach(name):
    return name in BANNED_INCLUDES or name.startswith(tuple(BANNED_INCLUDE_PREFIXES))


def breaches(root):
    for path in sources.files(root, *FOLDERS):
        if path.suffix not in (".cpp", ".h", ".proto") or path.name.endswith("_test.cpp"):
            continue
        for number, line in enumerate(sources.without_comments(sources.text(root, path), keep_strings=True).splitlines(), 1):
            include = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if include and include_breach(include.group(1)):
                yield f"{path}:{number}: includes {include.group(1)}, which kernel and contracts may not see"
        rules = BANNED_PROTO if path.suffix == ".proto" else BANNED_CODE
        for number, line in enumerate(sources.without_comments(sources.text(root, path)).splitlines(), 1):
            if line.lstrip().startswith("#include"):
                continue
            for pattern, what, instead in rules:
                if re.search(pattern, line):
                    yield f"{path}:{number}: {what} may differ between machines; use {instead}"


class Bans(unittest.TestCase):
    def test_kernel_and_contracts_are_deterministic(self):
        sources.expect_none(self, breaches(sources.ROOT))

    def planted(self, code, name="src/kernel/planted.cpp"):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / name).parent.mkdir(parents=True)
            (root / name).write_text(code)
            return list(breaches(root))

    def test_each_ban_finds_what_it_names(self):
        for line in [
            "double x = 0;", "std::unordered_map<int, int> m;", "std::hash<int> h;", "auto t = std::chrono::seconds(1);",
            "thread_local int x;", "std::random_device r;", "std::uniform_int_distribution<int> d;", "gettimeofday(&t, nullptr);",
            "auto t = time(nullptr);", "c = tolower(c);", "auto x = std::stod(s);", "getenv(name);", "std::uintptr_t p;",
            "std::ifstream in(path);", "auto s = __DATE__;", "void f(Clock& clock);", "#include <unordered_set>", "#include <chrono>",
            '#include "base/clock.h"', '#include "base/files.h"', "#include <sys/socket.h>", "std::mutex m;", "long double x;",
        ]:
            self.assertEqual(len(self.planted(line + "\n")), 1, line)
            self.assertEqual(len(self.planted(line + "\n", "src/contracts/consent/planted.h")), 1, line)

    def test_bans_on_messages(self):
        self.assertEqual(len(self.planted("message A { double x = 1; }\n", "src/kernel/a.proto")), 1)
        self.assertEqual(len(self.planted("message A { map<string, bytes> x = 1; }\n", "src/contracts/a/a.proto")), 1)

    def test_comments_strings_and_lookalikes_pass(self):
        for line in ["// a double check", 'auto s = "double";', "/* time(nullptr) */", "context.time();", "BlockTime time() const;",
                     "block.time() + 1;", "int doubled = 2;", "#include <map>", '#include "base/ids.h"', "auto x = R\"(float)\";"]:
            self.assertEqual(self.planted(line + "\n"), [], line)

    def test_other_modules_may(self):
        self.assertEqual(self.planted("double x;\n", "src/edge/a.cpp"), [])


if __name__ == "__main__":
    unittest.main()

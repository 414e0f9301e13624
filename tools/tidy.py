#!/usr/bin/env python3
"""clang-tidy over the sources of a configured build. Exit 1 and the findings when it has any.

usage: tidy.py BUILD_FOLDER FILE_OR_FOLDER...

Nearly all of the time goes into the headers of other projects, which every file reads again. So files with the same compiler command are
read together, as one file that includes them, as far as none could mean what another one declares for itself. A pack that is passed is
clean. Of one that is not (it need not even compile), each file is looked at alone, and what is found then counts.
"""
import concurrent.futures
import functools
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "src"
TIDY = "clang-tidy-19"
PACK_MAX = 24  # files; bounds the memory of one clang-tidy to about 1 GiB

SPACE = re.compile(r"(?<=^namespace )[\w:]+(?= \{$)", re.M)
UNNAMED = re.compile(r"^namespace \{$(.*?)^\}  // namespace$", re.M | re.S)
STATIC = re.compile(r"^static (.*)", re.M)
MACRO = re.compile(r"^#define (\w+)", re.M)
SHARED = re.compile(r"using [\w:]+;|using namespace |namespace |[A-Z_]+\(")  # an alias, or a test
TYPE = re.compile(r"(?:struct|class|enum class|enum|union|concept|using)\s+(\w+)")
NAMED = re.compile(r"(\w+)\s*[(={\[;]")
BROUGHT = re.compile(r"^using [\w:]+::(\w+);", re.M)
MEANT = re.compile(r"(?<![\w.>:])(\w+(?=\()|[A-Z]\w+)")  # what is called, and types
INCLUDED = re.compile(r'^#include "([^"]+\.h)"$', re.M)
DECLARED = re.compile(r"^[A-Za-z][\w:<>,&* ]*?[ &*](\w+)\(", re.M)
FINDING = re.compile(r"^(?=\S+:\d+:\d+: (?:error|warning): )", re.M)


@functools.cache
def declared_in(header):
    """Functions of a header of the project, by the name it is included by."""
    path = SOURCES / header
    return frozenset(DECLARED.findall(path.read_text(encoding="utf-8")) if path.exists() else [])


def names_of(text):
    """What a file declares for itself alone (in unnamed namespaces, static, macros), and what names of others it could see or mean."""
    space = (SPACE.search(text) or [""])[0].split("::")
    lines = [line for region in UNNAMED.findall(text) for line in region.splitlines() if re.match(r"[A-Za-z]", line)]
    found = [TYPE.match(line) or NAMED.search(line) for line in lines + STATIC.findall(text) if not SHARED.match(line)]
    own = {(*space, match.group(1)) for match in found if match} | {(name,) for name in MACRO.findall(text)}
    used = {name[-1] for name in own} | set(BROUGHT.findall(text)) | set(MEANT.findall(text))
    used = used.union(*map(declared_in, INCLUDED.findall(text)))
    return own, {(*space[:depth], name) for depth in range(len(space) + 1) for name in used}


def arguments_of(entry):
    """The compiler's arguments without what names the file and its output."""
    words = entry.get("arguments") or shlex.split(entry["command"])
    return tuple(words[1:words.index("-o")])


class Pack:
    """Files with one compiler command, none of which could see or mean what another one declares for itself."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.files, self.own, self.used = [], set(), set()

    def takes(self, arguments, own, used):
        return arguments == self.arguments and len(self.files) < PACK_MAX and not own & self.used and not used & self.own

    def add(self, path, own, used):
        self.files.append(path)
        self.own |= own
        self.used |= used


def packs(files):
    """Of (file, arguments) pairs: each file is in the first pack that takes it."""
    made = []
    for path, arguments in files:
        names = names_of(path.read_text(encoding="utf-8"))
        fitting = next((pack for pack in made if pack.takes(arguments, *names)), None)
        if fitting is None:
            fitting = Pack(arguments)
            made.append(fitting)
        fitting.add(path, *names)
    return made


def tidied(path, arguments):
    return subprocess.run([TIDY, "--quiet", str(path), "--", *arguments], capture_output=True, text=True, check=False)


def findings_of(pack, together):
    """What clang-tidy has against the files of a pack; `together` names the file to be made of them."""
    if len(pack.files) > 1:
        together.write_text("".join(f'#include "{path}"\n' for path in pack.files), encoding="utf-8")
        if tidied(together, pack.arguments).returncode == 0:
            return []
    alone = [tidied(path, pack.arguments) for path in pack.files]
    return [finding for done in alone if done.returncode != 0 for finding in FINDING.split(done.stdout or done.stderr) if finding]


def judged(made, build):
    """For each pack, as it ends: how many files are done, and the findings in it."""
    jobs = int(os.environ.get("DEV_JOBS") or os.cpu_count())
    done = 0
    # Under the project's own folder clang-tidy finds the project's .clang-tidy.
    with tempfile.TemporaryDirectory(dir=build, prefix="tidy-") as folder, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(findings_of, pack, pathlib.Path(folder) / f"{number}.cpp"): pack for number, pack in enumerate(made)}
        for ended in concurrent.futures.as_completed(running):
            done += len(running[ended].files)
            yield done, ended.result()


def selected(build, names):
    """The build's sources that the names mean, each with its compiler's arguments, in order."""
    wanted = [pathlib.Path(name).resolve() for name in names]
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        path = pathlib.Path(entry["file"])
        if any(path.is_relative_to(one) for one in wanted):
            found.setdefault(path, arguments_of(entry))
    return sorted(found.items())


def main(build, *names):
    build = pathlib.Path(build).resolve()
    files = selected(build, names)
    if not files:
        sys.exit(f"tidy.py: {build} compiles nothing of {' '.join(names)}")
    found = set()  # what stands in a header is found by every file that includes it
    for done, findings in judged(packs(files), build):
        new = dict.fromkeys(finding for finding in findings if finding not in found)
        found.update(new)
        print("".join(new) + f"clang-tidy: {done} of {len(files)} files, findings: {len(found)}", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

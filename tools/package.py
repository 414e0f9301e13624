#!/usr/bin/env python3
"""Makes the Debian package: PROGRAM and ENGINE with what packaging/ and docs/ hold, as OUT/careledger_VERSION_amd64.deb.

usage: package.py PROGRAM ENGINE OUT

Made by dpkg-deb alone; what it depends on dpkg-shlibdeps says. The same inputs give the same bytes: times are SOURCE_DATE_EPOCH, or the
newest commit's.
"""
import email.utils
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import licences

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOC, LIB, ETC = "usr/share/doc/careledger", "usr/lib/careledger", "etc/careledger"
# To where, from where, mode. ".gz": compressed on the way.
FILES = [
    ("usr/lib/systemd/system/careledger@.service", "packaging/systemd/careledger@.service", 0o644),
    ("usr/lib/sysusers.d/careledger.conf", "packaging/systemd/careledger.sysusers", 0o644),
    ("usr/sbin/careledger-admin", "packaging/careledger-admin", 0o755),
    ("usr/share/careledger/grafana/careledger.json", "packaging/grafana/careledger.json", 0o644),
    ("usr/share/careledger/prometheus/careledger.rules.yml", "packaging/prometheus/careledger.rules.yml", 0o644),
    (f"{DOC}/copyright", "packaging/debian/copyright", 0o644),
    (f"{DOC}/changelog.gz", "CHANGELOG.md", 0o644),
    (f"{DOC}/README.md", "README.md", 0o644),
    (f"{DOC}/operations.md", "docs/operations.md", 0o644),
    (f"{DOC}/not-done.md", "docs/not-done.md", 0o644),
]


def output_of(*command, cwd=ROOT):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, cwd=cwd)
    if done.returncode != 0:
        sys.exit(f"package.py: {command[0]} failed:\n{done.stderr}")
    return done.stdout


def moment():
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given if given else output_of("git", "log", "-1", "--format=%ct"))


def put(path, content, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, 9, mtime=0) if path.suffix == ".gz" else content)
    path.chmod(mode)


def put_program(source, target):
    """Without symbols for debuggers, which nobody has a use for here: half of the size."""
    target.parent.mkdir(parents=True, exist_ok=True)
    output_of("strip", "--strip-unneeded", "--remove-section=.comment", "-o", target, source)
    target.chmod(0o755)


def changelog(version, when):
    date = email.utils.formatdate(when)
    return (f"careledger ({version}) unstable; urgency=medium\n\n  * What changed: changelog.gz.\n\n"
            f" -- CareLedger maintainers <maintainers@careledger.example>  {date}\n").encode()


def commands(program):
    """The commands of the program as a manual page has them."""
    listed = output_of(program, "--help").split("\nSubcommands:\n", 1)[1].split("\n\n", 1)[0]
    found = [line.strip().split(None, 1) for line in listed.splitlines()]
    return "\n".join(f".TP\n.B {name}\n{about}" for name, about in found).replace("-", "\\-")


def manual(name, program, version):
    text = (ROOT / "packaging/man" / name).read_text(encoding="utf-8").replace("@VERSION@", version)
    filled = re.sub(r'^\.\\".*\n', "", text)  # what is said to whoever edits the page
    return filled.replace("@COMMANDS@", commands(program)).encode()


def fill(tree, program, engine, version, when):
    put_program(program, tree / LIB / "careledger")
    put_program(engine, tree / LIB / "cometbft")  # beside the program, where `serve` looks for it
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/careledger").symlink_to("../lib/careledger/careledger")
    (tree / ETC).mkdir(parents=True)
    for target, source, mode in FILES:
        put(tree / target, (ROOT / source).read_bytes(), mode)
    for name in ("careledger.1", "careledger-admin.8"):
        put(tree / f"usr/share/man/man{name[-1]}/{name}.gz", manual(name, program, version))
    put(tree / DOC / "changelog.Debian.gz", changelog(version, when))
    put(tree / DOC / "third-party-licences.txt.gz", licences.text(engine).encode())
    with tempfile.TemporaryDirectory() as folder:
        sbom = pathlib.Path(folder) / "sbom.json"
        output_of(sys.executable, "-B", ROOT / "tools/sbom.py", tree / LIB / "careledger", version, sbom, tree / LIB / "cometbft")
        put(tree / DOC / "sbom.spdx.json.gz", sbom.read_bytes())


def dependencies(program):
    """Of the shared libraries: the packages, and the least version that has every symbol in use."""
    with tempfile.TemporaryDirectory() as folder:
        control = pathlib.Path(folder) / "debian/control"
        put(control, b"Source: careledger\n\nPackage: careledger\nArchitecture: any\n")
        said = output_of("dpkg-shlibdeps", "-O", f"-e{program}", cwd=folder)
    return re.search(r"^shlibs:Depends=(.+)$", said, re.M).group(1)


def control(tree, version):
    values = {"VERSION": version, "DEPENDS": dependencies(tree / LIB / "careledger"),
              "SIZE": str(sum(path.lstat().st_size for path in tree.rglob("*") if not path.is_dir()) // 1024)}
    text = (ROOT / "packaging/debian/control").read_text(encoding="utf-8")
    return re.sub("@([A-Z]+)@", lambda found: values[found.group(1)], text).encode()


def checksums(tree):
    files = sorted(path.relative_to(tree) for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    return output_of("md5sum", *files, cwd=tree).encode()


def fix_times_and_modes(tree, when):
    for path in [tree, *tree.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
        os.utime(path, (when, when), follow_symlinks=False)
    (tree / ETC).chmod(0o750)  # the keys of the nodes


def main(arguments):
    program, engine, out = (pathlib.Path(argument).resolve() for argument in arguments)
    version = json.loads(output_of(program, "--json", "version"))["version"]
    when = moment()
    out.mkdir(parents=True, exist_ok=True)
    package = out / f"careledger_{version}_amd64.deb"
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / "careledger"
        fill(tree, program, engine, version, when)
        sums, about = checksums(tree), control(tree, version)
        put(tree / "DEBIAN/control", about)
        put(tree / "DEBIAN/md5sums", sums)
        for script in ("postinst", "prerm", "postrm"):
            put(tree / "DEBIAN" / script, (ROOT / "packaging/debian" / script).read_bytes(), 0o755)
        fix_times_and_modes(tree, when)
        os.environ["SOURCE_DATE_EPOCH"] = str(when)
        made = pathlib.Path(folder) / package.name
        output_of("dpkg-deb", "--root-owner-group", "-Zzstd", "-z10", "--build", tree, made)
        shutil.move(made, package)
    print(package)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

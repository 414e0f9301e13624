#!/usr/bin/env python3
"""Writes the software bill of materials (SPDX 2.3, JSON) of the program and of the tools its tests use.

usage: sbom.py PROGRAM VERSION OUT [ENGINE]

Shared libraries come from the program itself (ldd) with the Debian package that owns each; header-only and static libraries from
the "build apt" lines of tools/dependencies.txt; Rust crates from rust/Cargo.lock; npm packages from the package-lock.json files
of the test tools; with ENGINE, that program and the Go modules that it says it was built from.
Sorted and without a time of its own, so the same inputs give the same bytes.
"""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

import licences

ROOT = pathlib.Path(__file__).resolve().parent.parent


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def debian_version(package):
    return output_of("dpkg-query", "-W", "-f", "${Version}", package).strip()


def linked_packages(program):
    """Debian packages that own the shared libraries of the program."""
    packages = set()
    for path in re.findall(r"=> (/\S+)", output_of("ldd", program)):
        for candidate in (path, os.path.realpath(path), path.removeprefix("/usr"), "/usr" + path):
            owner = output_of("dpkg-query", "-S", candidate)
            if owner:
                packages.add(owner.split(":", 1)[0].strip())
                break
    return packages


def listed_packages():
    """What is linked statically or only included: the -dev packages of the build group."""
    for line in (ROOT / "tools/dependencies.txt").read_text().splitlines():
        fields = line.split()
        if len(fields) >= 4 and fields[:2] == ["build", "apt"] and fields[2].endswith("-dev"):
            yield fields[2]


def crates():
    lock = ROOT / "rust/Cargo.lock"
    for package in tomllib.loads(lock.read_text()).get("package", []) if lock.exists() else []:
        if "source" in package:
            yield package["name"], package["version"], package.get("checksum", "")


def npm_packages():
    for lock in sorted([*ROOT.glob("tools/*/package-lock.json"), *ROOT.glob("tests/*/package-lock.json")]):
        for path, package in json.loads(lock.read_text())["packages"].items():
            if path:
                yield path.rsplit("node_modules/", 1)[-1], package.get("version", "")


def entry(kind, name, version, sha256="", comment=""):
    place = {"deb": "deb/debian/", "cargo": "cargo/", "golang": "golang/", "npm": "npm/"}[kind]
    purl = "pkg:" + place + name.replace("@", "%40") + "@" + version
    item = {
        "SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", f"{kind}-{name}-{version}"),
        "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}],
    }
    if sha256:
        item["checksums"] = [{"algorithm": "SHA256", "checksumValue": sha256}]
    if comment:
        item["comment"] = comment
    return item


def engine_modules(engine):
    for module, version in licences.go_modules(engine) if engine else []:
        yield entry("golang", module, version, comment="in the engine, a program beside the program"), "CONTAINED_BY"


def collect(program, engine):
    linked, listed = linked_packages(program), set(listed_packages())
    found = [(entry("deb", name, debian_version(name), comment="shared library"), "DYNAMIC_LINK") for name in linked]
    found += [(entry("deb", name, debian_version(name), comment="headers or static library"), "BUILD_DEPENDENCY_OF") for name in listed]
    found += [(entry("cargo", *crate, comment="linked statically"), "STATIC_LINK") for crate in crates()]
    found += [(entry("npm", *package, comment="tests only"), "TEST_TOOL_OF") for package in set(npm_packages())]
    found += engine_modules(engine)
    return sorted(found, key=lambda pair: pair[0]["SPDXID"])


def document(program, version, engine):
    digest = hashlib.sha256(pathlib.Path(program).read_bytes()).hexdigest()
    root = {
        "SPDXID": "SPDXRef-careledger", "name": "careledger", "versionInfo": version, "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False, "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0", "copyrightText": "NOASSERTION",
        "checksums": [{"algorithm": "SHA256", "checksumValue": digest}],
    }
    relations = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-careledger"}]
    packages = [root]
    for item, relation in collect(program, engine):
        packages.append(item)
        ends = ("SPDXRef-careledger", item["SPDXID"]) if relation.endswith("LINK") else (item["SPDXID"], "SPDXRef-careledger")
        relations.append({"spdxElementId": ends[0], "relationshipType": relation, "relatedSpdxElement": ends[1]})
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"careledger-{version}",
        "documentNamespace": f"https://careledger.example/spdx/careledger-{version}-{digest}",
        "creationInfo": {"creators": ["Tool: careledger-sbom"], "created": "1970-01-01T00:00:00Z"},
        "packages": packages, "relationships": relations,
    }


def main(arguments):
    program, version, out, *engine = arguments
    made = document(program, version, engine[0] if engine else None)
    pathlib.Path(out).write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""Joins the tests of several build folders into one list, so that one ctest run counts them all.

usage: join_tests.py OUT SCRATCH  NAME=BUILD_FOLDER REGEX  [NAME=BUILD_FOLDER REGEX]...

Takes from each build folder the tests whose name matches REGEX and writes OUT/CTestTestfile.cmake, with NAME/ before the name of
each test that is not of the build called "release". Properties of the tests are kept. Tests of the other builds make their temporary
files in SCRATCH, which may be memory: those of the release build alone wait for a real disk.
"""
import json
import pathlib
import re
import subprocess
import sys

DROPPED = {"_BACKTRACE_TRIPLES"}


def quoted(text):
    level = 1
    while f"]{'=' * level}]" in text or text.endswith("]"):
        level += 1
        if level > 8:
            raise ValueError(f"cannot quote {text!r}")
    return f"[{'=' * level}[{text}]{'=' * level}]"


def value_text(value):
    if isinstance(value, bool):
        return "ON" if value else "OFF"
    if isinstance(value, list):
        return ";".join(str(item) for item in value)
    return str(value)


def tests_of(folder):
    shown = subprocess.run(["ctest", "--show-only=json-v1"], cwd=folder, check=True, capture_output=True, text=True)
    return json.loads(shown.stdout)["tests"]


def lines_of(name, folder, pattern, scratch):
    prefix = "" if name == "release" else name + "/"
    for test in tests_of(folder):
        if not re.search(pattern, test["name"]):
            continue
        if not test.get("command"):
            raise SystemExit(f"join_tests: {folder}: the test {test['name']} has no program; was it built?")
        full = quoted(prefix + test["name"])
        yield f"add_test({full} {' '.join(quoted(part) for part in test['command'])})"
        properties = [p for p in test.get("properties", []) if p["name"] not in DROPPED]
        if name != "release":
            known = [variable for p in properties if p["name"] == "ENVIRONMENT" for variable in p["value"]]
            properties.append({"name": "ENVIRONMENT", "value": [*known, f"TMPDIR={scratch}"]})
        for item in properties:
            yield f"set_tests_properties({full} PROPERTIES {item['name']} {quoted(value_text(item['value']))})"


def main(arguments):
    out = pathlib.Path(arguments[0])
    scratch = arguments[1]
    pairs = list(zip(arguments[2::2], arguments[3::2]))
    lines = ["# Written by tools/join_tests.py."]
    for named, pattern in pairs:
        name, folder = named.split("=", 1)
        lines += lines_of(name, folder, pattern, scratch)
    out.mkdir(parents=True, exist_ok=True)
    (out / "CTestTestfile.cmake").write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""Runs the benchmark programs one after another, joins their figures into one file and prints them as a table.

usage: bench.py BUILD_FOLDER OUT [NAME]      (NAME: only the programs whose name contains it; other figures in OUT stay)

Exit 1 when a program failed or wrote nothing; a figure that misses its target is marked, and is no failure.
"""
import json
import pathlib
import subprocess
import sys
import tempfile


def run(program):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "figures.json"
        done = subprocess.run([str(program), "--json", str(out)], check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0 or not out.exists():
            print(f"{program.name}: failed with exit code {done.returncode}", file=sys.stderr)
            return None
        return json.loads(out.read_text())


def number(value):
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def table(figures):
    rows = [["figure", "value", "unit", "target", "limit", ""]]
    for figure in figures:
        mark = "" if figure.get("holds") is None else "holds" if figure["holds"] else "MISSED"
        numbers = [number(figure.get(key)) for key in ("value", "target", "limit")]
        rows.append([figure["name"], numbers[0], figure["unit"], numbers[1], numbers[2], mark])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) if column in (0, 2, 5) else cell.rjust(width)
                        for column, (cell, width) in enumerate(zip(row, widths))).rstrip())


def merged(old, new):
    names = {figure["name"] for figure in new}
    return [figure for figure in old if figure["name"] not in names] + new


def main(arguments):
    build, out = pathlib.Path(arguments[0]), pathlib.Path(arguments[1])
    wanted = arguments[2] if len(arguments) > 2 else ""
    programs = sorted(path for path in (build / "bench").glob("*_bench") if wanted in path.name)
    if not programs:
        print(f"no benchmark program in {build}/bench has '{wanted}' in its name", file=sys.stderr)
        return 1
    figures = json.loads(out.read_text()) if wanted and out.exists() else []
    failed = False
    for program in programs:
        print(f"== {program.name}", flush=True)
        result = run(program)
        failed = failed or not result
        figures = merged(figures, result or [])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(figures, indent=1) + "\n")
    table(figures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

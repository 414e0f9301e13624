#!/usr/bin/env python3
"""Runs the benchmark programs one after another, joins their figures into one file and prints them as a table.

usage: bench.py BUILD_FOLDER OUT [--keep] [NAME]
  NAME    only the programs whose name contains it; other figures in OUT stay
  --keep  writes what this run measured to bench/history too, as DATE-COMMIT.json: the figures with the machine, and how busy it was

Exit 1 when a program failed or wrote nothing; a figure that misses its target is marked, and is no failure.
"""
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile


HISTORY = pathlib.Path(__file__).resolve().parent.parent / "bench/history"


def run(program):
    """Its data lies below build/, unless TMPDIR says otherwise: on the disk that is measured, and removed whatever becomes of it."""
    place = os.environ.get("TMPDIR") or program.parent
    with tempfile.TemporaryDirectory(dir=place, prefix="bench-") as folder:
        out = pathlib.Path(folder) / "figures.json"
        done = subprocess.run([str(program), "--json", str(out)], check=False, stdin=subprocess.DEVNULL,
                              env={**os.environ, "TMPDIR": folder})
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


def git(*arguments):
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True, cwd=HISTORY.parent).stdout.strip()


def facts(path, name):
    """The first value of a "name : value" line, as in /proc/cpuinfo."""
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.split(":", 1)[1].strip()
    return ""


def machine():
    return {"processor": facts("/proc/cpuinfo", "model name"), "cores": os.cpu_count(), "memory": facts("/proc/meminfo", "MemTotal"),
            "system": f"{platform.system()} {platform.release()}"}


def keep(figures, busy):
    """One file a run, one figure a line, so that two runs compare with diff."""
    commit = git("rev-parse", "--short=12", "HEAD") + ("-changed" if git("status", "--porcelain", "--untracked-files=no") else "")
    now = datetime.datetime.now(datetime.timezone.utc)
    head = {"date": now.strftime("%Y-%m-%dT%H:%MZ"), "commit": commit, "machine": machine(),
            "settings": {name: value for name, value in sorted(os.environ.items()) if name.startswith("CARELEDGER_BENCH_")},
            "others": "load average before and after, of all that ran: " + " ".join(f"{load:.1f}" for load in busy)}
    lines = [f"{json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    rows = ",\n".join(json.dumps(figure) for figure in figures)
    HISTORY.mkdir(parents=True, exist_ok=True)
    path = HISTORY / f"{now:%Y-%m-%d}-{commit}.json"
    path.write_text("{\n" + "\n".join(lines) + '\n"figures": [\n' + rows + "\n]}\n")
    print(f"kept as bench/history/{path.name}")


def main(arguments):
    keeps = "--keep" in arguments
    arguments = [argument for argument in arguments if argument != "--keep"]
    build, out = pathlib.Path(arguments[0]), pathlib.Path(arguments[1])
    wanted = arguments[2] if len(arguments) > 2 else ""
    before = os.getloadavg()[0]
    programs = sorted(path for path in (build / "bench").glob("*_bench") if wanted in path.name)
    if not programs:
        print(f"no benchmark program in {build}/bench has '{wanted}' in its name", file=sys.stderr)
        return 1
    figures = json.loads(out.read_text()) if wanted and out.exists() else []
    measured = []
    failed = False
    for program in programs:
        print(f"== {program.name}", flush=True)
        result = run(program)
        failed = failed or not result
        measured = merged(measured, result or [])
    figures = merged(figures, measured)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(figures, indent=1) + "\n")
    table(figures)
    if keeps and measured:
        keep(measured, [before, os.getloadavg()[0]])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

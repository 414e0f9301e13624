"""The licences of what the package contains of others: Go modules of the engine, Rust crates and code of headers in the program.

Texts come from where the package managers put the sources (Go's module cache, Cargo's registry, /usr/share/doc); Go modules that are
missing there are fetched. A part without a text is an error: nobody may pass it on.
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAMES = re.compile(r"(licen[cs]e|copying|notice|unlicense|patents)", re.I)
TESTS_ONLY = {"libgtest-dev", "librapidcheck-dev"}


def output_of(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"licences.py: {' '.join(map(str, command))} failed:\n{done.stderr}")
    return done.stdout


def texts_in(folder):
    return [path.read_text(encoding="utf-8", errors="replace") for path in sorted(pathlib.Path(folder).iterdir())
            if path.is_file() and NAMES.match(path.name)]


def go_modules(program):
    """(module, version) of everything that a Go program was built from."""
    lines = [line.split() for line in output_of("go", "version", "-m", program).splitlines()[1:]]
    found = [(fields[1], fields[2]) for fields in lines if fields[0] in ("mod", "dep")]
    for number, fields in enumerate(lines):
        if fields[0] == "=>":  # built from another one than the line before says
            replaced = lines[number - 1]
            found[found.index((replaced[1], replaced[2]))] = (fields[1], fields[2])
    return sorted(found)


def go_folder(module, version):
    escaped = re.sub("[A-Z]", lambda letter: "!" + letter.group().lower(), f"{module}@{version}")
    cached = pathlib.Path(output_of("go", "env", "GOMODCACHE").strip()) / escaped
    if cached.is_dir():
        return cached
    return pathlib.Path(json.loads(output_of("go", "mod", "download", "-json", f"{module}@{version}"))["Dir"])


def of_engine(engine):
    root = pathlib.Path(output_of("go", "env", "GOROOT").strip())
    # Go from PyPI leaves its own text out; the libraries of the same authors inside it stand under the same one.
    yield "The Go standard library", texts_in(root) or texts_in(root / "src/cmd/vendor/golang.org/x/sys")
    for module, version in go_modules(engine):
        yield f"Go module {module} {version}", texts_in(go_folder(module, version))


def of_crates():
    """Those for this platform: the lock file names others too, which nobody fetched."""
    said = json.loads(output_of("cargo", "metadata", "--format-version=1", "--locked", "--offline", "--manifest-path",
                                ROOT / "rust/Cargo.toml", "--filter-platform=x86_64-unknown-linux-gnu"))
    for package in sorted(said["packages"], key=lambda package: (package["name"], package["version"])):
        if package["source"]:
            yield f"Rust crate {package['name']} {package['version']}", texts_in(pathlib.Path(package["manifest_path"]).parent)


def of_rust():
    """Rust's own library, as Debian or rustup bring its copyright."""
    docs = pathlib.Path(output_of("rustc", "--print", "sysroot").strip()) / "share/doc"
    found = [*docs.glob("rustc*/copyright"), *docs.glob("rust/COPYRIGHT-library.html"), *docs.glob("rust/COPYRIGHT")]
    yield "The Rust standard library", [path.read_text(encoding="utf-8") for path in found[:1]]


def of_headers():
    for line in (ROOT / "tools/dependencies.txt").read_text().splitlines():
        fields = line.split()
        if fields[:2] == ["build", "apt"] and fields[2].endswith("-dev") and fields[2] not in TESTS_ONLY:
            yield f"Debian package {fields[2]}", [pathlib.Path(f"/usr/share/doc/{fields[2]}/copyright").read_text(encoding="utf-8")]


def text(engine):
    """Each text once: most parts share one of a few."""
    parts, first = [], {}
    for name, texts in [*of_engine(engine), *of_rust(), *of_crates(), *of_headers()]:
        if not texts:
            sys.exit(f"licences.py: no licence text was found for: {name}")
        shown = [one if first.setdefault(one, name) == name else f"The same text as for: {first[one]}" for one in texts]
        parts.append("\n".join([name, "=" * len(name), "", *shown]))
    return "\n\n".join(parts) + "\n"

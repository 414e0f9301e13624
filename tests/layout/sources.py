"""What the layout tests share: the files of the project, and code without its comments and strings."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SKIPPED_FOLDERS = {"build", ".git", ".cache", "node_modules", "target", "__pycache__", "planted"}
CODE = {".cpp", ".h", ".rs", ".go", ".js", ".mjs", ".ts", ".py", ".sh", ".cmake", ".proto", ".bash"}


def files(root, *folders):
    """Every file under the folders (or the root), as paths relative to the root, sorted; built and fetched things left out."""
    found = []
    for folder in folders or ("",):
        for path in (root / folder).rglob("*"):
            parts = path.relative_to(root).parts
            if path.is_file() and not SKIPPED_FOLDERS.intersection(parts):
                found.append(path.relative_to(root))
    return sorted(set(found))


def code_files(root, *folders):
    for path in files(root, *folders):
        if path.suffix in CODE or is_script(root / path):
            yield path


def is_script(path):
    if path.suffix:
        return False
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def text(root, path):
    return (root / path).read_text(encoding="utf-8", errors="replace")


def tracked_text_files(root):
    """Files that git tracks or would track; all files where there is no git."""
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, text=True, check=False)
    paths = [pathlib.Path(line) for line in listed.stdout.splitlines()] if listed.returncode == 0 else files(root)
    for path in sorted(paths):
        full = root / path
        if full.is_file() and b"\0" not in full.read_bytes()[:4096]:
            yield path


COMMENT = {
    "slashes": r"//[^\n]*|/\*.*?\*/",
    "hash": r"#[^\n]*",
}
STRING = {
    "cpp": r'R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\'',
    "rs": r'r(?P<mark>#*)".*?"(?P=mark)|"(?:\\.|[^"\\])*"|\'(?:\\[^\n]{1,9}?|[^\'\\\n])\'',
    "go": r'`[^`]*`|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'',
    "js": r'`(?:\\.|[^`\\])*`|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
          r'|(?<=[(,=:&|!?;\[{\n])\s*/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+/',
}
LANGUAGE = {".cpp": "cpp", ".h": "cpp", ".proto": "cpp", ".rs": "rs", ".go": "go", ".js": "js", ".mjs": "js", ".ts": "js"}


def without_comments(source, language="cpp", keep_strings=False):
    """The code with comments (and strings) blanked; line numbers stay."""
    pattern = re.compile(f"(?P<string>{STRING[language]})|(?P<comment>{COMMENT['slashes']})", re.S)

    def blank(match):
        if match.group("comment") is None and keep_strings:
            return match.group(0)
        kept = '""' if match.group("comment") is None else " "
        return kept + "\n" * match.group(0).count("\n")

    return pattern.sub(blank, source)


def expect_none(test, breaches):
    """Fails the test with one line a breach."""
    found = list(breaches)
    if found:
        test.fail("\n" + "\n".join(found))

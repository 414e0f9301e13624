"""Finds the functions of a source file and how many lines each has."""
import ast
import re

import sources

CONTROL = re.compile(r"^(?:\}?\s*else\s+)?(if|for|while|switch|catch|do|else|match|loop|select|case|try)\b")
SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern|impl|trait|mod|interface)\b[^()]*$")
OPENS_BODY = re.compile(r"(\)|\}|=>|\bconst|\bnoexcept|\boverride|\bfinal|\bmutable|\btry|&|\)\s*->\s*[^(){};]+|\)\s*[\w\[\]*.,<>: ]+)\s*$")
LABEL = re.compile(r"^\s*(public|private|protected|signals)\s*:")


def is_body(head):
    """Whether a brace after this text opens the body of a function."""
    head = re.sub(r"\s+", " ", LABEL.sub("", head)).strip()
    if not head or "(" not in head or CONTROL.match(head) or SCOPE.search(head):
        return False
    if re.search(r"\)\s*:\s*[^?]*\w\s*$", head) and not head.endswith(("const", "noexcept", "override", "final")):
        return False                    # an initialiser list that goes on: A::A() : member_{
    return bool(OPENS_BODY.search(head))


def is_scope(head):
    head = re.sub(r"\s+", " ", LABEL.sub("", head)).strip()
    return bool(SCOPE.search(head)) or head.startswith(("namespace", "extern", "impl", "mod ")) or head == ""


def of_braces(code):
    """(first line, last line, head) of each outermost function in code without comments and strings."""
    functions, stack = [], []
    head, head_line, line, parentheses = "", 1, 1, 0
    for character in code:
        if character == "\n":
            line += 1
        if stack and stack[-1][0] in ("body", "block"):
            if character == "{":
                stack.append(("block", 0, ""))
            elif character == "}":
                kind, first, text = stack.pop()
                if kind == "body":
                    functions.append((first, line, re.sub(r"\s+", " ", text).strip()))
                    head = ""
            continue
        if character == "{":
            if parentheses == 0 and is_body(head):
                stack.append(("body", head_line, head))
            elif parentheses == 0 and is_scope(head):
                stack.append(("scope", head_line, head))
                head = ""
            else:
                stack.append(("value", head_line, head))
        elif character == "}":
            kind = stack.pop()[0] if stack else "scope"
            head = "" if kind == "scope" else head + "}"
        elif character == ";" and parentheses == 0:
            head = ""
        else:
            parentheses += {"(": 1, ")": -1}.get(character, 0)
            parentheses = max(parentheses, 0)
            if not head.strip():
                head, head_line = "", line
            head += character
    return functions


def without_preprocessor(code):
    """Macros are blanked: their braces need not balance."""
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda match: "\n" * match.group(0).count("\n"), code, flags=re.M)


def of_python(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno, node.name


def of_shell(source):
    first = None
    for number, line in enumerate(source.splitlines(), 1):
        if re.match(r"^(function )?[\w-]+ ?\(\) ?\{$", line):
            first, name = number, line
        elif line == "}" and first:
            yield first, number, name
            first = None


def of_file(root, path):
    source = sources.text(root, path)
    if path.suffix in sources.LANGUAGE and path.suffix != ".proto":
        code = sources.without_comments(source, sources.LANGUAGE[path.suffix])
        if path.suffix in (".cpp", ".h"):
            code = without_preprocessor(code)
        return of_braces(code)
    if path.suffix == ".py":
        return list(of_python(source))
    if path.suffix in (".sh", "", ".bash"):
        return list(of_shell(source))
    return []

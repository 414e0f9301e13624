"""Draws docs/demo.svg from what the demo printed. Usage: careledger demo | tools/demo_picture.py > docs/demo.svg"""
import html
import re
import sys

STEPS = (3, 4, 5, 6)  # as many as a reader looks at
LINE, WIDTH = 20, 1000
WHITE, GREY, GREEN = "#ffffff", "#e6edf3", "#7ee787"


def chosen(lines):
    """The lines of some steps, and the closing table."""
    step, table = None, False
    for line in lines:
        heading = re.match(r"^\s?(\d+)\. ", line)
        if heading:
            step = int(heading[1])
        table = table or line == "Figures"
        if table or step in STEPS:
            yield line.rstrip()


def proving(lines):
    """Each line with whether it says what a step proves: those that go on with it are indented further."""
    green = False
    for line in lines:
        green = line.lstrip().startswith("proves:") or (green and line.startswith(" " * 8))
        yield line, green


def drawn(line, green, y):
    bold = re.match(r"^\s?\d+\. |^Figures$", line)
    colour = WHITE if bold else GREEN if green else GREY
    weight = ' font-weight="700"' if bold else ""
    return f'<text x="20" y="{y}" fill="{colour}"{weight} xml:space="preserve">{html.escape(line)}</text>'


def main():
    lines = list(chosen(sys.stdin.read().splitlines()))
    height = LINE * (len(lines) + 2)
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
          'aria-label="Output of ./dev demo: eleven steps, each with what it proves">')
    print(f'<rect width="{WIDTH}" height="{height}" rx="10" fill="#101820"/>')
    print('<g font-family="ui-monospace,Menlo,Consolas,monospace" font-size="13.5">')
    for number, (line, green) in enumerate(proving(lines)):
        print(drawn(line, green, LINE * number + 30))
    print("</g>\n</svg>")


if __name__ == "__main__":
    main()

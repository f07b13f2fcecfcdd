"""Lines to paragraphs, as a browser would show them.

Lines of a paragraph run on; an empty line ends it. List items and headings are lines of their own, without their marks;
paragraphs and headings are set off by an empty line.
"""

import re

from spark_jobs.wikitext.page import BREAK, DROPPED, HEADING_OPEN, LINK_CLOSE, LINK_OPEN

_LIST_MARKS = "*#:;"
_LINE_MARKS = f"{_LIST_MARKS}{HEADING_OPEN} \t"
"""First characters of lines that are no part of a paragraph; with a space they are preformatted."""
_EMPTY_PARENTHESES = re.compile(
    rf" ?(?:\([\s,;:/]*+{DROPPED}[\s{DROPPED},;:/]*\)|（[\s,;:/、，；：]*+{DROPPED}[\s{DROPPED},;:/、，；：]*）)"
)
_BEFORE_STOP = re.compile(rf" {DROPPED}[ {DROPPED}]*(?=[,.;:!?)\]、。，])")
_AFTER_OPENING = re.compile(rf"([(（]) *{DROPPED}[ {DROPPED},;、，；]*")
_BLANKS = re.compile("[ \t\u00a0]{2,}|[\t\u00a0]")
_BREAKS = re.compile(rf"[ \n]*{BREAK}[ \n{BREAK}]*")
_MANY_LINES = re.compile(r"\n{3,}")
_RULE = re.compile(r"\A-{4,}")


def close_gaps(text: str) -> str:
    """Punctuation that dropped templates leave behind: `Tokyo ({{x}}) is` becomes `Tokyo is`."""
    if DROPPED not in text:
        return text
    text = _EMPTY_PARENTHESES.sub("", text)
    text = _BEFORE_STOP.sub("", text)
    return _AFTER_OPENING.sub(r"\1", text)


def lay_out(text: str) -> str:
    """The page's lines as paragraphs, list items and headings."""
    out: list[str] = []
    running = gap = False
    for source in text.split("\n"):
        line = source.replace(DROPPED, "") if DROPPED in source else source
        first = line[:1]
        if not first or line.isspace():
            if not source or source.isspace():  # a line of templates that left nothing ends no paragraph
                running, gap = False, True
            continue
        between = "\n\n" if gap else "\n"
        gap = first not in _LINE_MARKS
        if first in _LIST_MARKS:
            line = line.lstrip("*#:; \t")
            line = _definition(line) if first == ";" else line
        elif first == HEADING_OPEN:
            between = "\n\n"
        elif gap:
            between = " " if running else between
            line = _RULE.sub("", line, count=1) if first == "-" else line
        line = line.strip()
        running = gap and line != ""
        if line:
            out.append(between + line)
    text = _BLANKS.sub(" ", "".join(out))
    if BREAK in text:
        text = _BREAKS.sub("\n", text)
    return _MANY_LINES.sub("\n\n", text).strip()


def _definition(item: str) -> str:
    """`term : meaning` on a line that begins with `;` is two lines; a colon inside a link or an address divides nothing."""
    depth = 0
    for index, character in enumerate(item):
        if character == LINK_OPEN:
            depth += 1
        elif character == LINK_CLOSE:
            depth -= 1
        elif character == ":" and depth == 0 and item[index + 1 : index + 3] != "//":
            return f"{item[:index].rstrip()}\n{item[index + 1 :].lstrip()}"
    return item

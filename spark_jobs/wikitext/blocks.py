"""Lines to paragraphs, as a browser would show them.

Lines of a paragraph run on; an empty line ends it. List items and headings are lines of their own, without their marks;
paragraphs and headings are set off by an empty line.
"""

import re

from spark_jobs.wikitext.inline import FREE_LINK
from spark_jobs.wikitext.page import BREAK, DROPPED, HEADING_CLOSE, HEADING_OPEN, LINK_CLOSE, LINK_OPEN, TAG_CLOSE, TAG_OPEN

_LIST_MARKS = "*#:;"
_LINE_MARKS = f"{_LIST_MARKS}{HEADING_OPEN} \t"
"""First characters of lines that are no part of a paragraph; with a space they are preformatted."""
_GONE = f"{DROPPED}{TAG_OPEN}{TAG_CLOSE}"
"""Marks that show nothing."""
_EMPTY_PARENTHESES = re.compile(rf"[(（][\s,;:/、，；：{TAG_OPEN}]*+{DROPPED}[\s{_GONE},;:/、，；：]*+[)）]")
_GAP = re.compile(rf" {DROPPED}[ {DROPPED}]*+([,.;:!?)\]、。，]?)")
_AFTER_OPENING = re.compile(rf"([(（]) *{DROPPED}[ {DROPPED},;、，；]*")
_COLON = re.compile(rf"(?P<open>[{LINK_OPEN}{TAG_OPEN}])|(?P<close>[{LINK_CLOSE}{TAG_CLOSE}])|{FREE_LINK}|:", re.IGNORECASE)
_BLANK = " \t\u00a0\u2002\u2003\u3000"
"""What a line loses at its ends."""
_BLANKS = re.compile("[ \t\u00a0]{2,}|[\t\u00a0]")
_BREAKS = re.compile(rf"[ \n]*{BREAK}[ \n{BREAK}]*")
_MANY_LINES = re.compile(r"\n{3,}")
_RULE = re.compile(r"\A-{4,}")


def close_gaps(text: str) -> str:
    """Punctuation that dropped templates leave behind: `Tokyo ({{x}}) is` becomes `Tokyo is`."""
    if DROPPED not in text:
        return text
    text = _EMPTY_PARENTHESES.sub(DROPPED, text)
    text = _GAP.sub(_closed_gap, text)
    return _AFTER_OPENING.sub(r"\1", text)


def _closed_gap(match: re.Match[str]) -> str:
    """A run of blanks and gaps is one blank; before a full stop and its kin it is nothing."""
    return match[1] or " "


def lay_out(text: str) -> str:
    """The page's lines as paragraphs, list items and headings."""
    out: list[str] = []
    running = gap = False
    last_marks = ""
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
            item = line.lstrip(_LIST_MARKS)
            marks = line[: len(line) - len(item)]
            line = _definitions(item, _terms(marks, last_marks)) if ";" in marks else item
            last_marks = marks.replace(";", ":")
        elif first == HEADING_OPEN:
            between, last_marks = "\n\n", ""
            line = f"{HEADING_OPEN}{line[1:].rstrip(HEADING_CLOSE).strip()}{HEADING_CLOSE}"
        elif gap:
            last_marks = ""
            between = " " if running else between
            line = _RULE.sub("", line, count=1) if first == "-" else line
        line = line.strip(_BLANK)
        running = gap and line != ""
        if line:
            out.append(between + line)
    text = "".join(out).replace(TAG_OPEN, "").replace(TAG_CLOSE, "")
    text = _BLANKS.sub(" ", text)
    if BREAK in text:
        text = _BREAKS.sub("\n", text)
    return _MANY_LINES.sub("\n\n", text).strip()


def _terms(marks: str, last_marks: str) -> int:
    """How many terms a list item opens: its `;` beyond the marks that it shares with the item before."""
    if marks.replace(";", ":") == last_marks:
        return int(marks[-1] == ";")
    shared = 0
    while shared < min(len(marks), len(last_marks)) and marks[shared] == last_marks[shared]:
        shared += 1
    return marks.count(";", shared)


def _definitions(item: str, terms: int) -> str:
    """`term : meaning` is two lines; a colon inside a link, a tag or an address divides nothing."""
    depth = 0
    lines: list[str] = []
    begin = 0
    for token in _COLON.finditer(item):
        if len(lines) == terms:
            break
        if token["open"]:
            depth += 1
        elif token["close"]:
            depth = max(0, depth - 1)
        elif token[0] == ":" and depth == 0:
            lines.append(item[begin : token.start()].strip())
            begin = token.end()
    return "\n".join([*lines, item[begin:].lstrip()])

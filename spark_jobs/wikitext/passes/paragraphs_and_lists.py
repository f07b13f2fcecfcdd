"""Lines to paragraphs, as a browser would show them.

Lines of a paragraph run on; an empty line ends it. List items and headings are lines of their own, without their marks;
paragraphs and headings are set off by an empty line.
"""

import re

from spark_jobs.wikitext.page_state import (
    BREAK,
    DROPPED,
    HEADING_CLOSE,
    HEADING_OPEN,
    LINK_CLOSE,
    LINK_OPEN,
    TAG_CLOSE,
    TAG_OPEN,
)
from spark_jobs.wikitext.passes.external_links import FREE_LINK

_COLON = re.compile(rf"(?P<open>[{LINK_OPEN}{TAG_OPEN}])|(?P<close>[{LINK_CLOSE}{TAG_CLOSE}])|{FREE_LINK}|:", re.IGNORECASE)
_LIST_MARKS = "*#:;"
_BLANKS = f" \t\u00a0\u2002\u2003\u3000{DROPPED}"
"""What a line loses at its ends."""
_NON_PARAGRAPH_STARTS = frozenset(f"{_LIST_MARKS}-{HEADING_OPEN} \t{DROPPED}")
"""First characters of lines that may be no part of a paragraph; with a blank they are preformatted."""
_BLANK_RUN = re.compile("  +")
EMPTY, PARAGRAPH, ITEM, HEADING = range(4)
"""Kinds of lines."""
_SEPARATORS = (
    ("", "\n\n", "\n\n", "\n\n"),
    ("", " ", "\n\n", "\n\n"),
    ("", "\n", "\n", "\n\n"),
    ("", "\n", "\n", "\n\n"),
)
"""What stands between a line and the next, by their kinds: lines of a paragraph run on."""


def lay_out_lines(text: str) -> str:
    """The page's lines as paragraphs, list items and headings."""
    out: list[str] = []
    previous = EMPTY
    last_item = ""
    for source in text.split("\n"):
        line = source.strip(_BLANKS)
        if not line:
            if DROPPED not in source:  # a line of templates that left nothing ends no paragraph
                previous = EMPTY
            continue
        kind, first = PARAGRAPH, source[0]
        if first in _NON_PARAGRAPH_STARTS:
            if first == DROPPED:
                first = source.lstrip(DROPPED)[0]
            if first in _LIST_MARKS:
                kind = ITEM
                line, last_item = _format_item(line, last_item), line
            elif first == HEADING_OPEN:
                kind = HEADING
                line = f"{HEADING_OPEN}{line[1:].rstrip(HEADING_CLOSE).strip(_BLANKS)}{HEADING_CLOSE}"
            elif first in " \t":
                kind = ITEM
            elif line.startswith("----"):
                line, previous = line.lstrip("-"), EMPTY
        if kind != ITEM:
            last_item = ""
        if line:
            out += (_SEPARATORS[previous][kind], line)
            previous = kind
    return _trim_white_space("".join(out).replace(DROPPED, "").replace(TAG_OPEN, "").replace(TAG_CLOSE, ""))


def _trim_white_space(text: str) -> str:
    """Single blanks; one empty line at most, and a break takes the place of those around it."""
    text = _BLANK_RUN.sub(" ", text.replace("\t", " ").replace("\u00a0", " "))
    text = _replace_repeatedly(text, "\n\n\n", "\n\n")
    if BREAK in text:
        text = _replace_repeatedly(_apply_breaks(text), "\n\n\n", "\n\n")
    return text.strip()


def _apply_breaks(text: str) -> str:
    """Breaks as line ends; several in a row, with blanks and line ends between and behind them, are one."""
    first, *between, last = text.split(BREAK)
    pieces = [first, *filter(None, [piece.lstrip(" \n") for piece in between])]
    return "\n".join([*[piece.rstrip(" ").rstrip("\n") for piece in pieces], last.lstrip(" \n")])


def _replace_repeatedly(text: str, many: str, few: str) -> str:
    """Replaces until nothing is left to replace. Faster than a pattern, and each turn shortens a run by a share of it."""
    while many in text:
        text = text.replace(many, few)
    return text


def _format_item(line: str, last_item: str) -> str:
    """A list item without its marks, its definitions on lines of their own; `last_item` is the line before, if it was one."""
    item = line.lstrip(_LIST_MARKS)
    marks = line[: len(line) - len(item)]
    if ";" not in marks:
        return item.lstrip(_BLANKS)
    last_marks = last_item[: len(last_item) - len(last_item.lstrip(_LIST_MARKS))].replace(";", ":")
    return "\n".join(_split_definitions(item, _count_terms(marks, last_marks)))


def _count_terms(marks: str, last_marks: str) -> int:
    """How many terms a list item opens: its `;` beyond the marks that it shares with the item before."""
    if marks.replace(";", ":") == last_marks:
        return int(marks[-1] == ";")
    shared = 0
    while shared < min(len(marks), len(last_marks)) and marks[shared] == last_marks[shared]:
        shared += 1
    return marks.count(";", shared)


def _split_definitions(item: str, terms: int) -> list[str]:
    """`term : meaning` in its parts; a colon inside a link, a tag or an address divides nothing."""
    depth = 0
    parts: list[str] = []
    begin = 0
    for token in _COLON.finditer(item):
        if len(parts) == terms:
            break
        if token["open"]:
            depth += 1
        elif token["close"]:
            depth = max(0, depth - 1)
        elif token[0] == ":" and depth == 0:
            parts.append(item[begin : token.start()].strip())
            begin = token.end()
    return [*parts, item[begin:].strip()]

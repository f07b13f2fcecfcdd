"""Source lines to paragraphs, list items and headings, as a browser shows them.

Consecutive lines form one paragraph; an empty line ends it. List items and headings are separate lines without their marks.
Paragraphs and headings are separated by an empty line.
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
"""Characters stripped from both ends of a line."""
_NON_PARAGRAPH_STARTS = frozenset(f"{_LIST_MARKS}-{HEADING_OPEN} \t{DROPPED}")
"""First characters of lines that may not belong to a paragraph; a leading blank means preformatted."""
_BLANK_RUN = re.compile("  +")
EMPTY, PARAGRAPH, ITEM, HEADING = range(4)
"""Kinds of lines."""
_SEPARATORS = (
    ("", "\n\n", "\n\n", "\n\n"),
    ("", " ", "\n\n", "\n\n"),
    ("", "\n", "\n", "\n\n"),
    ("", "\n", "\n", "\n\n"),
)
"""Separator between two lines: `_SEPARATORS[kind of the first][kind of the second]`."""


def lay_out_lines(text: str) -> str:
    """The lines of a page as paragraphs, list items and headings."""
    out: list[str] = []
    previous = EMPTY
    last_item = ""
    for source in text.split("\n"):
        line = source.strip(_BLANKS)
        if not line:
            if DROPPED not in source:  # a line of dropped templates does not end a paragraph
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
    """`text` with single blanks and at most one empty line in a row; a break replaces the line ends around it."""
    text = _BLANK_RUN.sub(" ", text.replace("\t", " ").replace("\u00a0", " "))
    text = _replace_repeatedly(text, "\n\n\n", "\n\n")
    if BREAK in text:
        text = _replace_repeatedly(_apply_breaks(text), "\n\n\n", "\n\n")
    return text.strip()


def _apply_breaks(text: str) -> str:
    """`text` with breaks as line ends. Several in a row, with blanks and line ends between and after them, are one."""
    first, *between, last = text.split(BREAK)
    pieces = [first, *filter(None, [piece.lstrip(" \n") for piece in between])]
    return "\n".join([*[piece.rstrip(" ").rstrip("\n") for piece in pieces], last.lstrip(" \n")])


def _replace_repeatedly(text: str, many: str, few: str) -> str:
    """Replace `many` by `few` until none is left. Faster than a pattern; each round shortens a run by a fixed share."""
    while many in text:
        text = text.replace(many, few)
    return text


def _format_item(line: str, last_item: str) -> str:
    """A list item without its marks, a line per definition; `last_item` is the previous line if it was an item."""
    item = line.lstrip(_LIST_MARKS)
    marks = line[: len(line) - len(item)]
    if ";" not in marks:
        return item.lstrip(_BLANKS)
    last_marks = last_item[: len(last_item) - len(last_item.lstrip(_LIST_MARKS))].replace(";", ":")
    return "\n".join(_split_definitions(item, _count_terms(marks, last_marks)))


def _count_terms(marks: str, last_marks: str) -> int:
    """Number of terms that a list item opens: the `;` after the marks that it shares with the previous item."""
    if marks.replace(";", ":") == last_marks:
        return int(marks[-1] == ";")
    shared = 0
    while shared < min(len(marks), len(last_marks)) and marks[shared] == last_marks[shared]:
        shared += 1
    return marks.count(";", shared)


def _split_definitions(item: str, terms: int) -> list[str]:
    """`term : meaning` split at its colons, except those inside a link, a tag or an address."""
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

"""Bold and italics: runs of apostrophes, line by line. Source: MediaWiki's "Help:Formatting" and "Specs/wikitext/1.0.0"."""

import re

from spark_jobs.wikitext.page_state import TAG_CLOSE, TAG_OPEN

_QUOTES = re.compile(r"('{2,})")
ITALIC, BOLD, BOTH = 2, 3, 5
_MARKED_STARTS = ("*", "#", ":", ";", "'")
"""Where a line begins with these, marks must stand for the apostrophes: a list begins before them, or none after them."""


def drop_bold_italics(text: str) -> str:
    """`text` without the apostrophes that mean bold and italics."""
    out: list[str] = []
    last = 0
    while (found := text.find("''", last)) >= 0:
        begin = text.rfind("\n", last, found) + 1 or last
        end = text.find("\n", found)
        if end < 0:
            end = len(text)
        out += (text[last:begin], drop_bold_italics_of_line(text[begin:end]))
        last = end
    if not out:
        return text
    out.append(text[last:])
    return "".join(out)


def drop_bold_italics_of_line(line: str) -> str:
    """One line, or the label of a link, which is read by itself; in a list item marks of tags take the place of the apostrophes.

    Four apostrophes are one and bold; beyond five the rest are apostrophes. Where bold and italics are both left open, one bold
    is an apostrophe and italics: the first after a one-letter word, else after a longer one, else after a space.

    >>> drop_bold_italics_of_line("l'''amour''")
    "l'amour"
    """
    if "''''" in line or line.count("'''") % 2:
        parts = _resolve_lengths(_QUOTES.split(line))
    elif line[:1] not in _MARKED_STARTS:
        return line.replace("'''", "").replace("''", "")  # nearly all are so: each run means itself
    else:
        parts = _QUOTES.split(line)
    if line[:1] not in _MARKED_STARTS:
        return "".join(parts[::2])
    _replace_by_tag_marks(parts)
    return "".join(parts)


def _resolve_lengths(parts: list[str]) -> list[str]:
    """Runs of apostrophes at the odd places of `parts`, without those that are apostrophes."""
    bold = italic = 0
    for index in range(1, len(parts), 2):
        length = len(parts[index])
        literal = 1 if length == BOLD + 1 else max(0, length - BOTH)
        marks = length - literal
        parts[index - 1] += "'" * literal
        parts[index] = "'" * marks
        bold += marks in (BOLD, BOTH)
        italic += marks in (ITALIC, BOTH)
    if bold % 2 and italic % 2:
        chosen = _bold_to_break(parts)
        if chosen:
            parts[chosen - 1] += "'"
            parts[chosen] = "''"
    return parts


def _bold_to_break(parts: list[str]) -> int:
    """Index of the bold mark that is an apostrophe and italics; 0 if none is."""
    after_space = after_word = 0
    for index in range(1, len(parts), 2):
        if len(parts[index]) != BOLD:
            continue
        before = parts[index - 1]
        if before[-1:] == " ":
            after_space = after_space or index
        elif before[-2:-1] == " " and before[-1].isascii():
            return index  # MediaWiki counts bytes: a letter beyond ASCII is no one-letter word
        else:
            after_word = after_word or index
    return after_word or after_space


def _replace_by_tag_marks(parts: list[str]) -> None:
    """Puts marks of tags in place of the apostrophes, so that a colon between them divides no definition."""
    bold = italic = False
    for index in range(1, len(parts), 2):
        length = len(parts[index])
        mark = ""
        if length in (BOLD, BOTH):
            bold = not bold
            mark = TAG_OPEN if bold else TAG_CLOSE
        if length in (ITALIC, BOTH):
            italic = not italic
            mark += TAG_OPEN if italic else TAG_CLOSE
        parts[index] = mark

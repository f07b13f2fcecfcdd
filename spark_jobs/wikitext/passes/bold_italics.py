"""Bold and italics: runs of apostrophes, line by line. Source: MediaWiki's "Help:Formatting" and "Specs/wikitext/1.0.0"."""

import re

from spark_jobs.wikitext.page_state import TAG_CLOSE, TAG_OPEN

_QUOTES = re.compile(r"('{2,})")
ITALIC, BOLD, BOTH = 2, 3, 5
_MARKED_STARTS = ("*", "#", ":", ";", "'")
"""In lines that begin with these, tag marks replace the apostrophes, so that the pass over lists sees where they were."""


def drop_bold_italics(text: str) -> str:
    """`text` without the apostrophes that mark bold and italics."""
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
    """A line, or the label of a link, without its runs of apostrophes; in list items tag marks replace them.

    Four apostrophes are one literal apostrophe and bold; of more than five, all but five are literal. If bold and italics are
    both left open, one bold run becomes an apostrophe and italics: the first after a one-letter word, else after a longer word,
    else after a space.

    >>> drop_bold_italics_of_line("l'''amour''")
    "l'amour"
    """
    if "''''" in line or line.count("'''") % 2:
        parts = _resolve_lengths(_QUOTES.split(line))
    elif line[:1] not in _MARKED_STARTS:
        return line.replace("'''", "").replace("''", "")  # true for nearly all lines: no run is ambiguous
    else:
        parts = _QUOTES.split(line)
    if line[:1] not in _MARKED_STARTS:
        return "".join(parts[::2])
    _replace_by_tag_marks(parts)
    return "".join(parts)


def _resolve_lengths(parts: list[str]) -> list[str]:
    """`parts` with literal apostrophes moved from the runs (odd indices) into the text before them."""
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
    """Index of the bold run that becomes an apostrophe and italics; 0 if there is none."""
    after_space = after_word = 0
    for index in range(1, len(parts), 2):
        if len(parts[index]) != BOLD:
            continue
        before = parts[index - 1]
        if before[-1:] == " ":
            after_space = after_space or index
        elif before[-2:-1] == " " and before[-1].isascii():
            return index  # MediaWiki counts bytes: a non-ASCII letter is longer than one
        else:
            after_word = after_word or index
    return after_word or after_space


def _replace_by_tag_marks(parts: list[str]) -> None:
    """Replace the apostrophes by tag marks, so that a colon between them does not split a definition."""
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

"""Headings, and sections that hold no prose."""

import re

from spark_jobs.wikis.profiles import section_key
from spark_jobs.wikitext.page import DROPPED, HEADING_CLOSE, HEADING_OPEN, TAG_CLOSE, TAG_OPEN, Page

MAX_LEVEL = 6
_LINE = re.compile(r"\n=[^\n]*")
_MARKUP = re.compile(rf"'''?|\[\[(?:[^\[\]|]*\|)?|\]\]|[{DROPPED}{TAG_OPEN}{TAG_CLOSE}\x1a\x1b\x0b]")


def mark_headings(text: str, page: Page, drop_sections: bool = True) -> str:
    """`text` with headings between marks, and without the sections that the profile drops."""
    if "\n=" not in text and text[:1] != "=":
        return text
    out: list[str] = []
    text = "\n" + text
    last = 0
    skip = 0
    for match in _LINE.finditer(text):
        level, title = parse_heading(match[0][1:])
        if not level:
            continue
        if not skip:
            out.append(text[last : match.start()])
        last = match.end()
        if skip and level > skip:
            continue
        skip = 0
        if drop_sections and section_key(_MARKUP.sub("", title)) in page.profile.dropped_sections:
            skip = level
            page.count("sections_dropped")
        elif title.strip(DROPPED + " "):
            page.levels.append(level)
            out.append(f"\n{HEADING_OPEN}{title}{HEADING_CLOSE}")
    if not skip:
        out.append(text[last:])
    return "".join(out)[1:] if out and out[0][:1] == "\n" else "".join(out)


def parse_heading(line: str) -> tuple[int, str]:
    """Level and title of a line that begins with `=`; level 0 if it is no heading.

    >>> parse_heading("== A =="), parse_heading("=== B =="), parse_heading("== C"), parse_heading("=====")
    ((2, 'A'), (2, '= B'), (0, ''), (2, '='))
    """
    line = line.rstrip(f" \t{DROPPED}")
    length = len(line)
    before, after = length - len(line.lstrip("=")), length - len(line.rstrip("="))
    level = min(before, after, MAX_LEVEL) if before < length else min((length - 1) // 2, MAX_LEVEL)
    return (level, line[level : length - level].strip()) if level > 0 else (0, "")

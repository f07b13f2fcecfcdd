"""Headings: marked. Sections without prose, such as references: dropped."""

import re
from functools import lru_cache

from spark_jobs.wikis.wiki_profile import WikiProfile, section_key
from spark_jobs.wikitext.page_state import DROPPED, HEADING_CLOSE, HEADING_OPEN, TAG_CLOSE, TAG_OPEN, PageState

MAX_LEVEL = 6
CACHED_HEADINGS = 1 << 13
LONGEST_CACHED = 255
"""Longer headings are not cached."""
_LINE = re.compile(r"\n=[^\n]*")
_MARKUP = re.compile(rf"'''?|\[\[(?:[^\[\]|]*\|)?|\]\]|[{DROPPED}{TAG_OPEN}{TAG_CLOSE}\x1a\x1b\x0b]")


def mark_headings(text: str, page: PageState, drop_sections: bool = True) -> str:
    """`text` with headings between marks, without the sections in `WikiProfile.dropped_sections`."""
    if "\n=" not in text and text[:1] != "=":
        return text
    known = _heading_cache(page.profile)
    if len(known) > CACHED_HEADINGS:
        known.clear()
    out: list[str] = []
    text = "\n" + text
    last = 0
    skip = 0
    for match in _LINE.finditer(text):
        line = match[0]
        heading = known.get(line)
        if heading is None:
            heading = _classify_heading(line[1:], page.profile)
            if len(line) <= LONGEST_CACHED:
                known[line] = heading
        level, title, is_dropped = heading
        if not level:
            continue
        if not skip:
            out.append(text[last : match.start()])
        last = match.end()
        if skip and level > skip:
            continue
        skip = 0
        if is_dropped and drop_sections:
            skip = level
            page.count("sections_dropped")
        elif title:
            page.heading_levels.append(level)
            out.append(f"\n{HEADING_OPEN}{title}{HEADING_CLOSE}")
    if not skip:
        out.append(text[last:])
    return "".join(out)[1:] if out and out[0][:1] == "\n" else "".join(out)


@lru_cache(maxsize=64)
def _heading_cache(profile: WikiProfile) -> dict[str, tuple[int, str, bool]]:  # noqa: ARG001
    """Line -> level, title, whether the section is dropped, for one wiki. Most pages have the same headings."""
    return {}


def _classify_heading(line: str, profile: WikiProfile) -> tuple[int, str, bool]:
    """Level, title and whether the section is dropped. Level 0: not a heading; empty title: it shows nothing."""
    level, title = parse_heading(line)
    is_dropped = section_key(_MARKUP.sub("", title)) in profile.dropped_sections
    return level, title if title.strip(DROPPED + " ") else "", is_dropped


def parse_heading(line: str) -> tuple[int, str]:
    """Level and title of a line that begins with `=`; level 0 if it is not a heading.

    >>> parse_heading("== A =="), parse_heading("=== B =="), parse_heading("== C"), parse_heading("=====")
    ((2, 'A'), (2, '= B'), (0, ''), (2, '='))
    """
    line = line.rstrip(f" \t{DROPPED}")
    length = len(line)
    before, after = length - len(line.lstrip("=")), length - len(line.rstrip("="))
    level = min(before, after, MAX_LEVEL) if before < length else min((length - 1) // 2, MAX_LEVEL)
    return (level, line[level : length - level].strip()) if level > 0 else (0, "")

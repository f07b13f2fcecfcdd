"""Last pass: the marks of links and headings become offsets."""

import re
from itertools import accumulate, compress, repeat
from operator import itemgetter
from typing import get_args

from spark_jobs.wikitext.extraction_result import Extraction, Link, LinkKind, Section
from spark_jobs.wikitext.page_state import (
    HEADING_CLOSE,
    HEADING_OPEN,
    LINK_CLOSE,
    LINK_OPEN,
    PROTECTED_CLOSE,
    PROTECTED_OPEN,
    PageState,
)

_WHITE_SPACE = re.compile(r"\s*+")
_PROTECTED = re.compile(f"{PROTECTED_OPEN}([0-9]+){PROTECTED_CLOSE}")
LINK_KINDS: tuple[str, ...] = get_args(LinkKind)


def build_extraction(text: str, page: PageState) -> Extraction:
    """The result for a page. Removes all marks; the offset of a mark is the length of the text before it."""
    if PROTECTED_OPEN in text:
        text = _PROTECTED.sub(lambda match: page.protected[int(match[1])], text)
    text, headings = _take_headings(text, page)
    plain, links = _take_links(text, page)
    if plain[:1].isspace() or plain[-1:].isspace():  # empty marks hid it from the passes
        before, plain = len(plain) - len(plain.lstrip()), plain.strip()
        links = [link._replace(start=link.start - before, end=link.end - before) for link in links]
        # A heading that showed nothing but this white space may fall outside the stripped text.
        headings = [(level, max(start - before, 0), min(end - before, len(plain))) for level, start, end in headings]
    kinds = [*map(itemgetter(Link._fields.index("kind")), links)]
    for name in LINK_KINDS:
        page.count(f"links_{name}", kinds.count(name))
    return Extraction(
        plain,
        tuple(links),
        tuple(_build_sections(plain, headings)),
        tuple(sorted(page.templates, key=page.templates.__getitem__)),
        page.counters,
    )


def _take_headings(text: str, page: PageState) -> tuple[str, list[tuple[int, int, int]]]:
    """`text` without marks of headings; (level, start, end) of the headings that show something. Offsets skip marks of links."""
    if HEADING_OPEN not in text:
        return text, []
    before, *pieces = text.split(HEADING_OPEN)
    headings: list[tuple[int, int, int]] = []
    start = _visible_length(before)
    for piece, level in zip(pieces, page.heading_levels, strict=True):
        title, _, body = piece.partition(HEADING_CLOSE)
        length = _visible_length(title)
        if title.replace(LINK_OPEN, "").replace(LINK_CLOSE, "").strip():
            headings.append((level, start, start + length))
        # A link that began in a heading and ended after it brought a second HEADING_CLOSE into the body.
        start += length + _visible_length(body) - body.count(HEADING_CLOSE)
    return text.replace(HEADING_OPEN, "").replace(HEADING_CLOSE, ""), headings


def _visible_length(text: str) -> int:
    """Number of characters of `text` that are not marks of links."""
    return len(text) - text.count(LINK_OPEN) - text.count(LINK_CLOSE)


def _take_links(text: str, page: PageState) -> tuple[str, list[Link]]:
    """`text` without marks of links, and the links whose label shows something.

    Opening and closing marks alternate, so every other piece between them is a label. A page has hundreds of links, so each step
    handles all of them at once.
    """
    if LINK_OPEN not in text:
        return text, []
    pieces = text.replace(LINK_CLOSE, LINK_OPEN).split(LINK_OPEN)
    edges = [*accumulate(map(len, pieces))]
    starts, ends, labels = edges[:-1:2], edges[1::2], pieces[1::2]
    surfaces = [*map(str.strip, labels)]
    if surfaces != labels:
        starts = [start + label.find(surface) for start, label, surface in zip(starts, labels, surfaces, strict=True)]
        ends = [start + len(surface) for start, surface in zip(starts, surfaces, strict=True)]
    fields = zip(starts, ends, *zip(*page.links, strict=True), strict=True)
    links = map(tuple.__new__, repeat(Link), fields)  # three times as fast as Link(*fields)
    return "".join(pieces), [*compress(links, surfaces)]


def _build_sections(text: str, headings: list[tuple[int, int, int]]) -> list[Section]:
    """Sections from headings (level, start, end). A section ends where the next heading of its level or a higher one begins."""
    sections: list[Section] = []
    open_sections: list[tuple[int, int]] = []
    ends = [len(text)] * len(headings)
    for index, (level, start, _) in enumerate(headings):
        while open_sections and open_sections[-1][0] >= level:
            ends[open_sections.pop()[1]] = start
        open_sections.append((level, index))
    for (level, start, end), stop in zip(headings, ends, strict=True):
        first = min(_WHITE_SPACE.match(text, end).end(), stop)  # type: ignore[union-attr]  # matches the empty string too
        last = max(end, stop)
        while last > end and text[last - 1].isspace():
            last -= 1
        sections.append(Section(level, text[start:end].strip(), first, max(first, last)))
    return sections

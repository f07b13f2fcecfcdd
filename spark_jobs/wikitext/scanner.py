"""`extract`: the passes in their order, and the last one that turns marks into offsets."""

import re
from dataclasses import dataclass
from itertools import accumulate, compress, repeat
from operator import itemgetter
from typing import Literal, get_args

from spark_jobs.wikis.wiki_profile import WikiProfile
from spark_jobs.wikitext.extraction_result import DEFAULT_BUDGET, Budget, Extraction, Link, LinkKind, Section
from spark_jobs.wikitext.page_state import (
    HEADING_CLOSE,
    HEADING_OPEN,
    LINK_CLOSE,
    LINK_OPEN,
    NO_TRAIL,
    STRIP_CLOSE,
    STRIP_OPEN,
    PageState,
)
from spark_jobs.wikitext.passes.bold_italics import drop_quotes
from spark_jobs.wikitext.passes.comments_and_extensions import clean_source, strip_opaque
from spark_jobs.wikitext.passes.headings import mark_headings
from spark_jobs.wikitext.passes.html_tags import drop_tags
from spark_jobs.wikitext.passes.inline_markup import decode_entities, drop_external_links, drop_switches
from spark_jobs.wikitext.passes.internal_links import drop_files, mark_links
from spark_jobs.wikitext.passes.language_variants import choose_variant
from spark_jobs.wikitext.passes.table_cells import keep_cells
from spark_jobs.wikitext.passes.template_calls import expand_templates
from spark_jobs.wikitext.passes.text_blocks import close_gaps, lay_out
from spark_jobs.wikitext.passes.wiki_tables import drop_tables

_WHITE_SPACE = re.compile(r"\s*+")
_STRIPPED = re.compile(f"{STRIP_OPEN}([0-9]+){STRIP_CLOSE}")


@dataclass(frozen=True)
class Options:
    """What a caller may choose; the same for every page of a build."""

    drop_sections: bool = True
    """Leave out sections whose heading is in `WikiProfile.dropped_sections`."""
    math: Literal["drop", "latex"] = "drop"
    """Formulas: left out, or kept as their LaTeX source between dollar signs."""
    tables: Literal["drop", "text"] = "drop"
    """Tables: left out, or kept as text, a row a line."""
    budget: Budget = DEFAULT_BUDGET
    """Work that one page may cost."""


DEFAULT = Options()
LINK_KINDS: tuple[str, ...] = get_args(LinkKind)


def extract(wikitext: str, profile: WikiProfile, options: Options = DEFAULT) -> Extraction:
    """Text and links of a page as its readers see them. Pure, deterministic, linear in the length of `wikitext`.

    >>> from spark_jobs.wikis import load_profile
    >>> page = extract("'''Tea''' is a [[drink|hot drink]]{{ref|1}}. [[Leaf|Leaves]]", load_profile("enwiki"))
    >>> page.text, [(page.text[link.start : link.end], link.target) for link in page.links]
    ('Tea is a hot drink. Leaves', [('hot drink', 'Drink'), ('Leaves', 'Leaf')])

    For every link, `text[start:end]` is its surface and not empty; spans are sorted and disjoint; offsets are code points.
    Raises WikitextError, and nothing else, for a page over `options.budget`.
    """
    page = PageState(profile, options.budget)
    page.spend(len(wikitext), options.budget.source_characters, "characters of wikitext")
    text = strip_opaque(clean_source(wikitext), page, options.math == "latex")
    text = expand_templates(text, page)
    text = choose_variant(text, page)
    text = drop_tables(text, page) if options.tables == "drop" else keep_cells(text, page)
    text = drop_tags(text)
    text = drop_switches(text, profile.switches)
    text = mark_headings(text, page, options.drop_sections)
    text = drop_files(text, page)
    text = mark_links(text, page)
    text = drop_quotes(text)
    text = drop_external_links(text)
    text = decode_entities(text)
    text = lay_out(close_gaps(text.replace(NO_TRAIL, "")))
    page.spend(len(text), options.budget.text_characters, "characters of text")
    return finish_extraction(text, page)


def finish_extraction(text: str, page: PageState) -> Extraction:
    """Takes the marks out of the text: the offset of a mark is the length of the text before it."""
    if STRIP_OPEN in text:
        text = _STRIPPED.sub(lambda match: page.stripped[int(match[1])], text)
    text, headings = _take_headings(text, page)
    plain, links = _take_links(text, page)
    if plain[:1].isspace() or plain[-1:].isspace():  # marks with nothing between them hid it from the passes
        before, plain = len(plain) - len(plain.lstrip()), plain.strip()
        links = [link._replace(start=link.start - before, end=link.end - before) for link in links]
        # A heading that showed only what has gone may stand outside what is left.
        headings = [(level, max(start - before, 0), min(end - before, len(plain))) for level, start, end in headings]
    kinds = [*map(itemgetter(Link._fields.index("kind")), links)]
    for name in LINK_KINDS:
        page.count(f"links_{name}", kinds.count(name))
    return Extraction(
        plain,
        tuple(links),
        tuple(_sections(plain, headings)),
        tuple(sorted(page.templates, key=page.templates.__getitem__)),
        page.counters,
    )


def _take_headings(text: str, page: PageState) -> tuple[str, list[tuple[int, int, int]]]:
    """`text` without the marks of headings, and level, start and end of those that show something, marks of links not counted."""
    if HEADING_OPEN not in text:
        return text, []
    before, *pieces = text.split(HEADING_OPEN)
    headings: list[tuple[int, int, int]] = []
    start = _length(before)
    for piece, level in zip(pieces, page.levels, strict=True):
        title, _, body = piece.partition(HEADING_CLOSE)
        length = _length(title)
        if title.replace(LINK_OPEN, "").replace(LINK_CLOSE, "").strip():
            headings.append((level, start, start + length))
        # A link that began in a heading and ended after it has brought a second end into the body.
        start += length + _length(body) - body.count(HEADING_CLOSE)
    return text.replace(HEADING_OPEN, "").replace(HEADING_CLOSE, ""), headings


def _length(text: str) -> int:
    """Characters of `text` that are no marks of links."""
    return len(text) - text.count(LINK_OPEN) - text.count(LINK_CLOSE)


def _take_links(text: str, page: PageState) -> tuple[str, list[Link]]:
    """The text without the marks of links, and the links whose label shows something.

    Marks open and close in turn, so that every other piece between them is a label. A page has hundreds of links: what is done
    for each is done for all at once.
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
    links = map(tuple.__new__, repeat(Link), fields)  # Link(*fields) takes thrice as long
    return "".join(pieces), [*compress(links, surfaces)]


def _sections(text: str, headings: list[tuple[int, int, int]]) -> list[Section]:
    """Headings (level, start, end) to sections; a section ends where the next heading of its level or above begins."""
    sections: list[Section] = []
    open_sections: list[tuple[int, int]] = []
    ends = [len(text)] * len(headings)
    for index, (level, start, _) in enumerate(headings):
        while open_sections and open_sections[-1][0] >= level:
            ends[open_sections.pop()[1]] = start
        open_sections.append((level, index))
    for (level, start, end), stop in zip(headings, ends, strict=True):
        first = min(_WHITE_SPACE.match(text, end).end(), stop)  # type: ignore[union-attr]  # nothing matches too
        last = max(end, stop)
        while last > end and text[last - 1].isspace():
            last -= 1
        sections.append(Section(level, text[start:end].strip(), first, max(first, last)))
    return sections

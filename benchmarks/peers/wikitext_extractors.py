"""The extractors that `wikitext.py` measures, each called as its users call it, and one rule that decides which links count.

| tool | timed calls |
|---|---|
| ours | `extract(…, Options(drop_sections=False, tables="text"))`: text and links; sections and tables kept, as in the peers |
| ours, as the engine runs it | `extract(…)` with its defaults |
| mwparserfromhell | `parse`, `strip_code()`, `filter_wikilinks()` |
| wikitextparser | `parse`, `plain_text()`, `wikilinks` |
| wikiextractor | `Extractor(…, keepLinks=True).clean_text(…, html_safe=False)`, a new extractor for each page |

wikiextractor gets the same input as from its command line: text with XML entities not decoded, and without template definitions
(`--links --no-templates --html-safe ""`), so templates leave no text. It also drops tables and lists.

A *link* counts if a reader sees it in the text of the tool. Its target is a valid title in MediaWiki, and its text is not only
white space. Links to files, categories and other languages do not count, as the wiki's profile defines them; a leading colon,
as in `[[:Category:X]]`, makes them count. Of nested links one counts. For each tool these are:

- ours: the link spans of the text, including those from templates;
- mwparserfromhell and wikitextparser: their links, except inside templates, comments, files, categories, footnotes (`ref`,
  although both keep the text of footnotes) and tags without visible text (`INVISIBLE_TAGS`);
- wikiextractor: `<a href>` in its output, except to a URL.

*Reported* links are those without that rule: spans, `filter_wikilinks()`, `wikilinks`, all `<a href>`. The rule is not timed,
although users of mwparserfromhell or wikitextparser need time to apply it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from html import escape
from importlib import import_module
from typing import Any, NamedTuple
from urllib.parse import unquote

from spark_jobs.wikis.wiki_profile import NAMESPACE_CATEGORY, NAMESPACE_FILE, WikiProfile
from spark_jobs.wikitext import Options, extract, normalise_title, title_normalisation
from spark_jobs.wikitext.passes.wiki_links.link_syntax import compile_link_syntax

OURS, OURS_IN_ENGINE = "ours", "ours, as the engine runs it"
BASELINE = "mwparserfromhell"
PACKAGES = ("mwparserfromhell", "wikitextparser", "wikiextractor")
FOOTNOTES = frozenset(["ref", "references"])
INVISIBLE_TAGS = FOOTNOTES | frozenset(
    ["categorytree", "gallery", "graph", "imagemap", "inputbox", "math", "score", "section", "templatedata", "timeline"]
)
"""Footnotes, and the tags without visible text in mwparserfromhell."""

_UNSEEN = re.compile(r"<!--.*?-->|\{\{[^{}]*\}\}", re.DOTALL)
_ANCHOR = re.compile('<a href="([^"]*)">(.*?)</a>', re.DOTALL)
_ANCHOR_TAG = re.compile('<a href="[^"]*">|</a>')


class VisibleLink(NamedTuple):
    """A link that a reader sees."""

    wiki: str | None
    title: str
    fragment: str | None
    markup: str
    """The link as the tool returns it, for messages."""

    @property
    def target(self) -> tuple[str | None, str, str | None]:
        """Wiki, title and fragment: equal for the same link of two tools."""
        return self.wiki, self.title, self.fragment


class ExtractedPage(NamedTuple):
    """The result of a tool for a page."""

    characters: int
    """Characters of the text, without white space."""
    reported: int
    """Number of links that the tool returns."""
    links: list[VisibleLink]
    """Links that a reader sees."""


@dataclass(frozen=True)
class Extractor:
    """A tool: one row of the table."""

    name: str
    prepare: Callable[[str, WikiProfile], str]
    """Converts wikitext to the input of the tool; not timed."""
    run: Callable[[str, WikiProfile], Any]
    """Extracts text and links; timed."""
    read: Callable[[Any, WikiProfile], ExtractedPage]
    """Converts the result of `run`; not timed."""


def our_extractor(name: str) -> Extractor:
    """Returns `spark_jobs.wikitext` as a tool.

    Its cache of titles is cleared before each page, because another row of the table can have filled it. A build keeps the cache.
    """
    options = Options() if name == OURS_IN_ENGINE else Options(drop_sections=False, tables="text")

    def prepare(wikitext: str, profile: WikiProfile) -> str:
        compile_link_syntax(profile).resolved.clear()
        title_normalisation._normalise.cache_clear()
        return wikitext

    def run(wikitext: str, profile: WikiProfile) -> Any:
        return extract(wikitext, profile, options)

    def read(result: Any, profile: WikiProfile) -> ExtractedPage:  # noqa: ARG001
        links = [
            VisibleLink(link.wiki, link.target, link.fragment, f"{result.text[link.start : link.end]} -> {link.target}")
            for link in result.links
        ]
        return ExtractedPage(_count_characters(result.text), len(result.links), links)

    return Extractor(name, prepare, run, read)


def mwparserfromhell_extractor() -> Extractor:
    """Returns mwparserfromhell as a tool."""
    library: Any = import_module("mwparserfromhell")

    def run(wikitext: str, profile: WikiProfile) -> Any:  # noqa: ARG001
        code = library.parse(wikitext)
        return code, code.strip_code(), code.filter_wikilinks()

    def read(result: Any, profile: WikiProfile) -> ExtractedPage:
        code, text, reported = result
        return ExtractedPage(_count_characters(text), len(reported), list(_walk(library.nodes, code, profile)))

    return Extractor("mwparserfromhell", _unchanged, run, read)


def _walk(nodes: Any, code: Any, profile: WikiProfile) -> Iterator[VisibleLink]:
    """Yields the links of parsed code that `strip_code` leaves visible, in order; descends into the same nodes."""
    for node in code.nodes:
        inner = None
        if isinstance(node, nodes.Wikilink):
            surface = (node.title if node.text is None else node.text).strip_code()
            link = visible_link(str(node.title), surface, str(node), profile)
            if link is not None:
                yield link
        elif isinstance(node, nodes.Tag) and str(node.tag).strip().lower() not in INVISIBLE_TAGS:
            inner = node.contents
        elif isinstance(node, nodes.Heading | nodes.ExternalLink):
            inner = node.title
        elif isinstance(node, nodes.Argument):
            inner = node.default
        if inner is not None:
            yield from _walk(nodes, inner, profile)


def wikitextparser_extractor() -> Extractor:
    """Returns wikitextparser as a tool."""
    library: Any = import_module("wikitextparser")

    def run(wikitext: str, profile: WikiProfile) -> Any:  # noqa: ARG001
        parsed = library.parse(wikitext)
        return parsed, parsed.plain_text(), parsed.wikilinks

    def surface(link: Any) -> str:
        text: str = link.target if link.text is None else link.text
        return library.remove_markup(text) if "{" in text or "<" in text else text

    def read(result: Any, profile: WikiProfile) -> ExtractedPage:
        parsed, text, reported = result
        tags = (tag for tag in parsed.get_tags() if tag.name.lower() in INVISIBLE_TAGS)
        hidden = [node.span for nodes in (parsed.templates, parsed.parser_functions, parsed.comments, tags) for node in nodes]
        links = list(_outermost(hidden, [(link.span, link) for link in reported]))
        found = (visible_link(link.target, surface(link), link.string, profile) for link in links)
        return ExtractedPage(_count_characters(text), len(reported), [link for link in found if link is not None])

    return Extractor("wikitextparser", _unchanged, run, read)


def _outermost(hidden: list[tuple[int, int]], links: list[tuple[tuple[int, int], Any]]) -> Iterator[Any]:
    """Yields the links outside of hidden spans and of other links, in order."""
    covered = 0
    spans = [(span, None) for span in hidden] + links
    for (start, end), link in sorted(spans, key=lambda item: (item[0][0], -item[0][1])):
        if start >= covered:
            covered = end
            if link is not None:
                yield link


def wikiextractor_extractor() -> Extractor:
    """Returns wikiextractor as a tool, with the options `--links --no-templates --html-safe ""`."""
    library: Any = import_module("wikiextractor.extract")
    protocols = tuple(library.wgUrlProtocols)

    def prepare(wikitext: str, profile: WikiProfile) -> str:  # noqa: ARG001
        return escape(wikitext, quote=False).replace('"', "&quot;")

    def run(xml: str, profile: WikiProfile) -> Any:  # noqa: ARG001
        extractor = library.Extractor("1", "1", "", "", [xml], keepLinks=True)
        return "\n".join(extractor.clean_text("".join(extractor.page), html_safe=False))

    def read(text: Any, profile: WikiProfile) -> ExtractedPage:
        anchors = [(unquote(href), label) for href, label in _ANCHOR.findall(text)]
        found = (
            visible_link(target, label, f"[[{target}|{label}]]", profile)
            for target, label in anchors
            if not target.lower().startswith(protocols)
        )
        return ExtractedPage(
            _count_characters(_ANCHOR_TAG.sub("", text)), len(anchors), [link for link in found if link is not None]
        )

    return Extractor("wikiextractor", prepare, run, read)


def visible_link(target: str, surface: str, markup: str, profile: WikiProfile) -> VisibleLink | None:
    """Returns a peer's link if it counts by the rule of this module, else None."""
    title = normalise_title(_UNSEEN.sub("", target), profile)
    if title is None or not surface.strip():
        return None
    is_hidden = title.interlanguage or (title.wiki is None and title.namespace in {NAMESPACE_FILE, NAMESPACE_CATEGORY})
    if is_hidden and not title.colon:
        return None
    return VisibleLink(title.wiki, title.text, title.fragment, markup)


def _count_characters(text: str) -> int:
    return len(text) - sum(map(str.isspace, text))


def _unchanged(wikitext: str, profile: WikiProfile) -> str:  # noqa: ARG001
    return wikitext


TOOLS: dict[str, Callable[[], Extractor]] = {
    OURS: partial(our_extractor, OURS),
    OURS_IN_ENGINE: partial(our_extractor, OURS_IN_ENGINE),
    "mwparserfromhell": mwparserfromhell_extractor,
    "wikitextparser": wikitextparser_extractor,
    "wikiextractor": wikiextractor_extractor,
}
"""Name -> function that returns the tool, in the order of the table. It raises `ImportError` if the peer is not installed."""

"""The extractors that `wikitext.py` measures, each as its users call it, and one rule for what counts as a link.

| tool | what is timed |
|---|---|
| ours | `extract(…, Options(drop_sections=False, tables="text"))`: text and links; sections and tables kept, as in the peers |
| ours, as the engine runs it | `extract(…)` with its defaults |
| mwparserfromhell | `parse`, `strip_code()`, `filter_wikilinks()` |
| wikitextparser | `parse`, `plain_text()`, `wikilinks` |
| wikiextractor | `Extractor(…, keepLinks=True).clean_text(…, html_safe=False)`, a new extractor for each page |

wikiextractor is given what its command line gives it: the text with XML's entities undecoded, and no template definitions
(`--links --no-templates --html-safe ""`), so that every template leaves nothing. It drops tables and lists; that is its way.

A *link* is one that a reader sees in the tool's own text: its target is a title that MediaWiki would take; it shows something
other than white space; it is no file, category or link between languages (the colon before `[[:Category:X]]` makes it a link
again; what these are is looked up in the wiki's profile); of links within links one counts. So for each tool:

- ours: the link spans, those that templates hand over included, as they stand in the text;
- mwparserfromhell and wikitextparser: their links, except inside templates, comments, files, categories, footnotes (`ref`, though
  both leave the text of footnotes standing) and tags that show nothing as text (`INVISIBLE_TAGS`);
- wikiextractor: `<a href>` in its output, except to a URL.

*Reported* is what a tool gives without that rule: spans, `filter_wikilinks()`, `wikilinks`, all `<a href>`. Deciding what counts
is not timed, although a user of mwparserfromhell or wikitextparser would have to pay for it.
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
from spark_jobs.wikitext import Options, extract, normalise_title, titles
from spark_jobs.wikitext.passes.internal_links import link_syntax

OURS, OURS_IN_ENGINE = "ours", "ours, as the engine runs it"
BASELINE = "mwparserfromhell"
PACKAGES = ("mwparserfromhell", "wikitextparser", "wikiextractor")
FOOTNOTES = frozenset(["ref", "references"])
INVISIBLE_TAGS = FOOTNOTES | frozenset(
    ["categorytree", "gallery", "graph", "imagemap", "inputbox", "math", "score", "section", "templatedata", "timeline"]
)
"""Footnotes, and mwparserfromhell's own set of tags without visible text."""

_UNSEEN = re.compile(r"<!--.*?-->|\{\{[^{}]*\}\}", re.DOTALL)
_ANCHOR = re.compile('<a href="([^"]*)">(.*?)</a>', re.DOTALL)
_ANCHOR_TAG = re.compile('<a href="[^"]*">|</a>')


class VisibleLink(NamedTuple):
    """A link that a reader sees."""

    wiki: str | None
    title: str
    fragment: str | None
    markup: str
    """As the tool hands it over, to be shown to people."""

    @property
    def target(self) -> tuple[str | None, str, str | None]:
        """What two tools must agree on to have found the same link."""
        return self.wiki, self.title, self.fragment


class Reading(NamedTuple):
    """What a tool found on a page."""

    characters: int
    """Characters of its text that are not white space."""
    reported: int
    links: list[VisibleLink]


@dataclass(frozen=True)
class Tool:
    """One row of the table."""

    name: str
    prepare: Callable[[str, WikiProfile], str]
    """From wikitext to what the tool takes; not timed."""
    run: Callable[[str, WikiProfile], Any]
    """The work that is timed."""
    read: Callable[[Any, WikiProfile], Reading]
    """From the result of `run` to what it holds; not timed."""


def our_tool(name: str) -> Tool:
    """`spark_jobs.wikitext`. It begins each page without the titles that it remembers: another row may just have been there.

    (A build remembers them from page to page.)
    """
    options = Options() if name == OURS_IN_ENGINE else Options(drop_sections=False, tables="text")

    def prepare(wikitext: str, profile: WikiProfile) -> str:
        link_syntax(profile).resolved.clear()
        titles._normalise.cache_clear()
        return wikitext

    def run(wikitext: str, profile: WikiProfile) -> Any:
        return extract(wikitext, profile, options)

    def read(result: Any, profile: WikiProfile) -> Reading:  # noqa: ARG001
        links = [
            VisibleLink(link.wiki, link.target, link.fragment, f"{result.text[link.start : link.end]} -> {link.target}")
            for link in result.links
        ]
        return Reading(_count(result.text), len(result.links), links)

    return Tool(name, prepare, run, read)


def mwparserfromhell_tool() -> Tool:
    """The row of mwparserfromhell."""
    library: Any = import_module("mwparserfromhell")

    def run(wikitext: str, profile: WikiProfile) -> Any:  # noqa: ARG001
        code = library.parse(wikitext)
        return code, code.strip_code(), code.filter_wikilinks()

    def read(result: Any, profile: WikiProfile) -> Reading:
        code, text, reported = result
        return Reading(_count(text), len(reported), list(_walk(library.nodes, code, profile)))

    return Tool("mwparserfromhell", _as_it_is, run, read)


def _walk(nodes: Any, code: Any, profile: WikiProfile) -> Iterator[VisibleLink]:
    """The links of parsed code, in order, that `strip_code` leaves visible; descends where it descends."""
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


def wikitextparser_tool() -> Tool:
    """The row of wikitextparser."""
    library: Any = import_module("wikitextparser")

    def run(wikitext: str, profile: WikiProfile) -> Any:  # noqa: ARG001
        parsed = library.parse(wikitext)
        return parsed, parsed.plain_text(), parsed.wikilinks

    def surface(link: Any) -> str:
        text: str = link.target if link.text is None else link.text
        return library.remove_markup(text) if "{" in text or "<" in text else text

    def read(result: Any, profile: WikiProfile) -> Reading:
        parsed, text, reported = result
        tags = (tag for tag in parsed.get_tags() if tag.name.lower() in INVISIBLE_TAGS)
        hidden = [node.span for nodes in (parsed.templates, parsed.parser_functions, parsed.comments, tags) for node in nodes]
        links = list(_outermost(hidden, [(link.span, link) for link in reported]))
        found = (visible_link(link.target, surface(link), link.string, profile) for link in links)
        return Reading(_count(text), len(reported), [link for link in found if link is not None])

    return Tool("wikitextparser", _as_it_is, run, read)


def _outermost(hidden: list[tuple[int, int]], links: list[tuple[tuple[int, int], Any]]) -> Iterator[Any]:
    """The links, in order, that lie neither in a hidden span nor in another link."""
    covered = 0
    spans = [(span, None) for span in hidden] + links
    for (start, end), link in sorted(spans, key=lambda item: (item[0][0], -item[0][1])):
        if start >= covered:
            covered = end
            if link is not None:
                yield link


def wikiextractor_tool() -> Tool:
    """The row of wikiextractor: its way from a page to its text, as `--links --no-templates --html-safe ""` goes it."""
    library: Any = import_module("wikiextractor.extract")
    protocols = tuple(library.wgUrlProtocols)

    def prepare(wikitext: str, profile: WikiProfile) -> str:  # noqa: ARG001
        return escape(wikitext, quote=False).replace('"', "&quot;")

    def run(xml: str, profile: WikiProfile) -> Any:  # noqa: ARG001
        extractor = library.Extractor("1", "1", "", "", [xml], keepLinks=True)
        return "\n".join(extractor.clean_text("".join(extractor.page), html_safe=False))

    def read(text: Any, profile: WikiProfile) -> Reading:
        anchors = [(unquote(href), label) for href, label in _ANCHOR.findall(text)]
        found = (
            visible_link(target, label, f"[[{target}|{label}]]", profile)
            for target, label in anchors
            if not target.lower().startswith(protocols)
        )
        return Reading(_count(_ANCHOR_TAG.sub("", text)), len(anchors), [link for link in found if link is not None])

    return Tool("wikiextractor", prepare, run, read)


def visible_link(target: str, surface: str, markup: str, profile: WikiProfile) -> VisibleLink | None:
    """A peer's link as the rule of this module sees it; None if it is none, or none that a reader sees."""
    title = normalise_title(_UNSEEN.sub("", target), profile)
    if title is None or not surface.strip():
        return None
    is_silent = title.interlanguage or (title.wiki is None and title.namespace in {NAMESPACE_FILE, NAMESPACE_CATEGORY})
    if is_silent and not title.colon:
        return None
    return VisibleLink(title.wiki, title.text, title.fragment, markup)


def _count(text: str) -> int:
    return len(text) - sum(map(str.isspace, text))


def _as_it_is(wikitext: str, profile: WikiProfile) -> str:  # noqa: ARG001
    return wikitext


TOOLS: dict[str, Callable[[], Tool]] = {
    OURS: partial(our_tool, OURS),
    OURS_IN_ENGINE: partial(our_tool, OURS_IN_ENGINE),
    "mwparserfromhell": mwparserfromhell_tool,
    "wikitextparser": wikitextparser_tool,
    "wikiextractor": wikiextractor_tool,
}
"""Name -> what makes the tool, in the table's order; raises ImportError where a peer is not installed."""

"""Our links contain every link that mwparserfromhell finds in the prose of real pages: same target, same surface."""

import html
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple
from urllib.parse import unquote

import mwparserfromhell
import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikis.wiki_profile import NAMESPACE_CATEGORY, NAMESPACE_FILE, NAMESPACE_MEDIA, WikiProfile
from spark_jobs.wikitext import Extraction, Options, extract, normalise_title
from spark_jobs.wikitext.passes.comments_and_extensions import DROPPED_TAGS, LITERAL_TAGS

from .test_real_pages import articles

nodes = mwparserfromhell.nodes
NO_PROSE = DROPPED_TAGS | LITERAL_TAGS | {"table", "tr", "td", "th", "rt", "rp"}
SILENT = {NAMESPACE_CATEGORY, NAMESPACE_FILE}
MARKUP = re.compile(r"<[^<>]*>|''+|-\{|\}-|\s")
TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")
HTML_ROWS = "the rows of a `{|` table are HTML tags; mwparserfromhell takes the table for text"
TABLE_UNSEEN = "mwparserfromhell takes a table for text"
EXCEPTIONS = {
    ("zhwiki", "数学"): TABLE_UNSEEN,
    ("zhwiki", "地理学"): TABLE_UNSEEN,
    ("zhwiki", "生物学"): "a link for another variant than the one we show",
    ("ltgwiki", "Gothards Ketlers"): HTML_ROWS,
    ("ltgwiki", "Hermans fon Baļke"): HTML_ROWS,
    ("ltgwiki", "Livonejis ordyna magistris"): HTML_ROWS,
    ("ltgwiki", "Keneja"): TABLE_UNSEEN,
    ("ltgwiki", "Angola"): TABLE_UNSEEN,
    ("jawiki", "栃木県"): TABLE_UNSEEN,
    ("elwiki", "Κατάλογος κωδικών κλήσεων χωρών"): TABLE_UNSEEN,
    ("elwiki", "Δραχμή"): TABLE_UNSEEN,
    ("elwiki", "Νέα Δημοκρατία"): TABLE_UNSEEN,
    ("elwiki", "Ανδρέας Παπανδρέου"): "a stray brace in an infobox makes it text to mwparserfromhell",
}
"""(wiki, page) -> why some of their links are not among ours. MediaWiki 1.39 agrees with us on each of these pages."""


class Found(NamedTuple):
    """A link: the wiki that it leads to (None for this wiki), its target, and its surface without white space."""

    wiki: str | None
    target: str
    surface: str | None
    """None if the label contains a template, which only our scanner reads."""


def is_silent(raw: str, profile: WikiProfile) -> bool:
    """Whether `[[raw]]` is not shown as a link: an illegal title, a file, a category or a language link."""
    title = normalise_title(raw, profile)
    if title is None or title.wiki == "" or title.namespace == NAMESPACE_MEDIA:
        return True
    if title.interlanguage and not title.colon:
        return True
    return title.wiki is None and not title.colon and title.namespace in SILENT


def theirs(code: Any, profile: WikiProfile) -> Iterator[Found]:
    """Links in order, outside templates, tables, footnotes, files and literal text; of nested links the inner ones."""
    children = [*code.nodes, None]
    for node, following in pairwise(children):
        if isinstance(node, nodes.Wikilink):
            inner = list(theirs(node.text, profile)) if node.text is not None else []
            raw = str(node.title)
            if is_silent(raw, profile):
                title = normalise_title(raw, profile)
                yield from inner if title is None or title.namespace not in SILENT else ()
                continue
            if inner or (node.text is not None and not str(node.text)):
                yield from inner
                continue
            after = str(following) if isinstance(following, nodes.Text) else ""
            label = unquote(raw.strip().removeprefix(":")).replace("''", "&#39;&#39;") if node.text is None else str(node.text)
            if label.count("[") > label.count("]") and after[:1] == "]":  # [[a|[b]]]: MediaWiki gives the third to the label
                label, after = label + "]", after[1:]
            title = normalise_title(raw, profile)
            assert title is not None
            if node.text is not None and node.text.filter_templates():
                if MARKUP.sub("", TEMPLATE.sub("", label)):
                    yield Found(title.wiki, title.text, None)
                continue
            trail = re.match(profile.link_trail, after)
            surface = re.sub(r"\s", "", html.unescape(MARKUP.sub("", label)) + (trail[0] if trail else ""))
            if surface:
                yield Found(title.wiki, title.text, surface)
        elif isinstance(node, nodes.Tag):
            if str(node.tag).strip().lower() not in NO_PROSE and node.contents is not None:
                yield from theirs(node.contents, profile)
        elif isinstance(node, nodes.ExternalLink | nodes.Heading) and node.title is not None:
            yield from theirs(node.title, profile)


def lost(other: list[Found], mine: list[Found]) -> list[Found]:
    """Links of `other` that are missing in `mine`. If the surface is None, any link to the target counts."""
    rest = Counter(mine)
    rest.subtract(Counter(link for link in other if link.surface is not None))
    missing = [link for link, number in rest.items() for _ in range(-number)]
    targets = Counter({link[:2]: 0 for link in mine})
    for link, number in rest.items():
        targets[link[:2]] += max(number, 0)
    targets.subtract(Counter(link[:2] for link in other if link.surface is None))
    return missing + [Found(*target, None) for target, number in targets.items() for _ in range(-number)]


def ours(page: Extraction) -> list[Found]:
    return [Found(link.wiki, link.target, re.sub(r"\s", "", page.text[link.start : link.end])) for link in page.links]


@pytest.mark.parametrize(
    "wiki", ["zhwiki", "ltgwiki", pytest.param("jawiki", marks=pytest.mark.slow), pytest.param("elwiki", marks=pytest.mark.slow)]
)
def test_all_their_links_are_among_ours(shared_data, wiki):
    profile = load_profile(wiki)
    missing: dict[str, list[Found]] = {}
    number_of_theirs = number_of_ours = 0
    for title, wikitext in articles(shared_data / "dumps", wiki):
        mine = ours(extract(wikitext, profile, Options(drop_sections=False)))
        other = list(theirs(mwparserfromhell.parse(wikitext), profile))
        if links := lost(other, mine):
            missing[title] = links
        if (wiki, title) not in EXCEPTIONS:
            number_of_theirs += len(other)
            number_of_ours += len(mine)
    assert {title: links for title, links in missing.items() if (wiki, title) not in EXCEPTIONS} == {}
    assert {title for known, title in EXCEPTIONS if known == wiki} <= set(missing), "remove exceptions that no longer occur"
    assert number_of_ours >= number_of_theirs > 0


def test_lost_finds_missing_links():
    """A missing link, one of two, another surface, and a label that only our scanner reads."""
    bus, cab = Found(None, "Bus", "bus"), Found(None, "Cab", "cab")
    assert lost([bus, cab], [bus]) == [cab]
    assert lost([bus, bus], [bus]) == [bus]
    assert lost([bus], [bus._replace(surface="buses")]) == [bus]
    assert lost([bus._replace(surface=None)], [bus._replace(surface="buses")]) == []
    assert lost([bus, bus._replace(surface=None)], [bus]) == [bus._replace(surface=None)]


def test_theirs_finds_the_links_of_prose():
    """Links of prose with their trail, of nested links the inner ones; not those of tables, footnotes, files and silent links."""
    wikitext = """[[bus]]es ''[[cab|the [a]]]'' {{x|[[a]]}} <ref>[[b]]</ref> [[File:C.jpg|[[d]]]] [[Category:E]] [[ja:F]]
[[:ja:f]]
{|
| [[g]]
|}
[[h|i [[j]] k]] [http://x.org [[l]]] <div>[[m|]] [[n{o]]</div> [[p|{{q}}]] [[r|{{s}} t]]"""
    assert list(theirs(mwparserfromhell.parse(wikitext), load_profile("enwiki"))) == [
        Found(None, "Bus", "buses"),
        Found(None, "Cab", "the[a]"),
        Found("jawiki", "F", "ja:f"),
        Found(None, "J", "j"),
        Found(None, "L", "l"),
        Found(None, "R", None),
    ]

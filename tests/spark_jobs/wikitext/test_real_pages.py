"""Every article of the real dumps beside the checkout."""

import bz2
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import extract, parse_redirect

WIKIS = ["jawiki", "elwiki", "ltgwiki", "zhwiki"]
LEFTOVERS = ("[[", "{{", "|}", "<ref", "thumb|", "-{")


def articles(folder: Path, wiki: str) -> Iterator[tuple[str, str]]:
    (path,) = folder.glob(f"{wiki}-*-pages-articles.xml.bz2")
    profile = load_profile(wiki)
    with bz2.open(path) as stream:
        for _, page in etree.iterparse(stream, tag="{*}page", resolve_entities=False, no_network=True):
            wikitext = page.findtext("{*}revision/{*}text") or ""
            if page.findtext("{*}ns") == "0" and parse_redirect(wikitext, profile) is None:
                yield page.findtext("{*}title") or "", wikitext
            page.clear()


@pytest.mark.parametrize("wiki", WIKIS)
def test_spans_hold_and_hardly_any_markup_is_left(shared_data, wiki):
    pages = links = 0
    leftovers = []
    for title, wikitext in articles(shared_data / "dumps", wiki):
        page = extract(wikitext, load_profile(wiki))
        last = 0
        for link in page.links:
            assert last <= link.start < link.end <= len(page.text), title
            last = link.end
        leftovers += [(title, markup) for markup in LEFTOVERS if markup in page.text]
        pages += 1
        links += len(page.links)
    assert links > 3 * pages
    assert len({title for title, _ in leftovers}) <= pages / 200, leftovers

"""All articles of the real dumps beside the checkout."""

import bz2
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import Extraction, extract, normalise_title, parse_redirect

WIKIS = ["jawiki", "elwiki", "ltgwiki", "zhwiki"]
LEFTOVERS = (
    "[[",
    "{{",
    "}}",
    "{|",
    "|}",
    "<ref",
    "</ref",
    "<!--",
    "thumb|",
    "-{",
    "}-",
    "<nowiki",
    "<br",
    "<div",
    "&nbsp;",
    "__NOTOC",
)
"""Markup that should be gone. Slips of editors, which MediaWiki shows too, and pages about wikitext leave some of it."""
PAGES_PER_LEFTOVER = 200


def articles(folder: Path, wiki: str) -> Iterator[tuple[str, str]]:
    """Title and wikitext of the articles of a wiki, without redirects."""
    (path,) = folder.glob(f"{wiki}-*-pages-articles.xml.bz2")
    profile = load_profile(wiki)
    with bz2.open(path) as stream:
        for _, page in etree.iterparse(stream, tag="{*}page", resolve_entities=False, no_network=True):
            wikitext = page.findtext("{*}revision/{*}text") or ""
            if page.findtext("{*}ns") == "0" and parse_redirect(wikitext, profile) is None:
                yield page.findtext("{*}title") or "", wikitext
            page.clear()


def check(page: Extraction, title: str) -> None:
    """Check the contract of an extraction; `title` is shown if it fails."""
    text = page.text
    assert text == text.strip(), title
    assert not any(character < " " and character not in "\n\t" for character in set(text)), title
    last = 0
    for link in page.links:
        assert last <= link.start < link.end <= len(text), title
        surface = text[link.start : link.end]
        assert surface == surface.strip(), title
        last = link.end
    last = 0
    for section in page.sections:
        assert last <= section.start <= section.end <= len(text), title
        assert 1 <= section.level <= 6, title
        assert section.title in text[last : section.start], title
        last = section.start
    counted = Counter(f"links_{link.kind}" for link in page.links)
    assert {name: page.counters.get(name, 0) for name in counted} == counted, title


@pytest.mark.parametrize("wiki", WIKIS)
def test_spans_are_correct_and_hardly_any_markup_is_left(shared_data, wiki):
    pages = links = 0
    leftovers = []
    for title, wikitext in articles(shared_data / "dumps", wiki):
        page = extract(wikitext, load_profile(wiki))
        check(page, title)
        leftovers += [(title, markup) for markup in LEFTOVERS if markup in page.text]
        pages += 1
        links += len(page.links)
    assert links > 3 * pages
    assert len({title for title, _ in leftovers}) <= pages / PAGES_PER_LEFTOVER, leftovers


@pytest.mark.parametrize("wiki", WIKIS)
def test_targets_are_normalised_titles(shared_data, wiki):
    profile = load_profile(wiki)
    targets = {
        link.target
        for _, wikitext in articles(shared_data / "dumps", wiki)
        for link in extract(wikitext, profile).links
        if link.wiki is None and link.target
    }
    again = {target: normalise_title(f":{target}", profile) for target in targets}
    assert {target for target, title in again.items() if title is None or title.text != target or title.fragment} == set()


DIGEST = """
import hashlib, sys
from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import extract
profile = load_profile(sys.argv[1])
pages = sys.stdin.buffer.read().decode().split("\\0")
print(hashlib.sha256(repr([extract(page, profile) for page in pages]).encode()).hexdigest(), len(pages))
"""


def test_processes_with_other_hash_seeds_give_the_same_result(shared_data, repository):
    pages = [wikitext for _, wikitext in articles(shared_data / "dumps", "zhwiki")]
    runs = [
        subprocess.run(
            [sys.executable, "-c", DIGEST, "zhwiki"],
            input="\0".join(pages).encode(),
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=repository,
            capture_output=True,
            check=True,
        ).stdout.split()
        for seed in ("0", "1", "4711")
    ]
    assert runs[0][1] == str(len(pages)).encode()
    assert runs[0] == runs[1] == runs[2]


def test_the_order_of_pages_changes_nothing(shared_data):
    """Targets are cached between pages; the cache must not change results."""
    profile = load_profile("zhwiki")
    pages = [wikitext for _, wikitext in articles(shared_data / "dumps", "zhwiki")]
    assert [extract(page, profile) for page in pages] == [extract(page, profile) for page in reversed(pages)][::-1]


@pytest.mark.parametrize("wiki", WIKIS)
def test_pages_with_a_piece_missing_fulfil_the_contract(shared_data, wiki):
    """Slips of editors: an opening or a closing is deleted."""
    drawn = random.Random(0)
    profile = load_profile(wiki)
    for title, wikitext in articles(shared_data / "dumps", wiki):
        if 0 < len(wikitext) < 20_000:
            first = drawn.randrange(len(wikitext))
            last = first + drawn.randrange(1, 2_000)
            check(extract(wikitext[:first] + wikitext[last:], profile), title)
            check(extract(wikitext[first:last], profile), title)

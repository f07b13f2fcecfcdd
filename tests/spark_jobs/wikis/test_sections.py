"""Sections that are left out: the table of their headings, and how a heading is compared with it."""

import unicodedata

import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikis.packaged_data import read_bytes, read_yaml
from spark_jobs.wikis.wiki_profile import section_key
from spark_jobs.wikitext import extract

REVIEWED = ("ar", "de", "el", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "ru", "sw", "uk", "vi", "zh")


def text_under(heading: str, wiki: str) -> str:
    """The text of a page with a section of its own before, under and after the heading."""
    return extract(f"a\n{heading}\nb\n=== c ===\nd\n== e ==\nf", load_profile(wiki)).text


@pytest.mark.parametrize(
    ("wiki", "heading"),
    [
        ("enwiki", "== References of the king =="),
        ("jawiki", "== Notes =="),
        ("enwiki", "== [[References in art]] =="),
        ("dewiki", "== References =="),
        ("jawiki", "== 出典の書き方 =="),
    ],
)
def test_a_heading_that_is_not_in_the_table_keeps_its_section(wiki: str, heading: str) -> None:
    assert "b" in text_under(heading, wiki).split()


@pytest.mark.parametrize(
    ("wiki", "heading"),
    [
        ("enwiki", "== References =="),
        ("enwiki", "==References=="),
        ("enwiki", "== REFERENCES: =="),
        ("enwiki", "== ''References'' =="),
        ("enwiki", "== '''See  also''' =="),
        ("enwiki", '== <span id="refs"></span>References =='),
        ("enwiki", '== <span id="refs">References</span> =='),
        ("enwiki", "== {{anchor|refs}}References =="),
        ("enwiki", "== References <!-- all of them --> =="),
        ("enwiki", "== [[Bibliography|References]] =="),
        ("jawiki", "== 出典： =="),
        ("zhwiki", "== 參考文獻 =="),
        ("dewiki", "== ''Literatur'' (Auswahl) =="),
        ("frwiki", "== Crédit d’auteurs =="),
    ],
)
def test_a_heading_is_compared_without_markup_case_colon_and_anchors(wiki: str, heading: str) -> None:
    assert text_under(heading, wiki).split() == ["a", "e", "f"]


@pytest.mark.parametrize("language", REVIEWED)
def test_a_reviewed_language_has_many_headings_and_says_where_they_are_from(language: str) -> None:
    assert len(load_profile(f"{language}wiki").dropped_sections) >= 25
    assert f"\n# {language}: " in read_bytes("sections.yaml").decode()


@pytest.mark.parametrize("language", sorted(read_yaml("sections.yaml")))
def test_the_headings_of_a_language_differ_and_are_written_as_titles_are(language: str) -> None:
    titles = read_yaml("sections.yaml")[language]
    assert all(isinstance(title, str) and unicodedata.is_normalized("NFC", title) for title in titles)
    keys = [section_key(title) for title in titles]
    assert "" not in keys
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("name", ["codes", "disambiguation", "magic_words", "pivot_names", "sections", "templates"])
def test_data_is_composed_as_the_text_of_dumps_is(name: str) -> None:
    assert unicodedata.is_normalized("NFC", read_bytes(f"{name}.yaml").decode())

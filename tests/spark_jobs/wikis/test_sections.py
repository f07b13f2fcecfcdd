"""Sections that leave no text: the headings in the language files, and how a heading of a page is compared with them."""

import unicodedata

import pytest

from spark_jobs.common.wiki_languages import wikipedia_codes
from spark_jobs.wikis import load_profile
from spark_jobs.wikis.language_files import read_language_file
from spark_jobs.wikis.wiki_profile import section_key
from spark_jobs.wikitext import extract

REVIEWED = ("ar", "de", "el", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "ru", "sw", "uk", "vi", "zh")


def text_under(heading: str, wiki: str) -> str:
    """The text of a page with sections before, under and after the heading."""
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
def test_a_heading_that_is_not_listed_keeps_its_section(wiki: str, heading: str) -> None:
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
def test_a_reviewed_language_has_many_headings_and_states_their_source(repository, language: str) -> None:
    assert len(load_profile(f"{language}wiki").dropped_sections) >= 25
    lines = (repository / f"spark_jobs/wikis/languages/{language}.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[lines.index("dropped_sections:") - 1].startswith("# Source: ")


@pytest.mark.parametrize("language", sorted(code for code in wikipedia_codes() if read_language_file(code).dropped_sections))
def test_the_headings_of_a_language_differ_and_are_written_as_titles_are(language: str) -> None:
    titles = read_language_file(language).dropped_sections
    assert all(isinstance(title, str) and unicodedata.is_normalized("NFC", title) for title in titles)
    keys = [section_key(title) for title in titles]
    assert "" not in keys
    assert len(set(keys)) == len(keys)

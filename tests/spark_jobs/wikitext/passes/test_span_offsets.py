"""Offsets of links and sections."""

import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import Options, extract


def test_links_and_sections_are_tuples_that_zip_into_columns():
    page = extract("[[a]]\n== B ==\n[[c|d]]", load_profile("enwiki"))
    assert [*zip(*page.links, strict=True)][4] == ("A", "C")
    assert [*zip(*page.sections, strict=True)] == [(2,), ("B",), (5,), (6,)]


def test_sections_include_their_subsections():
    page = extract("a\n== B ==\nc\n=== D ===\ne\n== F ==\ng", load_profile("enwiki"))
    assert [(s.level, s.title, page.text[s.start : s.end]) for s in page.sections] == [
        (2, "B", "c\n\nD\ne"),
        (3, "D", "e"),
        (2, "F", "g"),
    ]


@pytest.mark.parametrize(
    ("wikitext", "sections"),
    [
        ("==]] <pre>==", [("]]", "")]),
        ("a\n== [[a|b ==\n c]] d\n== E ==\nf", [("b", "c d"), ("E", "f")]),
    ],
)
def test_odd_headings_give_sections_inside_the_text(wikitext: str, sections: list[tuple[str, str]]) -> None:
    page = extract(wikitext, load_profile("enwiki"), Options(drop_sections=False))
    assert [(section.title, page.text[section.start : section.end]) for section in page.sections] == sections
    assert all(0 <= section.start <= section.end <= len(page.text) for section in page.sections)

"""Headings, and the sections that are dropped."""

import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import Options, extract
from spark_jobs.wikitext.page_state import DROPPED, HEADING_CLOSE, HEADING_OPEN
from spark_jobs.wikitext.passes.headings import mark_headings, parse_heading

from ..page_states import new_page


def test_dropped_sections_can_be_kept():
    page = extract("a\n== References ==\nb", load_profile("enwiki"), Options(drop_sections=False))
    assert page.text == "a\n\nReferences\nb"


@pytest.mark.parametrize(
    ("line", "level", "title"),
    [
        ("=", 0, ""),
        ("==", 0, ""),
        ("== a", 0, ""),
        ("== a == b", 0, ""),
        ("===", 1, "="),
        ("==  ==", 2, ""),
        ("= a =", 1, "a"),
        ("= a ==", 1, "a ="),
        ("======= a =======", 6, "= a ="),
        (f"== a == \t{DROPPED}", 2, "a"),
    ],
)
def test_the_shorter_side_gives_the_level(line: str, level: int, title: str) -> None:
    assert parse_heading(line) == (level, title)


@pytest.mark.parametrize(
    ("source", "text", "levels", "counters"),
    [
        ("a = b", "a = b", [], {}),
        ("== b\na", "== b\na", [], {}),
        (f"a\n=={DROPPED}==\nb", "a\nb", [], {}),
        ("a\n== b ==\nc\n=== d ===", "a\n‹b›\nc\n‹d›", [2, 3], {}),
        ("a\n== References ==\nb\n=== c ===\nd\n== e ==\nf", "a\n‹e›\nf", [2], {"sections_dropped": 1}),
        ("a\n=== References ===\nb\n== '''See also''' ==\nc", "a", [], {"sections_dropped": 2}),
    ],
)
def test_headings_are_marked_and_sections_without_prose_dropped(
    source: str, text: str, levels: list[int], counters: dict[str, int]
) -> None:
    page = new_page()
    assert mark_headings(source, page) == text.replace("‹", HEADING_OPEN).replace("›", HEADING_CLOSE)
    assert (page.heading_levels, page.counters) == (levels, counters)

"""Brackets without a partner."""

import pytest

from spark_jobs.wikitext.passes.wiki_links.unclosed_links import drop_unclosed_links

from ...page_states import new_page


@pytest.mark.parametrize(
    ("source", "text", "dropped"),
    [
        ("a [[b", "a b", 1),
        ("[[a [[b c", "a b c", 2),
        ("[[a [[b]]", "a [[b]]", 1),
        ("[[a\n \t\nb]]", "a\n \t\nb]]", 1),
        ("a]] [[b", "a]] b", 1),
        ("[[http://a", "[[http://a", 0),
        ("[[a{b]]", "[[a{b]]", 0),
        ("[[a\nb]]", "[[a\nb]]", 0),
    ],
)
def test_opening_brackets_without_closing_ones_in_their_paragraph_are_dropped(source: str, text: str, dropped: int) -> None:
    page = new_page()
    assert drop_unclosed_links(source, page) == text
    assert page.counters.get("links_unclosed", 0) == dropped

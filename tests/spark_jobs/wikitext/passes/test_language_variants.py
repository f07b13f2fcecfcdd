"""Language variants, in wikis that have them."""

import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import WikitextError, extract
from spark_jobs.wikitext.page_state import TAG_OPEN
from spark_jobs.wikitext.passes.language_variants import choose_variant, resolve_variants

from ..page_states import new_page


def test_another_variant_can_be_chosen():
    text = "-{zh-hans:计算机;zh-hant:電腦}-"
    assert extract(text, load_profile("zhwiki").with_variant("zh-hant")).text == "電腦"


VARIANTS = ("zh-cn", "zh-hans", "zh-tw")


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("", ""),
        ("a", "a"),
        ("a:b", "a:b"),
        ("zh-hk:a", "zh-hk:a"),
        ("甲=>zh-cn:乙;", ""),
        ("zh-tw:a", "a"),
        ("zh-tw:a;zh-hans:b", "b"),
        ("zh-hans:a;zh-cn:b;", "b"),
        ("ZH-CN : a ; zh-tw : b", "a"),
        ("zh-cn:a;zh-cn:b", "a"),
        ("A|zh-cn:a;zh-tw:b", "a"),
        ("+|zh-cn:a", "a"),
        ("H|zh-cn:a", ""),
        ("T|zh-cn:a", ""),
        ("-|zh-cn:a", ""),
        ("R|zh-cn:a", "zh-cn:a"),
        ("zh-tw|a", "a"),
        ("zh-tw;zh-cn|a|b", "a|b"),
    ],
)
def test_a_rule_shows_the_text_of_the_first_variant_that_it_has(content: str, shown: str) -> None:
    assert resolve_variants(content, VARIANTS) == shown


def test_a_rule_for_later_variants_only_shows_the_first_of_these() -> None:
    assert resolve_variants("zh-tw:a;zh-hk:b", ("zh-cn", "zh-hk", "zh-tw")) == "b"


@pytest.mark.parametrize(
    ("source", "text", "count"),
    [
        ("a -{b", "a -{b", 0),
        ("a }- b", "a }- b", 0),
        ("a-{zh-hans:计算机;zh-hant:電腦}-b", "a计算机b", 1),
        ("a-{b-{c}-d}-e", "abcde", 2),
        ("a-{b-{c}-", "a-{bc", 1),
        ("a\n-{* b}-", f"a\n{TAG_OPEN}* b", 1),
        ("{{a|{b}-{c}-}}", "{{a|{b}c}}", 1),
    ],
)
def test_markers_are_resolved_where_the_wiki_has_variants(source: str, text: str, count: int) -> None:
    page = new_page("zhwiki")
    assert choose_variant(source, page) == text
    assert page.counters.get("variants", 0) == count
    assert choose_variant(source, new_page("enwiki")) == source


def test_markers_deeper_than_the_budget_stay_and_too_many_are_refused() -> None:
    assert choose_variant("x-{a-{b}-c}-", new_page("zhwiki", depth=1)) == "xa-{bc}-"
    with pytest.raises(WikitextError, match=r"variant markers: 4 are more than the budget of 3"):
        choose_variant("-{a}--{b}-", new_page("zhwiki", delimiters=3))

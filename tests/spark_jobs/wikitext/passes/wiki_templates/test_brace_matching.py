"""Balanced braces: templates, parameters, and braces without a partner."""

import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import Budget, Options, WikitextError, extract
from spark_jobs.wikitext.page_state import DROPPED
from spark_jobs.wikitext.passes.wiki_templates.brace_matching import expand_templates

from ...page_states import new_page


def test_too_many_braces_are_refused():
    with pytest.raises(WikitextError, match="runs of braces"):
        extract("{{a}}" * 10, load_profile("enwiki"), Options(budget=Budget(delimiters=10)))


@pytest.mark.parametrize(
    ("source", "text", "counters"),
    [
        ("a {b} }} c", "a {b} }} c", {}),
        ("a {{b", "a {{b", {"unclosed_braces": 1}),
        ("a }} {{ {{b", "a }} {{ {{b", {"unclosed_braces": 2}),
        ("{{{a {{lc:B}}", "{{{a b", {"unclosed_braces": 1}),
        ("{" * 61 + "a" + "}" * 61, "{" * 61 + "a" + "}" * 61, {}),
        ("{{ }}", "{{ }}", {}),
        ("{{nosuch|a}}", DROPPED, {"templates_dropped": 1}),
        ("{{lc:{{uc:a}}B}}c", "abc", {}),
        ("{{{1}}}{{{1|}}}{{{1|a|b}}}", "{{{1}}}a", {}),
        ("{{{lc:{{{1|A}}}}}}", "{{{lc:A}}}", {}),
        ("{{{{{1|lc:}}}A}}", "a", {}),
        ("{{{{a}}}}", "{{{{a}}}}", {}),
    ],
)
def test_braces_pair_from_the_inside_and_unclosed_ones_stay(source: str, text: str, counters: dict[str, int]) -> None:
    page = new_page()
    assert (expand_templates(source, page), page.counters) == (text, counters)


@pytest.mark.parametrize("beside", ["", "{{{1|}}}"], ids=["pairs of braces only", "runs of braces"])
def test_calls_deeper_than_the_budget_stay(beside: str) -> None:
    assert expand_templates(beside + "{{lc:{{lc:A}}}}", new_page(depth=1)) == "{{lc:a}}"


@pytest.mark.parametrize("beside", ["", "{{{1|}}}"], ids=["pairs of braces only", "runs of braces"])
def test_copied_characters_above_the_budget_are_refused(beside: str) -> None:
    source = beside + "{{lc:{{lc:{{lc:" + "A" * 10 + "}}}}}}"
    assert expand_templates(source, new_page(copied_characters=30)) == "a" * 10
    with pytest.raises(WikitextError, match=r"characters copied out of templates: 30 are more than the budget of 29"):
        expand_templates(source, new_page(copied_characters=29))

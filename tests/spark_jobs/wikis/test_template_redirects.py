from itertools import pairwise

import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikis.template_redirects import resolve_template_redirects
from spark_jobs.wikitext import extract


@pytest.mark.parametrize(
    ("redirects", "resolved"),
    [
        ({"A": "A"}, {}),
        ({"A": "B", "B": "A"}, {}),
        ({"X": "A", "A": "B", "B": "A", "Z": "X"}, {}),
        ({"A": "B", "B": "C", "C": "B", "D": "E"}, {"D": "E"}),
        ({}, {}),
        ({"A": "B"}, {"A": "B"}),
        ({"A": "B", "B": "C", "C": "D"}, {"A": "D", "B": "D", "C": "D"}),
        ({"C": "D", "B": "C", "A": "B"}, {"C": "D", "B": "D", "A": "D"}),
    ],
)
def test_chains_are_followed_and_circles_are_left_out(redirects: dict[str, str], resolved: dict[str, str]) -> None:
    assert resolve_template_redirects(redirects) == resolved


def test_a_long_chain_is_followed_in_linear_time() -> None:
    names = [f"T{number:06}" for number in range(100_000)]
    assert set(resolve_template_redirects(dict(pairwise(names))).values()) == {names[-1]}


def read(wiki: str, wikitext: str, redirects: dict[str, str]) -> tuple[str, list[str], tuple[str, ...]]:
    page = extract(wikitext, load_profile(wiki).with_template_redirects(redirects))
    return page.text, [link.target for link in page.links], page.templates


def test_without_redirects_a_name_is_unchanged() -> None:
    assert read("enwiki", "{{foo|a}}", {}) == ("", [], ("Foo",))
    assert load_profile("enwiki").template_redirects == {}


def test_a_text_template_is_found_behind_its_redirects() -> None:
    redirects = {"keep together": "no_line break", "No line break": "nowrap"}
    assert read("enwiki", "{{Keep_together|a}}", redirects) == ("a", [], ("Nowrap",))


def test_a_link_template_is_found_behind_its_redirect() -> None:
    assert read("jawiki", "{{仮リンク2|甲|en|Alpha}}", {"仮リンク2": "仮リンク"}) == ("甲", ["甲"], ("仮リンク",))


def test_a_template_that_was_renamed_keeps_its_rule() -> None:
    redirects = {"ill": "Link to another language", "Red link": "Link to another language"}
    for name in ("ill", "red link", "Link to another language"):
        assert read("enwiki", f"{{{{{name}|Foo|de}}}}", redirects) == ("Foo", ["Foo"], ("Link to another language",))


def test_the_rule_of_the_target_wins_over_that_of_the_source() -> None:
    assert read("enwiki", "{{small|a}}", {"small": "lang"}) == ("", [], ("Lang",))


def test_a_redirect_between_unknown_templates_adds_no_rule() -> None:
    assert read("enwiki", "{{foo|x}}", {"foo": "bar"}) == ("", [], ("Bar",))


def test_a_disambiguation_template_is_known_by_either_name() -> None:
    profile = load_profile("enwiki").with_template_redirects({"Dab": "List of meanings", "Meanings": "Hndis"})
    assert {"List of meanings", "Hndis"} <= profile.disambiguation_templates
    assert extract("{{dab}}{{meanings}}", profile).templates == ("List of meanings", "Hndis")


def test_parser_functions_and_variables_are_not_redirected() -> None:
    assert read("enwiki", "{{lc:A}}{{PAGENAME}}", {"PAGENAME": "nowrap", "Lc:A": "nowrap"}) == ("a", [], ())


def test_the_order_of_the_redirects_does_not_matter() -> None:
    redirects = {"Small": "New", "Nihongo": "New", "Big": "New"}
    profile = load_profile("enwiki")
    reversed_ones = dict(reversed(redirects.items()))
    assert profile.with_template_redirects(redirects) == profile.with_template_redirects(reversed_ones)

"""Reasons why links have no name, from the link itself and from its target."""

import doctest

import pytest

import spark_jobs.linking.unnamed_reasons
from spark_jobs.linking.name_resolution import load_pivots
from spark_jobs.linking.unnamed_reasons import TargetFacts, find_link_reason, find_target_reason
from spark_jobs.wikis import load_profile

ENGLISH = load_pivots(["en"])[0]
SUN = [{"language": "en", "title": "Sun", "source": "langlink"}]
LIST = [{"language": "en", "title": "List of rivers", "source": "langlink"}]


def test_doctests_pass() -> None:
    assert doctest.testmod(spark_jobs.linking.unnamed_reasons).failed == 0


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ((None, "太陽", None), None),
        ((None, "", "歴史"), "same_page"),
        ((None, "太陽", "構造"), "section"),
        (("enwiki", "Sun", "Structure"), "section"),
        (("enwiki", "List of rivers", None), "unusable_title"),
        (("dewiki", "Sternwarte", None), "other_wiki"),
        (("jawiktionary", "太陽", None), "other_wiki"),
    ],
    ids=str,
)
def test_reason_from_the_link_itself(link, reason) -> None:
    assert find_link_reason(*link, ENGLISH) == reason


@pytest.mark.parametrize(
    ("title", "facts", "reason"),
    [
        ("太陽", TargetFacts(SUN), None),
        ("江戸", TargetFacts([]), "no_langlink"),
        ("江戸", TargetFacts([{"language": "de", "title": "Edo", "source": "langlink"}]), "no_langlink"),
        ("川の一覧", TargetFacts(LIST), "unusable_title"),
        ("光の速さ", TargetFacts(None, "光", "速さ"), "redirect_section"),
        ("環", TargetFacts(None, "環"), "redirect_nowhere"),
        ("海", TargetFacts(None), "missing"),
        ("Star Trek: Picard", TargetFacts(None), "missing"),
        ("Category:海", TargetFacts(None), "other_namespace"),
        ("画像:海.jpg", TargetFacts(None), "other_namespace"),
    ],
    ids=str,
)
def test_reason_from_the_target(title, facts, reason) -> None:
    assert find_target_reason(title, facts, ENGLISH, load_profile("jawiki")) == reason

"""Explanations of the links of real pages of the sample."""

import doctest

import pytest

import spark_jobs.reports.link_explanations
from spark_jobs.contract.table_schemas import NAME_SOURCES
from spark_jobs.linking.name_resolution import load_pivots
from spark_jobs.linking.unnamed_reasons import REASONS
from spark_jobs.reports.link_explanations import explain_links_of_page
from spark_jobs.reports.page_lookup import find_page
from spark_jobs.wikis import load_profile

ENGLISH = load_pivots(["en"])[0]


def test_doctests_pass() -> None:
    assert doctest.testmod(spark_jobs.reports.link_explanations).failed == 0


@pytest.mark.parametrize(
    ("wiki", "page", "surface", "reason"),
    [
        ("jawiki", "水星", "クレーター", "missing"),
        ("jawiki", "水星", "光", "redirect_section"),
        ("jawiki", "水星", "天文台", "other_wiki"),
        ("jawiki", "水星", "地球の構造", "section"),
        ("eswiki", "Perro", "caballo", "no_langlink"),
        ("eswiki", "Perro", "el huevo", "redirect_nowhere"),
        ("eswiki", "Perro", "café", "other_namespace"),
    ],
)
def test_every_reason_is_found_on_a_page(page_lookups, wiki, page, surface, reason) -> None:
    profile = load_profile(wiki)
    explanations = explain_links_of_page(page_lookups[wiki], find_page(page_lookups[wiki], page, profile), [ENGLISH], profile)
    assert reason in {explanation.reason for explanation in explanations if explanation.surface == surface}


@pytest.mark.parametrize("wiki", ["jawiki", "eswiki"])
def test_a_link_has_a_reason_exactly_if_it_has_no_name(page_lookups, read_rows, wiki) -> None:
    profile = load_profile(wiki)
    names = {(row["page_id"], row["start"]): [name["name"] for name in row["names"]] for row in read_rows("links", wiki)}
    found = {}
    for row in read_rows("augmented", wiki):
        for explanation in explain_links_of_page(page_lookups[wiki], row, [ENGLISH], profile):
            found[row["page_id"], explanation.start] = [] if explanation.name is None else [explanation.name]
            assert (explanation.reason is None) == (explanation.name is not None)
            assert explanation.because in NAME_SOURCES.values() or explanation.because.startswith(REASONS[explanation.reason])
            assert row["text"][explanation.start : explanation.end] == explanation.surface
    assert found == names

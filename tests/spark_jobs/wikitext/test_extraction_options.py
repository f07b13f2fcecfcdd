"""Budgets: pages that exceed them are refused with the reason."""

import pytest

from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import Budget, Options, WikitextError, extract


def test_a_page_over_the_source_budget_is_refused_with_the_reason():
    options = Options(budget=Budget(source_characters=10))
    with pytest.raises(WikitextError, match="characters of wikitext: 11 are more than the budget of 10"):
        extract("x" * 11, load_profile("enwiki"), options)
    assert extract("x" * 10, load_profile("enwiki"), options).text == "x" * 10

"""Counters, protected text and the budget of a page."""

import pytest

from spark_jobs.wikitext import WikitextError

from .page_states import new_page


def test_an_amount_above_its_limit_is_refused_with_both_numbers() -> None:
    page = new_page()
    page.check_budget(1000, 1000, "runs of braces")
    with pytest.raises(WikitextError, match=r"^runs of braces: 1,001 are more than the budget of 1,000$"):
        page.check_budget(1001, 1000, "runs of braces")


def test_a_counter_that_counted_nothing_is_absent() -> None:
    page = new_page()
    page.count("files", 0)
    page.count("tables")
    page.count("tables", 2)
    assert page.counters == {"tables": 3}


def test_protected_text_is_replaced_by_its_number() -> None:
    page = new_page()
    assert [page.protect("[[a]]"), page.protect("")] == ["\x1a0\x1b", "\x1a1\x1b"]
    assert page.protected == ["[[a]]", ""]

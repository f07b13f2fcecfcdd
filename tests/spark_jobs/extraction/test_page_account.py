"""The account of a file's pages: pages = other namespaces + rows + rejects."""

from collections import Counter

import pytest

from spark_jobs.extraction.extract_job import UnitReport
from spark_jobs.extraction.page_account import account_for_file, sum_page_counts
from spark_jobs.publishing.publication import PublishError
from spark_jobs.publishing.shard_writer import ShardReport


def report(pages: int, rows: int) -> UnitReport:
    shard = ShardReport("part-00000.parquet", "x", rows, 1, "", 0, {})
    rejects = ({"unit": "page"}, {"unit": "stream"})
    return UnitReport("x.xml", (shard,), rejects, Counter(pages=pages, other_namespaces=2, rejected_pages=1))


def test_counts_of_units_are_summed_and_missing_ones_are_zero() -> None:
    total = sum_page_counts([report(6, 3), report(5, 2)])
    assert (total["pages"], total["other_namespaces"], total["rejected_pages"], total["links"]) == (11, 4, 2, 0)
    assert list(total)[:2] == ["pages", "other_namespaces"]


def test_the_account_of_a_file_includes_lost_pages_and_rejected_streams() -> None:
    assert account_for_file([report(6, 3), report(5, 2)], lost=10) == {
        "pages": 21, "other_namespaces": 4, "rows": 5, "rejected_pages": 12, "rejected_streams": 2,
    }  # fmt: skip


def test_an_account_that_does_not_balance_is_refused() -> None:
    with pytest.raises(PublishError, match=r"x\.xml: pages = other namespaces \+ rows \+ rejects does not hold"):
        account_for_file([report(7, 3)], lost=0)

"""The account of a file's pages: pages = other namespaces + rows + rejects."""

from collections import Counter

import pytest

from spark_jobs.extraction.extract_job import UnitReport
from spark_jobs.extraction.page_account import account_for_file, explain_missing_articles, sum_page_counts
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


@pytest.mark.parametrize(
    ("account", "warning"),
    [
        ({"pages": 0}, "x.xml has no pages, so it gives no article; is it a whole dump of articles?"),
        ({"pages": 1200}, "x.xml gives no article: its 1,200 pages belong to other namespaces; take a dump of all articles"),
        ({"pages": 3, "rows": 1}, None),
        ({"pages": 3, "rejected_pages": 3}, None),
        ({"pages": 0, "rejected_streams": 1}, None),
    ],
)
def test_a_file_without_articles_is_warned_of_unless_rejects_explain_it(account: dict[str, int], warning: str | None) -> None:
    zeros = {"pages": 0, "other_namespaces": 0, "rows": 0, "rejected_pages": 0, "rejected_streams": 0}
    assert explain_missing_articles("x.xml", zeros | account) == warning


def test_an_account_that_does_not_balance_is_refused() -> None:
    with pytest.raises(PublishError, match=r"x\.xml: pages = other namespaces \+ rows \+ rejects does not hold"):
        account_for_file([report(7, 3)], lost=0)

"""Redirects of a dump, resolved to articles, and the rows of `names` that they give."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from spark_jobs.common.storage import Location
from spark_jobs.publishing.shard_writer import ShardReport
from spark_jobs.stages.align_stage import write_names
from spark_jobs.stages.redirect_chains import resolve_redirects

LANGLINKS = "page_id long, language string, title string"
SCHEMA = "title string, redirect_title string, redirect_fragment string"


@pytest.mark.parametrize(
    ("redirects", "resolved"),
    [
        ({}, {}),
        ({"A": "Article"}, {"A": "Article"}),
        ({"A": "B", "B": "C", "C": "Article"}, {"A": "Article", "B": "Article", "C": "Article"}),
        ({"A": "missing"}, {}),
        ({"A": "A"}, {}),
        ({"A": "B", "B": "A"}, {}),
        ({"A": "B", "B": "C", "C": "A", "D": "A", "E": "Article"}, {"E": "Article"}),
        ({"A": "Article#section"}, {}),
        ({"A": "B", "B": "Article#section"}, {}),
        ({f"R{i}": f"R{i + 1}" for i in range(100)} | {"R100": "Article"}, {f"R{i}": "Article" for i in range(101)}),
    ],
    ids=[
        "none",
        "one hop",
        "chain",
        "to a missing page",
        "to itself",
        "cycle of two",
        "into a cycle of three",
        "to a section",
        "over a redirect to a section",
        "long",
    ],
)
def test_a_redirect_resolves_to_an_article_or_is_left_out(spark, redirects: dict[str, str], resolved: dict[str, str]) -> None:
    rows = [("Article", None, None), ("Other", None, None)]
    for title, target in redirects.items():
        page, _, fragment = target.partition("#")
        rows.append((title, page, fragment or None))
    found = resolve_redirects(spark.createDataFrame(rows, SCHEMA)).collect()
    assert {row["title"]: row["target"] for row in found} == resolved
    assert len(found) == len(resolved)


def read_written_rows(reports: list[ShardReport], folder: Path) -> list[dict[str, Any]]:
    return [row for report in reports for row in pq.read_table(folder / report.attempt).to_pylist()]


def test_a_title_that_occurs_twice_in_a_dump_counts_once(spark, tmp_path) -> None:
    rows = [(1, "A", "B", None), (5, "A", None, None), (3, "B", None, None)]
    rows += [(2, "R", "S", None), (4, "R", "S", None), (6, "S", "R", None)]
    pages = spark.createDataFrame(rows, f"page_id long, {SCHEMA}")
    langlinks = spark.createDataFrame([(5, "en", "An A"), (3, "en", "A B")], LANGLINKS)
    reports, counters = write_names(pages, langlinks, len(rows), Location.of(str(tmp_path)))
    assert read_written_rows(reports, tmp_path) == [
        {"title": "A", "page_id": 5, "names": [{"language": "en", "title": "An A", "source": "langlink"}]},
        {"title": "B", "page_id": 3, "names": [{"language": "en", "title": "A B", "source": "langlink"}]},
    ]
    assert counters == {"langlinks": 2, "langlinks_of_articles": 2, "titles": 2, "repeated_titles": 2}


def test_all_langlinks_are_counted_and_those_of_a_redirect_precede_those_of_its_article(spark, tmp_path) -> None:
    pages = spark.createDataFrame(
        [(1, "A", None, None), (2, "R", "A", None), (3, "S", "A", "section")], f"page_id long, {SCHEMA}"
    )
    rows = [(1, "en", "B"), (1, "en", "A"), (1, "de", "C"), (2, "de", "D"), (3, "en", "E"), (9, "en", "Elsewhere")]
    reports, counters = write_names(pages, spark.createDataFrame(rows, LANGLINKS), 3, Location.of(str(tmp_path)))
    names = {row["title"]: [tuple(name.values()) for name in row["names"]] for row in read_written_rows(reports, tmp_path)}
    assert names == {
        "A": [("de", "C", "langlink"), ("en", "A", "langlink")],
        "R": [("de", "D", "langlink"), ("en", "A", "redirect")],
    }
    assert counters == {"langlinks": 5, "langlinks_of_articles": 4, "titles": 2, "repeated_titles": 0}

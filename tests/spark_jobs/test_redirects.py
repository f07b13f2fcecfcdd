import pytest

from spark_jobs.align import names_of, one_page_per_title
from spark_jobs.redirects import resolve_redirects

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
        "to nothing",
        "to itself",
        "cycle of two",
        "into a cycle of three",
        "to a section",
        "over one",
        "long",
    ],
)
def test_a_redirect_leads_to_the_article_behind_it_or_nowhere(spark, redirects: dict[str, str], resolved: dict[str, str]) -> None:
    rows = [("Article", None, None), ("Other", None, None)]
    for title, target in redirects.items():
        page, _, fragment = target.partition("#")
        rows.append((title, page, fragment or None))
    found = resolve_redirects(spark.createDataFrame(rows, SCHEMA)).collect()
    assert {row["title"]: row["target"] for row in found} == resolved
    assert len(found) == len(resolved)


def test_a_title_that_is_twice_in_a_dump_counts_once(spark) -> None:
    rows = [(1, "A", "B", None), (5, "A", None, None), (3, "B", None, None)]
    rows += [(2, "R", "S", None), (4, "R", "S", None), (6, "S", "R", None)]
    pages = one_page_per_title(spark.createDataFrame(rows, f"page_id long, {SCHEMA}"))
    langlinks = spark.createDataFrame([(5, "en", "An A"), (3, "en", "A B")], "page_id long, language string, title string")
    found = [
        (row["title"], row["page_id"], [name["title"] for name in row["names"]]) for row in names_of(pages, langlinks).collect()
    ]
    assert sorted(found) == [("A", 5, ["An A"]), ("B", 3, ["A B"])]

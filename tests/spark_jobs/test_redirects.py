import pytest

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

"""Langlinks of a title and of the article behind it, merged. The whole stage is tested in `stages`."""

import doctest

import pyarrow as pa

import spark_jobs.linking.langlink_names
from spark_jobs.linking.langlink_names import build_names_rows, merge_langlinks


def langlink(language: str, title: str) -> dict[str, str]:
    return {"language": language, "title": title}


def test_doctests_pass() -> None:
    assert doctest.testmod(spark_jobs.linking.langlink_names).failed == 0


def test_of_two_titles_in_one_language_the_smaller_is_used() -> None:
    names = merge_langlinks([langlink("no", "B"), langlink("no", "A")], [])
    assert names == [{"language": "no", "title": "A", "source": "langlink"}]


def test_rows_are_the_titles_that_lead_to_an_article() -> None:
    empty = {"page_id": None, "is_redirect": False, "own": None, "article_id": None, "behind": None}
    rows = [
        {**empty, "title": None, "own": [langlink("en", "Not in the dump")]},
        {**empty, "title": "A", "page_id": 1, "own": [langlink("en", "A"), langlink("de", "A")]},
        {**empty, "title": "B", "page_id": 2, "is_redirect": True, "article_id": 1, "behind": [langlink("en", "A")]},
        {**empty, "title": "C", "page_id": 3, "is_redirect": True, "own": [langlink("en", "C")]},
    ]
    langlinks = pa.list_(pa.struct([("language", pa.string()), ("title", pa.string())]))
    columns = [("title", pa.string()), ("page_id", pa.int64()), ("is_redirect", pa.bool_()), ("article_id", pa.int64())]
    schema = pa.schema([*columns, ("own", langlinks), ("behind", langlinks)])
    table, counters = build_names_rows(pa.RecordBatch.from_pylist(rows, schema=schema))
    assert [(row["title"], row["page_id"], [name["source"] for name in row["names"]]) for row in table.to_pylist()] == [
        ("A", 1, ["langlink", "langlink"]),
        ("B", 1, ["redirect"]),
    ]
    assert counters == {"langlinks": 4, "langlinks_of_articles": 3, "distinct_titles": 3}

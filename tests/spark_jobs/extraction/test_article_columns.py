"""Rows of `articles` as an Arrow table."""

import datetime

import pyarrow as pa
import pytest

from spark_jobs.contract.table_schemas import ARTICLES
from spark_jobs.extraction.article_columns import Article, articles_to_table
from spark_jobs.wikitext import Link, Section

MOMENT = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
LINKS = [
    Link(0, 1, "internal", None, "A", None, {}),
    Link(2, 3, "interwiki", "dewiki", "B", "c", {"de": "B"}),
    Link(4, 5, "template", None, "D", None, {"fr": "D fr", "de": "D de"}),
]
ROWS = [
    Article(
        1, 10, MOMENT, "T", "https://x/T", is_disambiguation=True, text="a b d", sections=[Section(2, "S", 2, 5)], links=LINKS
    ),
    Article(2, 20, None, "R", "https://x/R", "T", "S"),
    Article(3, 30, MOMENT, "U", "https://x/U", text="u", links=LINKS[:1]),
]


def test_no_article_gives_a_table_without_rows() -> None:
    table = articles_to_table([])
    assert table.num_rows == 0
    assert table.schema.equals(ARTICLES.schema, check_metadata=True)


def test_a_number_that_does_not_fit_its_column_is_refused() -> None:
    with pytest.raises((pa.ArrowInvalid, OverflowError)):
        articles_to_table([ROWS[0]._replace(links=[LINKS[0]._replace(end=2**31)])])


def test_every_value_is_in_its_row_and_column() -> None:
    table = articles_to_table(ROWS)
    table.validate(full=True)
    assert table.schema.equals(ARTICLES.schema, check_metadata=True)
    first, redirect, last = table.to_pylist()
    links = [
        {"start": 0, "end": 1, "kind": "internal", "wiki": None, "target": "A", "fragment": None, "names": []},
        {
            "start": 2, "end": 3, "kind": "interwiki", "wiki": "dewiki", "target": "B", "fragment": "c",
            "names": [{"language": "de", "title": "B"}],
        },
        {
            "start": 4, "end": 5, "kind": "template", "wiki": None, "target": "D", "fragment": None,
            "names": [{"language": "de", "title": "D de"}, {"language": "fr", "title": "D fr"}],
        },
    ]  # fmt: skip
    assert first == {
        "page_id": 1, "revision_id": 10, "timestamp": MOMENT, "title": "T", "url": "https://x/T", "redirect_title": None,
        "redirect_fragment": None, "is_disambiguation": True, "text": "a b d",
        "sections": [{"level": 2, "title": "S", "start": 2, "end": 5}], "links": links,
    }  # fmt: skip
    assert redirect == {
        **dict.fromkeys(first), "page_id": 2, "revision_id": 20, "title": "R", "url": "https://x/R", "redirect_title": "T",
        "redirect_fragment": "S", "is_disambiguation": False, "text": "", "sections": [], "links": [],
    }  # fmt: skip
    assert (last["page_id"], last["sections"], last["links"]) == (3, [], links[:1])

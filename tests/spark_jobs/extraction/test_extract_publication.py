"""The results of units, published with the page account of every file."""

import bz2
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from spark_jobs.common.storage import Location
from spark_jobs.contract.table_schemas import ARTICLES, REJECTS
from spark_jobs.dumps.multistream_index import DamagedStream, index_name
from spark_jobs.extraction.article_columns import Article, articles_to_table
from spark_jobs.extraction.extract_job import UnitReport
from spark_jobs.extraction.extract_publication import publish_extraction
from spark_jobs.extraction.unit_planning import FileSurvey
from spark_jobs.publishing.publication import Publication, PublishError
from spark_jobs.publishing.shard_writer import ShardWriter, shard_name

DUMPS = ("xwiki-20240101-pages-articles-multistream1.xml-p1p9.bz2", "xwiki-20240101-pages-articles-multistream2.xml-p10p19.bz2")
REJECT = {
    "unit": "page", "stream_offset": 0, "page_offset": 0, "page_id": 3, "title": "C", "stage": "xml", "reason": "bad",
}  # fmt: skip


@pytest.fixture
def publications(tmp_path: Path) -> tuple[Publication, Publication]:
    found = [Publication(Location.of(str(tmp_path / "out")), table, {"wiki": "xwiki"}, [], {}) for table in (ARTICLES, REJECTS)]
    for publication in found:
        publication.begin()
    return found[0], found[1]


def survey(tmp_path: Path, dump: str) -> FileSurvey:
    return FileSurvey(Location.of(str(tmp_path / dump)), 1000, "ab", (0, 500))


def report(
    articles: Publication, dump: str, ids: list[int], pages: int, rejects: list[dict[str, Any]], **fields: Any
) -> UnitReport:
    """The report of a unit with one shard of articles."""
    with ShardWriter(articles.attempts, shard_name(0), ARTICLES.schema, 10) as writer:
        writer.write(articles_to_table([Article(page, 1, None, f"T{page}", "https://x") for page in ids]))
    rows = tuple({**row, "file": dump} for row in rejects)
    counters = Counter(pages=pages, other_namespaces=1, rejected_pages=sum(row["unit"] == "page" for row in rejects))
    return UnitReport(dump, (writer.report,), rows, counters, **fields)


def test_an_account_that_does_not_balance_publishes_neither_table(publications, tmp_path: Path) -> None:
    articles, rejects = publications
    unit = report(articles, DUMPS[0], [1, 2], 5, [])
    with pytest.raises(PublishError, match="does not hold"):
        publish_extraction(articles, rejects, [survey(tmp_path, DUMPS[0])], [unit], {})
    assert not articles.folder.exists()
    assert not rejects.folder.exists()


def test_units_of_all_files_are_published_with_an_account_for_each(publications, tmp_path: Path) -> None:
    articles, rejects = publications
    reports = [report(articles, DUMPS[0], [1, 2], 4, [REJECT]), report(articles, DUMPS[1], [10], 2, [])]
    surveys = [survey(tmp_path, dump) for dump in DUMPS]
    of_articles, of_rejects = publish_extraction(articles, rejects, surveys, reports, {"template_redirects": 7})
    assert [shard.path for shard in of_articles.shards] == ["part-00000.parquet", "part-00001.parquet"]
    assert (of_articles.rows, of_rejects.rows) == (3, 1)
    counted = of_articles.counters
    assert [counted[name] for name in ("pages", "other_namespaces", "rejected_pages", "template_redirects")] == [6, 2, 1, 7]
    assert of_rejects.counters == {"xml": 1}
    accounts = [
        {"pages": 4, "other_namespaces": 1, "rows": 2, "rejected_pages": 1, "rejected_streams": 0},
        {"pages": 2, "other_namespaces": 1, "rows": 1, "rejected_pages": 0, "rejected_streams": 0},
    ]
    inputs = [{"name": dump, "bytes": 1000, "sha256": "ab", **account} for dump, account in zip(DUMPS, accounts, strict=True)]
    assert of_articles.inputs == of_rejects.inputs == inputs


def test_pages_that_are_lost_with_a_stream_are_rejects_named_by_the_index(publications, tmp_path: Path) -> None:
    articles, rejects = publications
    index = b"".join(b"500:%d:T%d\n" % (page, page) for page in (3, 4, 5))
    (tmp_path / str(index_name(DUMPS[0]))).write_bytes(bz2.compress(b"0:1:T1\n" + index))
    stream = {**REJECT, "unit": "stream", "stream_offset": 500, "page_offset": None, "page_id": None, "title": None}
    unit = report(
        articles, DUMPS[0], [1, 3], 3, [{**stream, "stage": "decompress"}],
        damaged_streams=(DamagedStream(500, 1000, frozenset([3])),),
    )  # fmt: skip
    of_articles, of_rejects = publish_extraction(articles, rejects, [survey(tmp_path, DUMPS[0])], [unit], {})
    assert (of_articles.counters["pages"], of_articles.counters["rejected_pages"]) == (5, 2)
    assert (of_rejects.rows, of_rejects.counters) == (3, {"decompress": 3})
    assert (of_articles.inputs[0]["rejected_pages"], of_articles.inputs[0]["rejected_streams"]) == (2, 1)


def test_a_damaged_stream_without_an_index_is_a_warning(publications, tmp_path: Path, capsys) -> None:
    articles, rejects = publications
    unit = report(articles, DUMPS[0], [1], 2, [], damaged_streams=(DamagedStream(500, 1000),))
    publish_extraction(articles, rejects, [survey(tmp_path, DUMPS[0])], [unit], {})
    printed = " ".join(capsys.readouterr().err.split())
    assert printed.startswith(f"warning: {DUMPS[0]} has unreadable streams; with {index_name(DUMPS[0])} beside it")

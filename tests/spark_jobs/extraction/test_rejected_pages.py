"""Pages and streams of a unit that cannot be used."""

import pytest

from spark_jobs.common.storage import Location
from spark_jobs.dumps.multistream_index import DamagedStream
from spark_jobs.dumps.page_cutting import RawPage
from spark_jobs.dumps.page_errors import HistoryError, PageError
from spark_jobs.dumps.page_parsing import PageRevision
from spark_jobs.dumps.stream_decompression import StreamError
from spark_jobs.extraction.extract_job import DumpUnit
from spark_jobs.extraction.rejected_pages import DamagedStreamLog, ExtractError, RejectCollector, make_history_error

UNIT = DumpUnit(0, Location.of("/dumps/x.xml.bz2"), 200, (0, 100, 200, 300))
RAW = RawPage(100, 7, b"<page><title>A &amp; B</title><id>5</id><text>")
PAGE = PageRevision(6, 0, "C", None, 1, None, "wikitext", "")


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (
            None,
            "<page> at byte 7 of it (page 5, 'A & B'): xml: bad. To build without it",
        ),
        (PAGE, "<page> at byte 7 of it (page 6, 'C'): xml: bad. To build without it"),
    ],
    ids=["not parsed", "parsed"],
)
def test_the_first_bad_page_raises_in_mode_failfast(page: PageRevision | None, message: str) -> None:
    collector = RejectCollector(UNIT, "FAILFAST")
    with pytest.raises(ExtractError) as error:
        collector.add_page("xml", PageError("bad"), RAW, page)
    assert str(error.value).startswith(f"x.xml.bz2, stream at compressed byte 100, {message}")
    assert str(error.value).endswith("use --set mode=PERMISSIVE: it becomes a row of `rejects`")
    assert collector.rows == []


def test_a_page_without_a_title_and_a_stream_raise_with_their_position() -> None:
    collector = RejectCollector(UNIT, "FAILFAST")
    with pytest.raises(ExtractError, match=r"<page> at byte 0 of it: xml: bad\."):
        collector.add_page("xml", PageError("bad"), RawPage(0, 0, b"<page>"), None)
    with pytest.raises(ExtractError, match=r"^x\.xml\.bz2, stream at compressed byte 100: decompress: damaged\."):
        collector.add_stream(StreamError(100, "damaged"))


def test_bad_pages_and_streams_are_rows_in_mode_permissive() -> None:
    collector = RejectCollector(UNIT, "PERMISSIVE")
    collector.add_page("wikitext", PageError("bad"), RAW, PAGE)
    collector.add_stream(StreamError(100, "damaged"))
    assert collector.rows == [
        {
            "unit": "page", "file": "x.xml.bz2", "stream_offset": 100, "page_offset": 7, "page_id": 6, "title": "C",
            "stage": "wikitext", "reason": "bad",
        },
        {
            "unit": "stream", "file": "x.xml.bz2", "stream_offset": 100, "page_offset": None, "page_id": None, "title": None,
            "stage": "decompress", "reason": "damaged",
        },
    ]  # fmt: skip


@pytest.mark.parametrize("mode", ["FAILFAST", "PERMISSIVE"])
def test_a_stream_behind_the_unit_belongs_to_another_one(mode: str) -> None:
    collector = RejectCollector(UNIT, mode)
    collector.add_stream(StreamError(200, "damaged"))
    assert (collector.rows, collector.streams.damaged) == ([], [])


def test_a_file_that_one_task_reads_owns_its_stream_even_if_it_is_empty() -> None:
    collector = RejectCollector(DumpUnit(0, Location.of("/dumps/x.xml.gz"), 0, ()), "PERMISSIVE")
    collector.add_stream(StreamError(0, "empty"))
    assert [row["stream_offset"] for row in collector.rows] == [0]
    assert collector.streams.damaged == []


def test_a_damaged_stream_knows_the_pages_that_were_read_before_the_damage() -> None:
    log = DamagedStreamLog(UNIT.boundaries)
    for stream, xml in ((0, b"<page><id>1</id>"), (100, b"<page><id>2</id>"), (100, b"<page>"), (100, b"<page><id>3</id>")):
        log.note_page(RawPage(stream, 0, xml))
    log.note_damage(100)
    log.note_damage(200)
    log.note_damage(250)
    assert log.damaged == [DamagedStream(100, 200, frozenset([2, 3]), 1), DamagedStream(200, 300), DamagedStream(250, 300)]


@pytest.mark.parametrize("boundaries", [(), (0, 100)], ids=["not bz2", "one stream"])
def test_a_file_of_one_stream_has_no_index_and_no_damaged_streams(boundaries: tuple[int, ...]) -> None:
    log = DamagedStreamLog(boundaries)
    log.note_page(RawPage(0, 0, b"<page><id>1</id>"))
    log.note_damage(0)
    assert log.damaged == []


def test_a_dump_of_histories_is_named() -> None:
    assert str(make_history_error(UNIT, HistoryError("2 revisions"))) == (
        "x.xml.bz2: 2 revisions where one is expected: a dump of full histories cannot be used; take one of current revisions "
        "(pages-articles, or pages-meta-current)"
    )

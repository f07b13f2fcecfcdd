"""Pages and streams that cannot be used, in the three modes of the data source `mediawiki`."""

import bz2
import io
import itertools
from pathlib import Path

import pytest

from spark_jobs.dumps.page_cutting import RawPage
from spark_jobs.dumps.page_parsing import parse_page
from spark_jobs.dumps.stream_starts import scan_streams
from spark_jobs.sources import page_batches
from spark_jobs.sources.mediawiki_options import MediaWikiOptions
from spark_jobs.sources.page_batches import PageBatch, is_excluded
from spark_jobs.sources.pushed_filters import NumberCondition
from spark_jobs.sources.source_options import SourceError

from .page_frames import COLUMNS, DUMP, pages, parse_directly, values


@pytest.fixture
def damaged(xml, dump, tmp_path) -> tuple[Path, int]:
    """A dump with a bad page, a page that is too long and a bad stream, and the offset of that stream."""
    data = dump.read_bytes()
    starts = [*scan_streams(io.BytesIO(data)), len(data)]
    parts = [bz2.decompress(data[start:end]) for start, end in itertools.pairwise(starts)]
    parts[1] = parts[1].replace(b"</title>", b"<title>", 1)
    parts[2] = parts[2].replace(b"</text>", b"y" * 200_000 + b"</text>", 1)
    streams = [bz2.compress(part) for part in parts]
    streams[3] = streams[3][:50] + b"\xff" * 9 + streams[3][59:]
    (tmp_path / DUMP).write_bytes(b"".join(streams))
    return tmp_path / DUMP, sum(map(len, streams[:3]))


def test_permissive_gives_bad_pages_and_streams_as_rows(session, xml, damaged) -> None:
    path, bad_stream = damaged
    frame = pages(session, path, maxPageBytes="100k", bytesPerPartition="5k", namespaces="0").cache()
    bad = values(
        frame.where("_corrupt_record is not null"), ["page_id", "title", "stream_offset", "_corrupt_record", "_corrupt_reason"]
    )
    everything = parse_directly(xml)
    assert len(bad) == 3
    malformed, long, stream = bad
    assert (malformed[0], malformed[1]) == (everything[0][0], None)
    assert malformed[3].startswith("<page>")
    assert "malformed XML" in malformed[4]
    assert (long[0], long[1]) == everything[10][:3:2]
    assert "and pages of up to 102,400 are read" in long[4]
    assert (stream[2], stream[3]) == (bad_stream, "")
    assert "not valid bz2 data" in stream[4]
    good = {row[0] for row in values(frame.where("_corrupt_record is null"), ["page_id"])}
    # streams of ten pages: the first page of the first, the first of the second and all of the third are gone
    assert good == {row[0] for row in [*everything[1:10], *everything[11:20], *everything[30:]] if row[1] == 0}
    frame.unpersist()


def test_dropmalformed_drops_them(session, xml, damaged) -> None:
    everything = parse_directly(xml)
    found = values(pages(session, damaged[0], mode="dropmalformed", maxPageBytes="100k"), COLUMNS)
    assert found == [*everything[1:10], *everything[11:20], *everything[30:]]


def test_failfast_raises_with_the_position_and_the_remedy(session, damaged) -> None:
    with pytest.raises(
        Exception, match=rf"{DUMP}, stream at compressed byte \d+, <page> at byte \d+ .*malformed XML.*PERMISSIVE"
    ):
        pages(session, damaged[0], mode="FAILFAST").count()


def test_a_decompression_bomb_is_one_bad_row(session, dump, xml, tmp_path) -> None:
    data = dump.read_bytes()
    bomb = bz2.compress(bytes(64 * 2**20))
    (tmp_path / DUMP).write_bytes(data + bomb)
    frame = pages(session, tmp_path / DUMP, maxStreamBytes="1m")
    assert frame.where("_corrupt_record is null").count() == len(parse_directly(xml))
    bad = frame.where("_corrupt_record is not null").collect()
    assert [(row.stream_offset, row.page_offset) for row in bad] == [(len(data), None)]
    assert "decompression bomb" in bad[0]._corrupt_reason


@pytest.mark.parametrize("data", [b"", b"<html>404</html>", b"garbage"], ids=["empty", "html", "garbage"])
@pytest.mark.parametrize("ending", [".bz2", ".gz", ".zst"])
def test_a_file_of_another_format_is_one_bad_row_or_an_error(session, tmp_path, ending, data) -> None:
    (tmp_path / f"x.xml{ending}").write_bytes(data)
    assert [row.page_offset for row in pages(session, tmp_path / f"x.xml{ending}").collect()] == [None]
    with pytest.raises(Exception, match=r"is it a whole download|not valid bz2 data"):
        pages(session, tmp_path / f"x.xml{ending}", mode="FAILFAST").collect()


@pytest.mark.parametrize("mode", ["PERMISSIVE", "DROPMALFORMED", "FAILFAST"])
def test_a_dump_of_histories_is_refused_in_every_mode(session, xml, tmp_path, mode) -> None:
    (tmp_path / "x.xml").write_bytes(xml.replace(b"</revision>", b"</revision><revision><id>1</id></revision>", 1))
    with pytest.raises(Exception, match="full histories cannot be used; take one of current revisions"):
        pages(session, tmp_path / "x.xml", mode=mode).count()


RAW = RawPage(100, 7, b"<page><title>A</title><ns>2</ns><id>5</id><revision><id>50</id><text>x</text></revision></page>")
CUT = RawPage(100, 9, b"<page><title>B</title><id>6</id>" + b"\xff" * 70_000, "no end")


def batch_of(**options: str) -> PageBatch:
    return PageBatch("x.xml", MediaWikiOptions.of(options))


def test_a_bad_page_and_a_bad_stream_raise_in_mode_failfast_with_the_remedy() -> None:
    batch = batch_of(mode="FAILFAST")
    remedy = "To read the rest, use mode PERMISSIVE or DROPMALFORMED"
    with pytest.raises(SourceError) as of_page:
        batch.add(CUT, None)
    assert str(of_page.value) == f"x.xml, stream at compressed byte 100, <page> at byte 9 of it (page 6, 'B'): no end. {remedy}"
    with pytest.raises(SourceError) as of_stream:
        batch.add_corrupt("damaged", 30)
    assert str(of_stream.value) == f"x.xml, stream at compressed byte 30: damaged. {remedy}"


def test_bad_pages_are_rows_with_their_first_bytes() -> None:
    batch = batch_of(columns="page_id,title,text,page_offset,_corrupt_record,_corrupt_reason")
    batch.add(CUT, None)
    batch.add_corrupt("damaged", 30)
    page, stream = batch.take().to_pylist()
    record = page.pop("_corrupt_record")
    assert record == "<page><title>B</title><id>6</id>" + "\ufffd" * (65_536 - 32)
    assert page == {"page_id": 6, "title": "B", "text": None, "page_offset": 9, "_corrupt_reason": "no end"}
    assert stream == {**dict.fromkeys(page), "_corrupt_record": "", "_corrupt_reason": "damaged"}


@pytest.mark.parametrize(
    ("xml", "excluded"),
    [
        (b"<page>\n    <title>A</title>\n    <ns>2</ns>\n    <id>5</id>\n<revision>", True),
        (b"<page><title>A</title><ns>0</ns><id>5</id><revision>", False),
        (b"<page><title>A</title><ns>2</ns><id>5</id><revision></revision><revision>", False),
        (b"<page><title>A</title><id>5</id><ns>2</ns><revision>", False),
        (b"<page><!-- x --><title>A</title><ns>2</ns><id>5</id><revision>", False),
        (b"<page><title>A</title><ns> 2</ns><id>5</id><revision>", False),
        ("<page><title>A</title><ns>٢</ns><id>5</id><revision>".encode(), False),
        (b"<page><title>A</title><ns>99999999999</ns><id>5</id><revision>", False),
        (b"", False),
    ],
)
def test_a_page_is_excluded_by_its_head_only_if_the_head_proves_it(xml: bytes, excluded: bool) -> None:
    conditions = {"namespace": (NumberCondition(among=frozenset({0})),)}
    assert is_excluded(xml, conditions) is excluded
    assert not is_excluded(xml, {})


def test_an_excluded_page_is_not_parsed_and_an_included_one_is(monkeypatch) -> None:
    parsed: list[bytes] = []
    monkeypatch.setattr(page_batches, "parse_page", lambda xml, names: parsed.append(xml) or parse_page(xml, names))
    conditions = {"page_id": (NumberCondition(least=6),)}
    batch = PageBatch("x.xml", MediaWikiOptions.of({}), conditions)
    strict = PageBatch("x.xml", MediaWikiOptions.of({"mode": "FAILFAST"}), conditions)
    other = RAW._replace(xml=RAW.xml.replace(b"<id>5", b"<id>6"))
    for raw in (RAW, other):
        batch.add(raw, None)
    assert parsed == [other.xml]
    for raw in (RAW, other):
        strict.add(raw, None)
    assert parsed == [other.xml, RAW.xml, other.xml]
    dropping = PageBatch("x.xml", MediaWikiOptions.of({"mode": "DROPMALFORMED", "namespaces": "0"}))
    dropping.add(other, None)
    assert (len(parsed), dropping.rows) == (3, [])
    assert [row["page_id"] for row in batch.rows] == [row["page_id"] for row in strict.rows] == [6]


def test_bad_pages_are_dropped_in_mode_dropmalformed() -> None:
    batch = batch_of(mode="DROPMALFORMED")
    batch.add(CUT, None)
    batch.add_corrupt("damaged", 30)
    assert batch.rows == []


def test_pages_of_chosen_namespaces_become_rows_of_the_chosen_columns() -> None:
    batch = batch_of(columns="file,text,namespace,stream_offset", namespaces="2")
    batch.add(RAW, None)
    batch.add(RAW._replace(xml=RAW.xml.replace(b"<ns>2", b"<ns>0")), None)
    batch.add(RAW._replace(xml=RAW.xml.replace(b"<ns>2</ns>", b"").replace(b">A<", b">N:A<")), {"N": 2})
    taken = batch.take()
    assert taken.schema.names == ["file", "text", "namespace", "stream_offset"]
    assert taken.to_pylist() == [{"file": "x.xml", "text": "x", "namespace": 2, "stream_offset": 100}] * 2
    assert batch.take().num_rows == 0


@pytest.mark.parametrize(("size", "rows"), [(0, 1000), (8 * 2**20, 1), (4 * 2**20, 2), (3 * 2**20, 3)])
def test_a_batch_is_full_after_enough_rows_or_text(size: int, rows: int) -> None:
    batch = batch_of()
    page = RAW._replace(xml=RAW.xml.replace(b"<text>x", b"<text>" + b"x" * size))
    for number in range(1, rows + 1):
        assert not batch.is_full
        batch.add(page, None)
        assert batch.is_full == (number == rows)
    batch.take()
    assert not batch.is_full

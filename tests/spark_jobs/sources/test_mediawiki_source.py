"""The data source `mediawiki`, read by a real Spark from real files."""

import bz2
import gzip
import io
import lzma

import pyarrow as pa
import pytest

from spark_jobs.dumps.stream_starts import scan_streams

from .page_frames import COLUMNS, DUMP, pages, parse_directly, values


@pytest.mark.parametrize("size", [2999, 5 * 2**10, 2**30])
def test_every_page_is_one_row_for_any_partitions(session, dump, xml, size) -> None:
    frame = pages(session, dump, bytesPerPartition=size)
    assert values(frame, COLUMNS) == parse_directly(xml)
    assert frame.rdd.getNumPartitions() == -(-dump.stat().st_size // size)
    assert frame.where("_corrupt_reason is not null or _corrupt_record is not null").count() == 0


def test_a_row_has_the_position_of_its_page(session, dump) -> None:
    data = dump.read_bytes()
    for row in pages(session, dump).select("page_id", "file", "stream_offset", "page_offset").take(25):
        assert row.file == DUMP
        stream = bz2.BZ2Decompressor().decompress(data[row.stream_offset :])
        assert stream[row.page_offset :].startswith(b"<page>")
        assert b"<id>%d</id>" % row.page_id in stream[row.page_offset : row.page_offset + 200]


@pytest.mark.parametrize(
    ("ending", "pack"),
    [
        ("", bytes),
        (".gz", gzip.compress),
        (".xz", lzma.compress),
        (".zst", lambda data: pa.compress(data, "zstd", asbytes=True)),
        (".bz2", bz2.compress),
        (".bz2", lambda data: b"".join(bz2.compress(data[start : start + 3001]) for start in range(0, len(data), 3001))),
    ],
    ids=["plain", "gz", "xz", "zst", "one stream", "streams that cut pages"],
)
def test_every_form_of_a_dump_gives_the_same_rows(session, xml, tmp_path, ending, pack) -> None:
    (tmp_path / f"my export.xml{ending}").write_bytes(pack(xml))
    assert values(pages(session, tmp_path / f"my export.xml{ending}", bytesPerPartition="10k"), COLUMNS) == parse_directly(xml)


def test_an_old_export_has_its_namespaces_from_its_head(session, tmp_path) -> None:
    site = '<siteinfo><namespaces><namespace key="0" /><namespace key="4">Wikipedia</namespace></namespaces></siteinfo>'
    page = "<page><title>{}</title><id>1</id><revision><id>2</id><text>x</text></revision></page>"
    text = "".join([f'<mediawiki version="0.3">{site}', page.format("Wikipedia:A"), page.format("Portal:A"), "</mediawiki>"])
    (tmp_path / "x.xml").write_text(text, encoding="utf-8")
    assert values(pages(session, tmp_path / "x.xml"), ["namespace", "timestamp"]) == [(4, None), (0, None)]


def test_a_view_in_sql_is_read(session, dump, xml) -> None:
    session.sql(f"create or replace temporary view p using mediawiki options (path '{dump}', namespaces '0')")
    count = session.sql("select count(*) from p where redirect is null").collect()[0][0]
    assert count == sum(row[1] == 0 and row[3] is None for row in parse_directly(xml))


@pytest.mark.parametrize("form", ["", "-multistream"])
def test_a_whole_small_wikipedia_is_read_to_the_page(session, shared_data, form) -> None:
    path = shared_data / "dumps" / f"ltgwiki-20170901-pages-articles{form}.xml.bz2"
    frame = pages(session, path, columns="page_id,_corrupt_reason", bytesPerPartition="100k")
    assert frame.count() == 2004
    assert frame.select("page_id").distinct().count() == 2004
    assert frame.where("_corrupt_reason is not null").count() == 0


@pytest.mark.parametrize("size", [3_000, 9_000, 10**6])
def test_a_stream_whose_signature_is_damaged_is_found_by_one_partition(session, dump, tmp_path, size) -> None:
    packed = dump.read_bytes()
    for bad in scan_streams(io.BytesIO(packed))[3:9:2]:
        data = bytearray(packed)
        data[bad] ^= 0xFF
        (tmp_path / DUMP).write_bytes(data)
        frame = pages(session, tmp_path / DUMP, bytesPerPartition=size)
        assert [row["stream_offset"] for row in frame.where("page_id is null").collect()] == [bad]
        with pytest.raises(Exception, match="is no bz2 stream"):
            pages(session, tmp_path / DUMP, bytesPerPartition=size, mode="FAILFAST").collect()

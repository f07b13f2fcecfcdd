"""The data source `mediawiki`, read by a real Spark from real files."""

import bz2
import doctest
import gzip
import io
import itertools
import lzma
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

import spark_jobs.sources.source_options
from spark_jobs.dumps.page_cutting import split_pages
from spark_jobs.dumps.page_parsing import parse_page
from spark_jobs.dumps.stream_decompression import StreamChunk
from spark_jobs.dumps.stream_starts import scan_streams

DUMP = "eswiki-20240101-pages-articles-multistream.xml.bz2"
COLUMNS = ["page_id", "namespace", "title", "redirect", "revision_id", "timestamp", "model", "text"]


@pytest.fixture(scope="module")
def xml(dump: Path) -> bytes:
    return bz2.decompress(dump.read_bytes())


def pages(session: SparkSession, path: object, **options: object) -> DataFrame:
    return session.read.format("mediawiki").options(**options).load(path if isinstance(path, list) else str(path))  # type: ignore[arg-type]


def parse_directly(xml: bytes) -> list[tuple]:
    """The pages of a dump as rows of the first columns, in its order."""
    found = [parse_page(page.xml) for page in split_pages([StreamChunk(0, xml)])]
    return [tuple(getattr(page, name) for name in COLUMNS) for page in found]


def values(frame: DataFrame, columns: list[str]) -> list[tuple]:
    """Rows as tuples, in the order of the file. Through Arrow, which keeps the zone of timestamps."""
    places = ["file", "stream_offset", "page_offset"]
    table: pa.Table = frame.select(*dict.fromkeys([*places, *columns])).toArrow()
    ordered = table.sort_by([(name, "ascending") for name in places])
    return [tuple(row[name] for name in columns) for row in ordered.to_pylist()]


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.sources.source_options).failed == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"namespace": "0"}, "unknown option 'namespace'; the options are path, paths, columns, mode, namespaces"),
        ({"mode": "STRICT"}, "mode: 'STRICT' is none of PERMISSIVE, DROPMALFORMED, FAILFAST"),
        ({"columns": "title,body"}, "columns: 'body' is none of page_id, namespace, title"),
        ({"columns": ""}, "columns: '' is none of page_id"),
        ({"columns": "title,title"}, "columns: 'title,title' names a column twice"),
        ({"namespaces": "0,Help"}, "namespaces: '0,Help' is not a list of numbers; write 0,10"),
        ({"bytesPerPartition": "0"}, "bytesPerPartition: '0' is not a number of bytes above 0; write 33554432 or 32m"),
        ({"maxPageBytes": "1.5g"}, "maxPageBytes: '1.5g' is not a number of bytes above 0"),
    ],
)
def test_wrong_options_are_refused_at_once(session, dump, options, message) -> None:
    with pytest.raises(Exception, match=message):
        pages(session, dump, **options)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/nowhere/x.xml", "'/nowhere/x.xml' does not exist"),
        ("/nowhere/*.xml", "'/nowhere/\\*.xml': "),
        ("{sample}/dumps/*.html", "no such file"),
        ("{sample}/eval", "no such file; of a folder, files are read whose names match '-pages-"),
        ("{tmp}/x.xml", r"its root element is <html> \(a web page\), not <mediawiki>"),
        (
            "{tmp}",
            "eswiki-20240101-pages-articles-multistream.xml.bz2 and eswiki-20240101-pages-articles.xml hold the same pages",
        ),
    ],
)
def test_wrong_paths_are_refused(session, sample, dump, xml, tmp_path, path, message) -> None:
    (tmp_path / "x.xml").write_bytes(b"<html>404</html>")
    (tmp_path / "eswiki-20240101-pages-articles.xml").write_bytes(xml)
    shutil.copy(dump, tmp_path)
    with pytest.raises(Exception, match=message):
        pages(session, path.format(sample=sample, tmp=tmp_path)).count()


def test_no_path_is_refused(session) -> None:
    with pytest.raises(Exception, match=r"no path: use .load\(PATH\)"):
        session.read.format("mediawiki").load().count()


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


def test_folders_globs_and_lists_of_paths_are_read(session, sample) -> None:
    def count(path: object) -> dict[str, int]:
        return {row.file: row["count"] for row in pages(session, path, columns="file").groupBy("file").count().collect()}

    both = count(sample / "dumps")
    assert set(both) == {DUMP, DUMP.replace("es", "ja", 1)}
    assert count(f"{sample}/dumps/*wiki-*.xml.bz2") == both
    assert count(f"{sample}/dum[p]s/{{ja,es}}wiki-20240101-*") == both
    assert count(f"{sample}/dumps/es*") == {DUMP: both[DUMP]}
    assert count([f"{sample}/dumps/{name}" for name in both]) == both
    assert count(f"file://{sample}/dumps") == both


def test_columns_are_chosen_by_the_option_or_by_a_schema(session, dump) -> None:
    assert pages(session, dump, columns="title, page_id").columns == ["title", "page_id"]
    frame = session.read.format("mediawiki").schema("text string, page_id long").load(str(dump))
    assert len(frame.collect()[0]) == 2
    for schema, message in [
        ("body string", "'body' is not a column of this source"),
        ("page_id string", "'page_id' is bigint, not"),
    ]:
        with pytest.raises(Exception, match=message):
            session.read.format("mediawiki").schema(schema).load(str(dump)).collect()


def test_namespaces_are_chosen(session, dump, xml) -> None:
    chosen = [row for row in parse_directly(xml) if row[1] in (0, 14)]
    assert 0 < len(chosen) < len(parse_directly(xml))
    assert values(pages(session, dump, namespaces="0,14"), COLUMNS) == chosen


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


def test_a_file_in_two_folders_is_refused(session, dump, tmp_path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(dump, tmp_path / folder)
    with pytest.raises(Exception, match="is there twice: choose one folder"):
        pages(session, tmp_path / "*" / DUMP).collect()

"""The data source `mediawiki`, read by a real Spark from real files."""

import bz2
import gzip
import io
import lzma

import pyarrow as pa
import pytest

from spark_jobs.dumps.stream_starts import scan_streams

from .page_frames import COLUMNS, DUMP, pages, parse_directly, plan_of, values


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


@pytest.fixture(scope="module")
def damaged(dump, tmp_path_factory):
    """The dump with a page that is cut, one that is malformed, one without a namespace, and a stream that cannot be read."""
    packed = dump.read_bytes()
    starts = scan_streams(io.BytesIO(packed))
    streams = [packed[start:end] for start, end in zip(starts, [*starts[1:], len(packed)], strict=True)]
    texts = [bz2.decompress(stream) for stream in streams]
    texts[2] = texts[2].replace(b"</page>", b"", 1)
    texts[3] = texts[3].replace(b"<text ", b"<txt ", 1)
    texts[4] = texts[4].replace(b"<ns>0</ns>", b"", 1)
    changed = [bz2.compress(text) for text in texts]
    changed[6] = changed[6][:40] + bytes([changed[6][40] ^ 0xFF]) + changed[6][41:]
    path = tmp_path_factory.mktemp("damaged") / DUMP
    path.write_bytes(b"".join(changed))
    return path


FILTERED = "page_id,namespace,title,_corrupt_reason,stream_offset"


@pytest.fixture(scope="module")
def everything(session, damaged):
    """The rows of the damaged dump, as a frame whose filters Spark evaluates."""
    frame = pages(session, damaged, columns=FILTERED)
    rows = frame.collect()
    assert sum(row["_corrupt_reason"] is not None for row in rows) == 3
    return session.createDataFrame(rows, frame.schema).coalesce(1).cache()


@pytest.mark.parametrize(
    ("condition", "pushed", "left"),
    [
        ("namespace = 0", "IsNotNull(namespace), EqualTo(namespace,0)", False),
        ("namespace in (14, 10, null)", "In(namespace, [10,14", False),
        ("namespace > 0 and namespace <= 14", "GreaterThan(namespace,0), LessThanOrEqual(namespace,14)", False),
        ("page_id >= 100 and page_id < 50000", "GreaterThanOrEqual(page_id,100), LessThan(page_id,50000)", False),
        ("namespace = 0 and page_id > 20 and title like 'A%'", "EqualTo(namespace,0)", True),
        ("namespace is null", "", True),
        ("namespace != 0", "", True),
        ("page_id = 7 or namespace = 14", "", True),
    ],
)
def test_filters_give_the_rows_that_spark_would_keep(
    pushing, damaged, everything, condition: str, pushed: str, left: bool
) -> None:
    filtered = pages(pushing, damaged, columns=FILTERED, pushFilters="true").where(condition)
    assert sorted(map(str, filtered.collect())) == sorted(map(str, everything.where(condition).collect())) != []
    taken, has_filter = plan_of(filtered)
    assert all(part in taken for part in pushed.split(", ") if part)
    assert has_filter is left


def test_a_filter_does_not_hide_what_is_an_error_in_every_query(pushing, xml, damaged, tmp_path) -> None:
    with pytest.raises(Exception, match="To read the rest, use mode PERMISSIVE or DROPMALFORMED"):
        pages(pushing, damaged, mode="FAILFAST", pushFilters="true").where("namespace = 99").count()
    history = xml.replace(b"</revision>", b"</revision><revision><id>1</id></revision>", 1)
    (tmp_path / "x.xml").write_bytes(history)
    with pytest.raises(Exception, match="full histories cannot be used"):
        pages(pushing, tmp_path / "x.xml", pushFilters="true").where("namespace = 99").count()


def test_the_namespaces_of_an_old_export_are_filtered(pushing, tmp_path) -> None:
    site = '<siteinfo><namespaces><namespace key="0" /><namespace key="4">Wikipedia</namespace></namespaces></siteinfo>'
    page = "<page><title>{}</title><id>1</id><revision><id>2</id><text>x</text></revision></page>"
    text = "".join([f'<mediawiki version="0.3">{site}', page.format("Wikipedia:A"), page.format("Portal:A"), "</mediawiki>"])
    (tmp_path / "x.xml").write_text(text, encoding="utf-8")
    assert [row.title for row in pages(pushing, tmp_path / "x.xml", pushFilters="TRUE").where("namespace = 4").collect()] == [
        "Wikipedia:A"
    ]


def test_queries_on_one_frame_do_not_share_their_filters(pushing, dump, xml) -> None:
    """Spark applies the filters that a source takes to later queries too, so none are taken by default."""
    parsed = parse_directly(xml)
    frame = pages(pushing, dump, columns="namespace,page_id")
    assert frame.where("namespace = 14").count() == sum(row[1] == 14 for row in parsed) > 0
    assert plan_of(frame.where("namespace = 14")) == ("", True)
    assert frame.count() == len(parsed)
    both = frame.where("namespace = 14").unionAll(frame.where("namespace = 10"))
    assert {row.namespace for row in both.collect()} == {10, 14}


def test_filters_are_taken_only_where_the_session_allows_it(session, dump) -> None:
    with pytest.raises(Exception, match=r"spark\.sql\.python\.filterPushdown\.enabled' is false\. Set it to true"):
        pages(session, dump, pushFilters="true").count()


CREATE = "create table of_pages using mediawiki "


@pytest.mark.parametrize(
    ("clauses", "namespaces", "columns"),
    [
        ("options (path '{path}', NameSpaces '0,14') comment 'pages' tblproperties ('team' = 'x')", (0, 14), 13),
        ("options (namespaces '14', columns 'title,namespace') location '{path}'", (14,), 2),
        ("options (path '{folder}/*.xml.bz2')", None, 13),
    ],
)
def test_a_table_of_the_catalogue_keeps_its_options(session, dump, xml, tmp_path, clauses: str, namespaces, columns: int) -> None:
    folder = tmp_path / "my dumps ü"
    folder.mkdir()
    path = folder / DUMP
    path.write_bytes(dump.read_bytes())
    wanted = [row[2] for row in parse_directly(xml) if namespaces is None or row[1] in namespaces]
    session.sql(CREATE + clauses.format(path=path, folder=folder))
    try:
        frame = session.table("of_pages")
        assert len(frame.columns) == columns
        assert sorted(row.title for row in frame.collect()) == sorted(wanted)
        assert frame.where("namespace = 14").count() == sum(row[1] == 14 for row in parse_directly(xml))
    finally:
        session.sql("drop table of_pages")
    assert path.read_bytes() == dump.read_bytes()


@pytest.mark.parametrize(
    ("clauses", "message"),
    [
        ("options (path '{path}', modus 'FAILFAST')", "unknown option 'modus'; the options are path, paths, columns, mode"),
        ("options (path '{path}') tblproperties ('namespaces' = '0')", "'namespaces' is an option .* write it in OPTIONS"),
        ("options (path '{path}', namespaces 'zero')", "namespaces: 'zero' is not a list of numbers"),
    ],
)
def test_a_mistake_in_a_table_of_the_catalogue_is_refused(session, dump, clauses: str, message: str) -> None:
    with pytest.raises(Exception, match=message):
        session.sql(CREATE + clauses.format(path=dump))


def test_a_table_with_listed_columns_is_refused_with_the_remedy(session, dump) -> None:
    session.sql(f"create table of_titles (title string) using mediawiki options (path '{dump}')")
    try:
        with pytest.raises(
            Exception, match="A table whose columns are listed in CREATE TABLE loses its options: leave the columns"
        ):
            session.sql("select * from of_titles").collect()
        assert session.sql(f"select * from of_titles with (path '{dump}')").count() > 0
    finally:
        session.sql("drop table of_titles")

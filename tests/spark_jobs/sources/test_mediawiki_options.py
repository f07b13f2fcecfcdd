"""Columns and options of the data source `mediawiki`."""

import pytest

from spark_jobs.dumps.page_cutting import MAX_PAGE_BYTES
from spark_jobs.dumps.stream_decompression import MAX_STREAM_BYTES
from spark_jobs.sources.mediawiki_options import PAGE_SCHEMA, MediaWikiOptions

from .page_frames import COLUMNS, pages, parse_directly, values


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


def test_options_have_their_defaults_and_are_read_in_any_case() -> None:
    assert MediaWikiOptions.of({}) == MediaWikiOptions(
        tuple(PAGE_SCHEMA.names), "PERMISSIVE", None, 32 * 2**20, MAX_PAGE_BYTES, MAX_STREAM_BYTES
    )
    given = {"COLUMNS": "text", "Mode": "failfast", "namespaces": "0,14", "bytesperpartition": "1k", "maxPageBytes": "2k"}
    assert MediaWikiOptions.of({**given, "maxStreamBytes": "3k", "path": "x"}) == MediaWikiOptions(
        ("text",), "FAILFAST", frozenset([0, 14]), 1024, 2048, 3072
    )

"""Pages of ranges of streams, with damaged streams and truncated files."""

import bz2
import io

import pytest

from spark_jobs.dumps.dump_pages import read_pages
from spark_jobs.dumps.page_cutting import split_pages
from spark_jobs.dumps.stream_decompression import StreamError, read_whole
from spark_jobs.dumps.stream_starts import scan_streams

NO_END = "<page> has no end: the dump is cut here, or the stream that holds the rest cannot be read"


def pack_streams(parts: list[bytes]) -> tuple[bytes, list[int]]:
    data = b"".join(bz2.compress(part) for part in parts)
    return data, [*scan_streams(io.BytesIO(data)), len(data)]


def test_a_damaged_stream_loses_its_pages_and_the_rest_of_the_page_before() -> None:
    data, boundaries = pack_streams(
        [b"<page>a</page><page>b", b"</page><page>c</page>", b"", b"d</page><page>e</page></mediawiki>"]
    )
    data = data[: boundaries[1] + 15] + b"\xff" * 9 + data[boundaries[1] + 24 :]
    errors: list[StreamError] = []
    pages = list(read_pages(io.BytesIO(data), "x.bz2", boundaries, len(data), errors.append))
    assert [(page.xml, page.problem) for page in pages] == [
        (b"<page>a</page>", None),
        (b"<page>b", NO_END),
        (b"<page>e</page>", None),
    ]
    assert [error.offset for error in errors] == [boundaries[1]]


def test_a_range_ends_at_a_damaged_stream_that_another_range_owns() -> None:
    data, boundaries = pack_streams([b"<page>a</page><page>b", b"</page><page>c</page>"])
    data = data[: boundaries[1] + 15] + b"\xff" * 9 + data[boundaries[1] + 24 :]
    errors: list[StreamError] = []
    pages = list(read_pages(io.BytesIO(data), "x.bz2", boundaries, boundaries[1], errors.append))
    assert [page.problem for page in pages] == [None, NO_END]
    assert [error.offset for error in errors] == [boundaries[1]]  # not before the range's end, so the caller can ignore it


CLOSED, OPEN = b"<page>b</page>\n</mediawiki>\n", b"<page>b</page>\n"
NOT_CLOSED = "the file ends without </mediawiki> after it: is it a whole download, or a part that was cut off?"


@pytest.mark.parametrize(
    ("last", "reported"),
    [
        ([CLOSED], []),
        ([OPEN, b"</mediawiki>"], []),
        ([b"<page>b</page></mediawi", b"ki>" + b"\n" * 9], []),
        ([OPEN], [NOT_CLOSED]),
        ([OPEN, b"\n"], [NOT_CLOSED]),
        ([b"<page>b</page></mediawi"], [NOT_CLOSED]),
        ([b"<page>b"], []),  # a page without its end is reported by its problem
    ],
)
@pytest.mark.parametrize("form", ["multistream", "its last range", "a range before", "plain"])
def test_a_dump_that_is_cut_between_two_pages_is_reported_once(last: list[bytes], reported: list[str], form: str) -> None:
    parts = [b"<mediawiki><page>a</page>", *last]
    data, boundaries = (b"".join(parts), []) if form == "plain" else pack_streams(parts)
    first, end = {"its last range": (1, len(data)), "a range before": (0, boundaries[1] if boundaries else 0)}.get(
        form, (0, len(data))
    )
    errors: list[StreamError] = []
    pages = list(read_pages(io.BytesIO(data), "x.xml", boundaries[first:], end, errors.append))
    assert [page.xml[:7] for page in pages] == [b"<page>a", b"<page>b"][first : 1 if form == "a range before" else 2]
    assert [error.reason for error in errors] == ([] if form == "a range before" else reported)


@pytest.mark.parametrize("wiki", ["jawiki-20230501", "elwiki-20230501", "ltgwiki-20170901"])
def test_real_dumps_are_read_to_the_page_in_both_forms(shared_data, wiki: str) -> None:
    whole = shared_data / "dumps" / f"{wiki}-pages-articles.xml.bz2"
    with whole.open("rb") as file:
        pages = [page.xml for page in split_pages(read_whole(file, whole.name))]
    data = (shared_data / "dumps" / f"{wiki}-pages-articles-multistream.xml.bz2").read_bytes()
    boundaries = [*scan_streams(io.BytesIO(data)), len(data)]
    errors: list[StreamError] = []
    assert [page.xml for page in read_pages(io.BytesIO(data), "x", boundaries, len(data), errors.append)] == pages
    assert errors == []
    assert len(pages) == {"jawiki": 238, "elwiki": 933, "ltgwiki": 2004}[wiki.partition("-")[0]]

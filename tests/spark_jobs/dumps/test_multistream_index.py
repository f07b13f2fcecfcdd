import bz2
import doctest
import io

import pytest

import spark_jobs.dumps.multistream_index
from spark_jobs.dumps.multistream_index import (
    DamagedStream,
    IndexEntry,
    IndexFileError,
    index_name,
    match_index,
    parse_index_line,
    read_index,
)
from spark_jobs.dumps.page_cutting import split_pages
from spark_jobs.dumps.page_parsing import read_id_and_title
from spark_jobs.dumps.stream_decompression import StreamChunk, read_streams
from spark_jobs.dumps.stream_starts import scan_streams

# The head begins at 0, streams with pages at 100, 200 and 300, the tail at 400; the file ends at 420.
STARTS, SIZE = [0, 100, 200, 300, 400], 420
ENTRIES = [IndexEntry(offset, offset + number, f"T{offset + number}") for offset in (100, 200, 300) for number in (1, 2, 3)]


def lost(entries: list[IndexEntry], *bad: DamagedStream, starts: list[int] = STARTS) -> list[int]:
    return [entry.page_id for entry in match_index(entries, starts, SIZE, bad).lost]


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.dumps.multistream_index).failed == 0


@pytest.mark.parametrize("name", ["index.txt", "index.txt.bz2", "index.txt.gz"])
def test_an_empty_index_is_named_as_empty(name: str) -> None:
    with pytest.raises(IndexFileError, match=f"^{name} is empty: is it a whole download\\?$"):
        list(read_index(io.BytesIO(), name))


@pytest.mark.parametrize("line", [b"", b"\n", b"1:2", b"1:2:", b"x:2:T", b"1:x:T", b":2:T", b"-1:2:T", b"1" * 30 + b":2:T"])
def test_a_malformed_line_is_refused_with_its_number(line: bytes) -> None:
    with pytest.raises(IndexFileError, match=r"i\.txt, line 3: expected offset:page_id:title, found b'"):
        parse_index_line(line, "i.txt, line 3")


@pytest.mark.parametrize(
    ("line", "title"),
    [
        (b"1:2:A", "A"),
        (b"1:2:Help:A: B\r\n", "Help:A: B"),
        (b"1:2::", ":"),
        (b"1:2:AT&amp;T &quot;x&quot; it&#039;s\n", 'AT&T "x" it\'s'),
        (b"1:2:A&B", "A&B"),
        (b"1:2:&amp;lt;", "&lt;"),
        ("1:2:日本\u2028語\n".encode(), "日本\u2028語"),
        (b"1:2:cut \xe6\x97", "cut \ufffd"),
    ],
)
def test_titles_are_read_exactly(line: bytes, title: str) -> None:
    assert parse_index_line(line, "x") == IndexEntry(1, 2, title)


def test_an_index_is_read_lazily_up_to_its_first_error() -> None:
    data = bz2.compress(b"9:1:A\n9:2:B\nbad\n")
    cut = data[:30]
    entries = read_index(io.BytesIO(data), "i.txt.bz2")
    assert [next(entries), next(entries)] == [IndexEntry(9, 1, "A"), IndexEntry(9, 2, "B")]
    with pytest.raises(IndexFileError, match="line 3"):
        next(entries)
    with pytest.raises(IndexFileError, match=r"i\.txt\.bz2 cannot be decompressed beyond line 0 .*is it a whole download"):
        list(read_index(io.BytesIO(cut), "i.txt.bz2"))


@pytest.mark.parametrize(
    ("dump", "index"),
    [
        ("jawiki-20240101-pages-articles.xml.bz2", None),
        ("jawiki-20240101-pages-articles-multistream.xml", None),
        ("jawiki-20240101-pages-articles-multistream.xml.bz2", "jawiki-20240101-pages-articles-multistream-index.txt.bz2"),
        (
            "enwiki-20240101-pages-articles-multistream27.xml-p1p9.bz2",
            "enwiki-20240101-pages-articles-multistream-index27.txt-p1p9.bz2",
        ),
    ],
)
def test_the_name_of_the_index_of_a_dump(dump: str, index: str | None) -> None:
    assert index_name(dump) == index


def test_an_index_of_another_dump_names_nothing() -> None:
    found = match_index([entry._replace(offset=entry.offset + 7) for entry in ENTRIES], STARTS, SIZE, [DamagedStream(200, 300)])
    assert (found.lost, found.unknown) == ((), 2)
    assert found.warning is not None
    assert "2 of its 3 offsets do not point at a stream, so it is ignored: another dump?" in found.warning


def test_one_offset_outside_of_all_streams_makes_the_index_ignored() -> None:
    assert lost([*ENTRIES, IndexEntry(350, 9, "X")], DamagedStream(200, 300)) == []
    assert lost([*ENTRIES, IndexEntry(250, 9, "X")], DamagedStream(200, 300)) == [
        201,
        202,
        203,
        9,
    ]  # its signature may be damaged


def test_an_index_without_a_common_offset_is_ignored_even_if_all_is_damaged() -> None:
    assert lost(ENTRIES, DamagedStream(0, SIZE), starts=[0]) == []


def test_a_page_that_the_index_does_not_list_makes_it_ignored_for_that_stream() -> None:
    found = match_index(
        ENTRIES, STARTS, SIZE, [DamagedStream(100, 200, frozenset({77})), DamagedStream(300, 400, frozenset({301}))]
    )
    assert [entry.page_id for entry in found.lost] == [302, 303]
    assert found.warning == "1 damaged streams hold pages that it does not list there: their pages stay unnamed"


@pytest.mark.parametrize("cut", range(10))
def test_a_truncated_index_names_the_pages_that_it_lists(cut: int) -> None:
    entries = ENTRIES[:cut]
    found = match_index(entries, STARTS, SIZE, [DamagedStream(200, 300)])
    assert list(found.lost) == [entry for entry in entries if entry.offset == 200]
    assert found.unlisted == 3 - len({entry.offset for entry in entries})


def test_an_index_that_ends_in_an_error_is_used_up_to_it_with_a_warning() -> None:
    def entries():
        yield from ENTRIES[:5]
        raise IndexFileError("i.txt, line 6: bad")

    found = match_index(entries(), STARTS, SIZE, [DamagedStream(200, 300)])
    assert [entry.page_id for entry in found.lost] == [201, 202]
    assert found.warning == "1 streams of the dump are not in it; i.txt, line 6: bad"


def test_a_truncated_dump_is_detected_by_its_index() -> None:
    found = match_index(ENTRIES, [0, 100, 200], 250, [DamagedStream(200, 250, frozenset({201}))])
    assert [entry.page_id for entry in found.lost] == [202, 203]
    assert found.warning == "3 of its 9 pages are behind the end of the dump: is the dump whole?"


def test_a_stream_whose_signature_was_damaged_is_named_too() -> None:
    found = match_index(ENTRIES, [0, 100, 300, 400], SIZE, [DamagedStream(200, 300)])
    assert [entry.page_id for entry in found.lost] == [201, 202, 203]
    assert found.warning == "1 of its offsets point into damaged bytes"


def test_an_index_that_agrees_gives_no_warning() -> None:
    found = match_index(ENTRIES, STARTS, SIZE, [])
    assert (found.warning, found.lost, found.pages, found.offsets) == (None, (), 9, 3)


@pytest.mark.parametrize("wiki", ["jawiki-20230501", "elwiki-20230501", "ltgwiki-20170901"])
def test_real_indexes_agree_with_the_scan_and_with_the_pages(shared_data, wiki: str) -> None:
    dump = shared_data / "dumps" / f"{wiki}-pages-articles-multistream.xml.bz2"
    data = dump.read_bytes()
    starts = scan_streams(io.BytesIO(data))
    with (dump.parent / str(index_name(dump.name))).open("rb") as file:
        entries = list(read_index(file, "i.txt.bz2"))
    assert list(dict.fromkeys(entry.offset for entry in entries)) == starts[1:-1]
    whole = match_index(entries, starts, len(data), [DamagedStream(starts[2], starts[3])])
    assert whole.warning is None
    chunks = [StreamChunk(starts[2], chunk.data) for chunk in read_streams(io.BytesIO(data), starts[2:4])]
    assert [(entry.page_id, entry.title) for entry in whole.lost] == [read_id_and_title(page.xml) for page in split_pages(chunks)]

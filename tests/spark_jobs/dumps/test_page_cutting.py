"""Pages cut out of chunks of bytes: each exactly once, in bounded memory."""

import doctest
import itertools
import random
import tracemalloc

import pytest

import spark_jobs.dumps.page_cutting
from spark_jobs.dumps.page_cutting import RawPage, split_pages
from spark_jobs.dumps.page_errors import HistoryError
from spark_jobs.dumps.page_parsing import parse_page, read_id_and_title
from spark_jobs.dumps.stream_decompression import StreamChunk

NO_END = "<page> has no end: the dump is cut here, or the stream that holds the rest cannot be read"
PAGE = (
    "<page><title>{title}</title><ns>{ns}</ns><id>7</id>{redirect}<revision><id>70</id><timestamp>2024-01-02T03:04:05Z</timestamp>"
    "<contributor><username>A</username><id>9</id></contributor><model>wikitext</model><text>{text}</text></revision></page>"
)


def make_page(title: str = "T", ns: str = "0", redirect: str = "", text: str = "x") -> bytes:
    return PAGE.format(title=title, ns=ns, redirect=redirect, text=text).encode()


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.dumps.page_cutting).failed == 0


def cut_into_streams(data: bytes, sizes: list[int]) -> list[StreamChunk]:
    """`data` as streams of the given sizes; the compressed offset of a stream is taken to be its number times 10."""
    chunks, position = [], 0
    for number, size in enumerate(sizes):
        chunks.append(StreamChunk(number * 10, data[position : position + size], number * 10 + 10))
        position += size
    assert position >= len(data)
    return chunks


@pytest.mark.parametrize("seed", range(200))
def test_ranges_of_streams_give_each_page_once_wherever_the_compressor_cut(seed: int) -> None:
    random_numbers = random.Random(seed)
    pages = [make_page(title=f"P{i}", text="y" * random_numbers.randrange(60)) for i in range(random_numbers.randrange(1, 6))]
    data = b"<mediawiki><siteinfo/>" + b"\n ".join(pages) + b"</mediawiki>"
    sizes: list[int] = []
    while sum(sizes) < len(data):
        sizes.append(random_numbers.choice([0, 1, 2, 3, 50, 200, 700]))
    chunks = cut_into_streams(data, sizes)
    borders = sorted({0, *random_numbers.choices(range(len(chunks)), k=2), len(chunks)})
    found = []
    for first, last in itertools.pairwise(borders):
        found += list(split_pages(chunks[first:], end=last * 10))
    assert [page.xml for page in found] == pages
    for page in found:
        before = sum(len(c.data) for c in chunks if c.stream_offset < page.stream_offset)
        assert data[before + page.page_offset :].startswith(b"<page>")


def test_reading_stops_when_the_last_owned_page_is_whole() -> None:
    def chunks():
        yield StreamChunk(0, b"<page>a</page>\n", 10)
        raise AssertionError("the next stream was decompressed without need")

    assert [page.xml for page in split_pages(chunks(), end=10)] == [b"<page>a</page>"]


@pytest.mark.parametrize(
    ("data", "pages"),
    [
        (b"<page>a", [(b"<page>a", NO_END)]),
        (b"<page>a<page>b</page>", [(b"<page>a", NO_END), (b"<page>b</page>", None)]),
        (b"<page>a</pag<page>b</page>", [(b"<page>a</pag", NO_END), (b"<page>b</page>", None)]),
        (b"no pages at all", []),
        (b"", []),
        (b"a</page><page>b</page>", [(b"<page>b</page>", None)]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_every_start_tag_is_one_page_with_or_without_an_end(
    data: bytes, pages: list[tuple[bytes, str | None]], size: int
) -> None:
    chunks = [StreamChunk(0, data[start : start + size]) for start in range(0, len(data), size)]
    assert [(page.xml, page.problem) for page in split_pages(chunks)] == pages


@pytest.mark.parametrize("size", [1, 2, 6, 7, 8, 29, 30, 31, 1000])
@pytest.mark.parametrize("length", [29, 30, 31, 32, 37, 38, 60])
@pytest.mark.parametrize("ending", [b"</page>", b""])
def test_a_page_that_is_too_long_is_one_page_for_any_chunks(size: int, length: int, ending: bytes) -> None:
    long = b"<page>" + b"y" * (length - 6 - len(ending)) + ending
    data = b"<page>a</page> " + long + b"<page>b</page>"
    chunks = [StreamChunk(5, data[start : start + size], None) for start in range(0, len(data), size)]
    reason = f"<page> is of {length} bytes, and pages of up to 30 are read" if length > 30 else None if ending else NO_END
    assert list(split_pages(chunks, max_bytes=30)) == [
        RawPage(5, 0, b"<page>a</page>", None),
        RawPage(5, 15, long[:30], reason),
        RawPage(5, 15 + length, b"<page>b</page>", None),
    ]


def test_a_page_that_never_ends_is_one_page_in_bounded_memory() -> None:
    def chunks():
        yield StreamChunk(0, b"<page><title>Endless</title><ns>0</ns><id>7</id><revision><text>", None)
        for offset in range(200):
            yield StreamChunk(offset, b"y" * 2**20, None)

    tracemalloc.start()
    pages = list(split_pages(chunks(), max_bytes=8 * 2**20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(len(page.xml), page.problem) for page in pages] == [
        (4096, "<page> is of 209,715,264 bytes, and pages of up to 8,388,608 are read")
    ]
    assert read_id_and_title(pages[0].xml) == (7, "Endless")
    assert peak < 30 * 2**20


@pytest.mark.parametrize("size", [1, 50, 10_000])
def test_a_history_is_refused_before_it_is_read_whole(size: int) -> None:
    def chunks():
        data = make_page(title="A") + b"<page><title>B</title><ns>0</ns><id>7</id>" + b"<revision><id>1</id></revision>" * 9
        yield from (StreamChunk(0, data[start : start + size]) for start in range(0, len(data), size))
        raise AssertionError("the rest of the history was read")

    pages = split_pages(chunks(), max_bytes=300)
    assert parse_page(next(pages).xml).title == "A"
    with pytest.raises(HistoryError, match=r"more than 300 bytes with several revisions .*full histories cannot be used"):
        next(pages)

import doctest
import itertools
import random

import pytest

import spark_jobs.dumps.pages
from spark_jobs.dumps.pages import PageError, parse_page, split_pages
from spark_jobs.dumps.streams import Chunk

PAGE = (
    "<page><title>{title}</title><ns>{ns}</ns><id>7</id>{redirect}<revision><id>70</id><timestamp>2024-01-02T03:04:05Z</timestamp>"
    "<contributor><username>A</username><id>9</id></contributor><model>wikitext</model><text>{text}</text></revision></page>"
)


def make(title: str = "T", ns: str = "0", redirect: str = "", text: str = "x") -> bytes:
    return PAGE.format(title=title, ns=ns, redirect=redirect, text=text).encode()


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.dumps.pages).failed == 0


def cut(data: bytes, sizes: list[int]) -> list[Chunk]:
    """`data` as streams of the given sizes; the compressed offset of a stream is taken to be its number times 10."""
    chunks, position = [], 0
    for number, size in enumerate(sizes):
        chunks.append(Chunk(number * 10, data[position : position + size], number * 10 + 10))
        position += size
    assert position >= len(data)
    return chunks


@pytest.mark.parametrize("seed", range(200))
def test_ranges_of_streams_give_each_page_once_wherever_the_compressor_cut(seed: int) -> None:
    random_numbers = random.Random(seed)
    pages = [make(title=f"P{i}", text="y" * random_numbers.randrange(60)) for i in range(random_numbers.randrange(1, 6))]
    data = b"<mediawiki><siteinfo/>" + b"\n ".join(pages) + b"</mediawiki>"
    sizes: list[int] = []
    while sum(sizes) < len(data):
        sizes.append(random_numbers.choice([0, 1, 2, 3, 50, 200, 700]))
    chunks = cut(data, sizes)
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
        yield Chunk(0, b"<page>a</page>\n", 10)
        raise AssertionError("the next stream was decompressed in vain")

    assert [page.xml for page in split_pages(chunks(), end=10)] == [b"<page>a</page>"]


@pytest.mark.parametrize(
    ("data", "pages"),
    [
        (b"<page>a", [(b"<page>a", False)]),
        (b"<page>a<page>b</page>", [(b"<page>a", False), (b"<page>b</page>", True)]),
        (b"no pages at all", []),
        (b"a</page><page>b</page>", [(b"<page>b</page>", True)]),
    ],
)
def test_every_start_tag_is_one_page_whole_or_not(data: bytes, pages: list[tuple[bytes, bool]]) -> None:
    assert [(page.xml, page.is_complete) for page in split_pages([Chunk(0, data)])] == pages


def test_the_fields_of_a_page_are_read() -> None:
    page = parse_page(
        make(title="AC/DC &amp; &lt;b&gt;", ns="4", redirect='<redirect title="X &quot;Y&quot;" />', text="a&#10;日本")
    )
    assert (page.page_id, page.namespace, page.title, page.redirect) == (7, 4, "AC/DC & <b>", 'X "Y"')
    assert (page.revision_id, page.text, page.model) == (70, "a\n日本", "wikitext")
    assert page.timestamp is not None
    assert page.timestamp.isoformat() == "2024-01-02T03:04:05+00:00"


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (b"<page><title>a</page>", "malformed XML"),
        (b"<page>\x00</page>", "malformed XML"),
        (make().replace(b"<id>7</id>", b""), "<page> has no <id>"),
        (make().replace(b"<id>7</id>", b"<id>x</id>"), "invalid literal"),
        (make().replace(b"</page>", b"<revision><id>71</id></revision></page>"), "2 revisions where one is expected"),
        (b'<!DOCTYPE page [<!ENTITY e "boom">]>' + make(text="&e;"), "document type declaration"),
        (make(text="&undefined;"), "malformed XML"),
    ],
)
def test_a_bad_page_is_refused_with_its_reason(xml: bytes, reason: str) -> None:
    with pytest.raises(PageError, match=reason):
        parse_page(xml)

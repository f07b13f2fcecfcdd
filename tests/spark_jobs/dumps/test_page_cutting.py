import bz2
import doctest
import io
import itertools
import random
import tracemalloc

import pytest

import spark_jobs.dumps.page_cutting
from spark_jobs.dumps.stream_decompression import Chunk, StreamError, read_whole, scan_streams
from spark_jobs.dumps.page_cutting import HistoryError, PageError, RawPage, name_page, parse_page, read_pages, split_pages

NO_END = "<page> has no end: the dump is cut here, or the stream that holds the rest cannot be read"

PAGE = (
    "<page><title>{title}</title><ns>{ns}</ns><id>7</id>{redirect}<revision><id>70</id><timestamp>2024-01-02T03:04:05Z</timestamp>"
    "<contributor><username>A</username><id>9</id></contributor><model>wikitext</model><text>{text}</text></revision></page>"
)


def make(title: str = "T", ns: str = "0", redirect: str = "", text: str = "x") -> bytes:
    return PAGE.format(title=title, ns=ns, redirect=redirect, text=text).encode()


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.dumps.page_cutting).failed == 0


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
        (b"<page>a", [(b"<page>a", NO_END)]),
        (b"<page>a<page>b</page>", [(b"<page>a", NO_END), (b"<page>b</page>", None)]),
        (b"<page>a</pag<page>b</page>", [(b"<page>a</pag", NO_END), (b"<page>b</page>", None)]),
        (b"no pages at all", []),
        (b"", []),
        (b"a</page><page>b</page>", [(b"<page>b</page>", None)]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_every_start_tag_is_one_page_whole_or_not(data: bytes, pages: list[tuple[bytes, str | None]], size: int) -> None:
    chunks = [Chunk(0, data[start : start + size]) for start in range(0, len(data), size)]
    assert [(page.xml, page.problem) for page in split_pages(chunks)] == pages


@pytest.mark.parametrize("size", [1, 2, 6, 7, 8, 29, 30, 31, 1000])
@pytest.mark.parametrize("length", [29, 30, 31, 32, 37, 38, 60])
@pytest.mark.parametrize("ending", [b"</page>", b""])
def test_a_page_that_is_too_long_is_one_page_however_it_is_cut_into_chunks(size: int, length: int, ending: bytes) -> None:
    long = b"<page>" + b"y" * (length - 6 - len(ending)) + ending
    data = b"<page>a</page> " + long + b"<page>b</page>"
    chunks = [Chunk(5, data[start : start + size], None) for start in range(0, len(data), size)]
    reason = f"<page> is of {length} bytes, and pages of up to 30 are read" if length > 30 else None if ending else NO_END
    assert list(split_pages(chunks, max_bytes=30)) == [
        RawPage(5, 0, b"<page>a</page>", None),
        RawPage(5, 15, long[:30], reason),
        RawPage(5, 15 + length, b"<page>b</page>", None),
    ]


def test_a_page_that_never_ends_is_one_page_in_bounded_memory() -> None:
    def chunks():
        yield Chunk(0, b"<page><title>Endless</title><ns>0</ns><id>7</id><revision><text>", None)
        for offset in range(200):
            yield Chunk(offset, b"y" * 2**20, None)

    tracemalloc.start()
    pages = list(split_pages(chunks(), max_bytes=8 * 2**20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(len(page.xml), page.problem) for page in pages] == [
        (4096, "<page> is of 209,715,264 bytes, and pages of up to 8,388,608 are read")
    ]
    assert name_page(pages[0].xml) == (7, "Endless")
    assert peak < 30 * 2**20


@pytest.mark.parametrize("size", [1, 50, 10_000])
def test_a_history_is_refused_before_it_is_read(size: int) -> None:
    def chunks():
        data = make(title="A") + b"<page><title>B</title><ns>0</ns><id>7</id>" + b"<revision><id>1</id></revision>" * 9
        yield from (Chunk(0, data[start : start + size]) for start in range(0, len(data), size))
        raise AssertionError("the rest of the history was read")

    pages = split_pages(chunks(), max_bytes=300)
    assert parse_page(next(pages).xml).title == "A"
    with pytest.raises(HistoryError, match=r"more than 300 bytes with several revisions .*full histories cannot be used"):
        next(pages)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", (None, None)),
        (b"<page><title>A &amp;amp; &quot;B&quot;</title><id>7</id>", (7, 'A &amp; "B"')),
        (b"<page><title></title><revision><id>70</id>", (None, "")),  # that is the revision's
        (b"<page><title>\xe6\x97</title><id>99999999999999999999</id>", (None, "\ufffd")),
    ],
)
def test_a_page_that_cannot_be_parsed_is_named_as_far_as_it_can(data: bytes, found: tuple[int | None, str | None]) -> None:
    assert name_page(data) == found


def pack(parts: list[bytes]) -> tuple[bytes, list[int]]:
    data = b"".join(bz2.compress(part) for part in parts)
    return data, [*scan_streams(io.BytesIO(data)), len(data)]


def test_a_bad_stream_costs_its_pages_and_the_rest_of_the_one_that_runs_into_it() -> None:
    data, boundaries = pack([b"<page>a</page><page>b", b"</page><page>c</page>", b"", b"d</page><page>e</page></mediawiki>"])
    data = data[: boundaries[1] + 15] + b"\xff" * 9 + data[boundaries[1] + 24 :]
    errors: list[StreamError] = []
    pages = list(read_pages(io.BytesIO(data), "x.bz2", boundaries, len(data), errors.append))
    assert [(page.xml, page.problem) for page in pages] == [
        (b"<page>a</page>", None),
        (b"<page>b", NO_END),
        (b"<page>e</page>", None),
    ]
    assert [error.offset for error in errors] == [boundaries[1]]


def test_a_range_ends_with_a_bad_stream_that_another_range_owns() -> None:
    data, boundaries = pack([b"<page>a</page><page>b", b"</page><page>c</page>"])
    data = data[: boundaries[1] + 15] + b"\xff" * 9 + data[boundaries[1] + 24 :]
    errors: list[StreamError] = []
    pages = list(read_pages(io.BytesIO(data), "x.bz2", boundaries, boundaries[1], errors.append))
    assert [page.problem for page in pages] == [None, NO_END]
    assert [error.offset for error in errors] == [boundaries[1]]  # at or after the range's end: the caller can tell


CLOSED, OPEN = b"<page>b</page>\n</mediawiki>\n", b"<page>b</page>\n"
NOT_CLOSED = "the file ends without </mediawiki> after it: is it a whole download, or a part that was cut off?"


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ([CLOSED], []),
        ([OPEN, b"</mediawiki>"], []),
        ([b"<page>b</page></mediawi", b"ki>" + b"\n" * 9], []),
        ([OPEN], [NOT_CLOSED]),
        ([OPEN, b"\n"], [NOT_CLOSED]),
        ([b"<page>b</page></mediawi"], [NOT_CLOSED]),
        ([b"<page>b"], []),  # a page without its end tells by itself
    ],
)
@pytest.mark.parametrize("form", ["multistream", "its last range", "a range before", "plain"])
def test_a_dump_that_is_cut_between_two_pages_is_told_once(last: list[bytes], told: list[str], form: str) -> None:
    parts = [b"<mediawiki><page>a</page>", *last]
    data, boundaries = (b"".join(parts), []) if form == "plain" else pack(parts)
    first, end = {"its last range": (1, len(data)), "a range before": (0, boundaries[1] if boundaries else 0)}.get(
        form, (0, len(data))
    )
    errors: list[StreamError] = []
    pages = list(read_pages(io.BytesIO(data), "x.xml", boundaries[first:], end, errors.append))
    assert [page.xml[:7] for page in pages] == [b"<page>a", b"<page>b"][first : 1 if form == "a range before" else 2]
    assert [error.reason for error in errors] == ([] if form == "a range before" else told)


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


def test_the_fields_of_a_page_are_read() -> None:
    page = parse_page(
        make(title="AC/DC &amp; &lt;b&gt;", ns="4", redirect='<redirect title="X &quot;Y&quot;" />', text="a&#10;日本")
    )
    assert (page.page_id, page.namespace, page.title, page.redirect) == (7, 4, "AC/DC & <b>", 'X "Y"')
    assert (page.revision_id, page.text, page.model) == (70, "a\n日本", "wikitext")
    assert page.timestamp is not None
    assert page.timestamp.isoformat() == "2024-01-02T03:04:05+00:00"


OLD_PAGE = (
    "<page><title>{title}</title><id>7</id>{more}<revision><id>70</id><timestamp>2006-01-02T03:04:05Z</timestamp>"
    "<contributor><ip>127.0.0.1</ip></contributor><minor/><comment>c</comment>{text}</revision></page>"
)
NAMESPACES = {"Diskussion": 1, "Hilfe Diskussion": 13, "Hilfe": 12}


@pytest.mark.parametrize(
    ("title", "namespace"),
    [("Hund", 0), ("Diskussion:Hund", 1), ("Hilfe Diskussion:A: B", 13), ("Star Trek: Hilfe:A", 0), ("hilfe:A", 0), (":", 0)],
)
def test_a_page_without_ns_is_in_the_namespace_of_its_title(title: str, namespace: int) -> None:
    xml = OLD_PAGE.format(title=title, more="<restrictions>edit=sysop</restrictions>", text="<text>x</text>").encode()
    assert parse_page(xml, NAMESPACES).namespace == namespace
    with pytest.raises(PageError, match="<page> has no <ns>"):
        parse_page(xml)


@pytest.mark.parametrize(
    ("xml", "redirect"),
    [
        (make(), None),
        (make(redirect="<redirect />"), ""),
        (make(redirect='<redirect title="" />'), ""),
        (make(redirect='<redirect title="A &amp; B" />'), "A & B"),
    ],
)
def test_redirects_of_all_versions(xml: bytes, redirect: str | None) -> None:
    assert parse_page(xml).redirect == redirect


@pytest.mark.parametrize(
    ("element", "text"),
    [
        ('<text xml:space="preserve">a</text>', "a"),
        ('<text xml:space="preserve" />', ""),
        ('<text bytes="0" sha1="phoiac9h4m842xq45sp7s6u21eteeq1" xml:space="preserve" />', ""),
        ('<text bytes="0" id="9" />', ""),
        ('<text deleted="deleted" />', ""),
        ('<text bytes="12" deleted="deleted" />', ""),
    ],
)
def test_texts_of_all_versions(element: str, text: str) -> None:
    assert parse_page(OLD_PAGE.format(title="T", more="<ns>0</ns>", text=element).encode()).text == text


@pytest.mark.parametrize(
    ("element", "reason"),
    [
        ("", "<revision> has no <text>"),
        ('<text bytes="12" sha1="x" location="tt:1" id="1" />', "<text> is empty but says bytes='12'"),
        ('<text xml:space="preserve" bytes="12" />', "<text> is empty but says bytes='12'"),
        ('<text id="1" />', "<text> is empty but only has an id"),
    ],
)
def test_a_text_that_the_dump_leaves_out_is_no_empty_page(element: str, reason: str) -> None:
    with pytest.raises(PageError, match=reason):
        parse_page(OLD_PAGE.format(title="T", more="<ns>0</ns>", text=element).encode())


def test_the_main_slot_is_read_and_nothing_else_that_a_page_may_hold() -> None:
    xml = b"""<page>
    <title>File:X.jpg</title><ns>6</ns><id>7</id><restrictions>move=sysop</restrictions>
    <revision><id>70</id><parentid>69</parentid><timestamp>2024-01-02T03:04:05Z</timestamp>
      <contributor deleted="deleted" /><minor /><comment deleted="deleted" /><origin>70</origin>
      <model>wikitext</model><format>text/x-wiki</format>
      <text bytes="4" sha1="x" location="tt:1" id="1" xml:space="preserve">main</text>
      <content><role>mediainfo</role><origin>70</origin><model>wikibase-mediainfo</model><format>application/json</format>
        <text bytes="2" sha1="y" location="tt:2" id="2" xml:space="preserve">{}</text></content>
      <sha1>x</sha1></revision>
    <upload><timestamp>2004-01-01T00:00:00Z</timestamp><contributor><username>A</username><id>9</id></contributor>
      <comment>text</comment><filename>X.jpg</filename><src>u</src><size>1</size></upload>
    <discussionthreadinginfo><ThreadSubject>s</ThreadSubject><ThreadID>5</ThreadID></discussionthreadinginfo></page>"""
    page = parse_page(xml)
    assert (page.page_id, page.namespace, page.title, page.revision_id) == (7, 6, "File:X.jpg", 70)
    assert (page.model, page.text) == ("wikitext", "main")


def test_a_timestamp_without_zone_is_utc() -> None:
    page = parse_page(make().replace(b"05Z</timestamp>", b"05</timestamp>"))
    assert page.timestamp is not None
    assert page.timestamp.isoformat() == "2024-01-02T03:04:05+00:00"


LAUGHS = b'<!DOCTYPE page [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
EXTERNAL = b'<!DOCTYPE page [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (b"<page><title>a</page>", "malformed XML"),
        (b"<page>\x00</page>", "malformed XML"),
        (b"<page>\xff\xfe</page>", "malformed XML"),
        (make().replace(b"<id>7</id>", b""), "<page> has no <id>"),
        (make().replace(b"<id>7</id>", b"<id>x</id>"), "<id>: invalid literal"),
        (make().replace(b"<id>7</id>", b"<id>99999999999999999999</id>"), "<id> 9+ does not fit into 64 bits"),
        (make(ns="4294967296"), "<ns> 4294967296 does not fit into 32 bits"),
        (make(title=""), "<page> has no <title>"),
        (make().replace(b"2024-01-02", b"2024-31-02"), "<timestamp>: "),
        (make().replace(b"</page>", b"<revision><id>71</id></revision></page>"), "2 revisions where one is expected"),
        (b"<page><title>T</title><ns>0</ns><id>7</id></page>", "0 revisions where one is expected"),
        (b'<!DOCTYPE page [<!ENTITY e "boom">]>' + make(text="&e;"), "document type declaration"),
        (LAUGHS + make(text="&c;"), "document type declaration"),
        (EXTERNAL + make(text="&e;"), "document type declaration"),
        (make(text='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>&e;'), "document type declaration"),
        (make(text="&undefined;"), "malformed XML"),
        (make(text="y" * (10_000_001)), "malformed XML: .*xmlSAX2Characters|malformed XML"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_page_is_refused_with_its_reason(xml: bytes, reason: str) -> None:
    with pytest.raises(PageError, match=reason):
        parse_page(xml)

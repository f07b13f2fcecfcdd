"""One `<page>` element of every export version, and elements that are refused."""

import doctest

import pytest

import spark_jobs.dumps.page_parsing
from spark_jobs.dumps.page_errors import PageError
from spark_jobs.dumps.page_parsing import parse_page, read_id_and_title

PAGE = (
    "<page><title>{title}</title><ns>{ns}</ns><id>7</id>{redirect}<revision><id>70</id><timestamp>2024-01-02T03:04:05Z</timestamp>"
    "<contributor><username>A</username><id>9</id></contributor><model>wikitext</model><text>{text}</text></revision></page>"
)


def make_page(title: str = "T", ns: str = "0", redirect: str = "", text: str = "x") -> bytes:
    return PAGE.format(title=title, ns=ns, redirect=redirect, text=text).encode()


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.dumps.page_parsing).failed == 0


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", (None, None)),
        (b"<page><title>A &amp;amp; &quot;B&quot;</title><id>7</id>", (7, 'A &amp; "B"')),
        (b"<page><title></title><revision><id>70</id>", (None, "")),  # the id is the revision's
        (b"<page><title>\xe6\x97</title><id>99999999999999999999</id>", (None, "\ufffd")),
    ],
)
def test_id_and_title_of_a_page_that_cannot_be_parsed(data: bytes, found: tuple[int | None, str | None]) -> None:
    assert read_id_and_title(data) == found


def test_the_fields_of_a_page_are_read() -> None:
    page = parse_page(
        make_page(title="AC/DC &amp; &lt;b&gt;", ns="4", redirect='<redirect title="X &quot;Y&quot;" />', text="a&#10;日本")
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
        (make_page(), None),
        (make_page(redirect="<redirect />"), ""),
        (make_page(redirect='<redirect title="" />'), ""),
        (make_page(redirect='<redirect title="A &amp; B" />'), "A & B"),
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
def test_a_text_that_the_dump_leaves_out_is_refused(element: str, reason: str) -> None:
    with pytest.raises(PageError, match=reason):
        parse_page(OLD_PAGE.format(title="T", more="<ns>0</ns>", text=element).encode())


def test_only_the_main_slot_of_a_page_is_read() -> None:
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
    page = parse_page(make_page().replace(b"05Z</timestamp>", b"05</timestamp>"))
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
        (make_page().replace(b"<id>7</id>", b""), "<page> has no <id>"),
        (make_page().replace(b"<id>7</id>", b"<id>x</id>"), "<id>: 'x' is not a number"),
        (make_page().replace(b"<id>7</id>", "<id>٧</id>".encode()), "<id>: '٧' is not a number"),
        (make_page().replace(b"<id>7</id>", b"<id>7_0</id>"), "<id>: '7_0' is not a number"),
        (make_page().replace(b"<id>7</id>", b"<id>99999999999999999999</id>"), "<id> 9+ does not fit into 64 bits"),
        (make_page(ns="4294967296"), "<ns> 4294967296 does not fit into 32 bits"),
        (make_page(title=""), "<page> has no <title>"),
        (make_page().replace(b"2024-01-02", b"2024-31-02"), "<timestamp>: "),
        (make_page().replace(b"</page>", b"<revision><id>71</id></revision></page>"), "2 revisions where one is expected"),
        (b"<page><title>T</title><ns>0</ns><id>7</id></page>", "0 revisions where one is expected"),
        (b'<!DOCTYPE page [<!ENTITY e "boom">]>' + make_page(text="&e;"), "document type declaration"),
        (LAUGHS + make_page(text="&c;"), "document type declaration"),
        (EXTERNAL + make_page(text="&e;"), "document type declaration"),
        (make_page(text='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>&e;'), "document type declaration"),
        (make_page(text="&undefined;"), "malformed XML"),
        (make_page(text="y" * (10_000_001)), "malformed XML: .*xmlSAX2Characters|malformed XML"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_page_is_refused_with_its_reason(xml: bytes, reason: str) -> None:
    with pytest.raises(PageError, match=reason):
        parse_page(xml)

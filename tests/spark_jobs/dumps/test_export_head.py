import bz2
import doctest

import pytest

import spark_jobs.dumps.export_head
from spark_jobs.dumps.export_head import namespaces_by_name, read_head
from spark_jobs.dumps.page_cutting import split_pages
from spark_jobs.dumps.page_errors import PageError
from spark_jobs.dumps.page_parsing import parse_page
from spark_jobs.dumps.stream_decompression import StreamChunk, read_whole
from spark_jobs.wikis import Namespace

SITEINFO = """<siteinfo><sitename>Wikipedia</sitename>{dbname}<base>https://de.wikipedia.org/wiki/Wikipedia:Hauptseite</base>
<generator>MediaWiki</generator><case>first-letter</case><namespaces><namespace key="-2"{case}>Media</namespace>
<namespace key="0"{case} /><namespace key="1"{case}>Diskussion</namespace></namespaces></siteinfo>"""


def make_head(version: str | None = "0.11", before: str = "", siteinfo: str | None = None) -> bytes:
    site = siteinfo or SITEINFO.format(dbname="<dbname>dewiki</dbname>", case=' case="first-letter"')
    attribute = "" if version is None else f' version="{version}"'
    xmlns = f'xmlns="http://www.mediawiki.org/xml/export-{version}/"'
    return f'{before}<mediawiki {xmlns}{attribute} xml:lang="de">\n  {site}\n  <page>'.encode()


def read_in_chunks(data: bytes, size: int = 10**6):
    return read_head((StreamChunk(0, data[start : start + size]) for start in range(0, len(data), size)), "x.xml")


def test_the_worked_example_holds() -> None:
    assert doctest.testmod(spark_jobs.dumps.export_head).failed == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x.xml does not begin with <siteinfo>: .* It begins with b''"),
        (b"<html>404</html>", r"its root element is <html> \(a web page\), not <mediawiki>.* It begins with b'<html>404"),
        (b"<feed><doc><title>A</title>", r"its root element is <feed> \(a dump of abstracts\), not <mediawiki>"),
        (b'<?xml version="1.0"?>\n<!-- x -->\n<rss version="2.0">', "its root element is <rss>, not <mediawiki>"),
        (b"BZh91AY&SY", "does not begin with <siteinfo>"),
        (b"<mediawiki><page><title>A</title></page>", "does not begin with <siteinfo>"),
        (b"<mediawiki>" + b" " * 2**21 + b"<siteinfo></siteinfo>", "does not begin with <siteinfo>"),
        (make_head(version="0.2"), r"export version 0\.2: 0\.3 to 0\.11 are read"),
        (make_head(version="x"), "export version 'x', which MediaWiki does not write"),
        (
            make_head(before='<?xml version="1.0" encoding="ISO-8859-1"?>'),
            "is in 'ISO-8859-1': convert it with `iconv -f ISO-8859-1",
        ),
        (make_head().decode().encode("utf-16"), "UTF-16 or UTF-32: convert it"),
        (make_head().decode().encode("utf-16-be"), "UTF-16 or UTF-32: convert it"),
        (make_head().decode().encode("utf-16-le"), "UTF-16 or UTF-32: convert it"),
        (make_head().decode().encode("utf-32"), "UTF-16 or UTF-32: convert it"),
        (make_head(before='<!DOCTYPE mediawiki [<!ENTITY a "b">]>'), "has a document type declaration"),
        (make_head(before='<!DOCTYPE mediawiki SYSTEM "http://127.0.0.1/x.dtd">'), "has a document type declaration"),
        (make_head(siteinfo="<siteinfo><case></siteinfo>"), "its <siteinfo> cannot be read"),
        (make_head(siteinfo="<siteinfo>&laugh;</siteinfo>"), "its <siteinfo> cannot be read"),
        (
            make_head(siteinfo='<siteinfo><namespaces><namespace key="x"/></namespaces></siteinfo>'),
            "its <siteinfo> cannot be read",
        ),
    ],
)
@pytest.mark.parametrize("size", [7, 10**6])
def test_files_that_are_not_exports_in_utf8_are_refused_with_their_format(data: bytes, message: str, size: int) -> None:
    if len(data) > 10**6:
        size = 2**18
    with pytest.raises(PageError, match=message):
        read_in_chunks(data, size)


@pytest.mark.parametrize(
    "before", ["", "\ufeff", '<?xml version="1.0" encoding="utf-8"?>\n', "\ufeff<?xml version='1.0'?><!--<x>-->"]
)
@pytest.mark.parametrize("size", [1, 10**6])
def test_a_head_is_read_with_or_without_declaration_and_byte_order_mark(before: str, size: int) -> None:
    found = read_in_chunks(make_head(before=before), size)
    assert (found.version, found.warning) == ("0.11", None)
    site = found.siteinfo
    assert (site.wiki, site.language, site.case) == ("dewiki", "de", "first-letter")
    assert site.base == "https://de.wikipedia.org/wiki/Wikipedia:Hauptseite"
    assert site.namespaces == (
        Namespace(-2, "first-letter", "Media"),
        Namespace(0, "first-letter", ""),
        Namespace(1, "first-letter", "Diskussion"),
    )


@pytest.mark.parametrize("version", [f"0.{minor}" for minor in range(3, 12)])
def test_every_version_from_3_to_11_is_known(version: str) -> None:
    assert read_in_chunks(make_head(version)).warning is None


@pytest.mark.parametrize(
    ("version", "warning"),
    [
        ("0.12", r"x.xml is of export version 0.12, newer than the known ones (0.3 to 0.11); it is read in the same way"),
        ("1.0", r"x.xml is of export version 1.0, newer than the known ones (0.3 to 0.11); it is read in the same way"),
        (None, "x.xml names no export version; it is read as one of 0.3 to 0.11"),
    ],
)
def test_an_unknown_version_is_read_with_a_warning(version: str | None, warning: str) -> None:
    found = read_in_chunks(make_head(version))
    assert (found.warning, found.siteinfo.wiki) == (warning, "dewiki")


def test_pages_of_version_3_have_the_namespaces_of_their_head() -> None:
    site = SITEINFO.format(dbname="", case="")
    pages = b"".join(
        f"<page><title>{title}</title><id>1</id><revision><id>2</id><timestamp>2005-01-01T00:00:00Z</timestamp>"
        f"<contributor><ip>::1</ip></contributor><text xml:space='preserve'>x</text></revision></page>\n".encode()
        for title in ("Hund", "Diskussion:Hund", "Portal:Hund")
    )
    data = make_head("0.3", siteinfo=site).removesuffix(b"<page>") + pages + b"</mediawiki>"
    siteinfo = read_head([StreamChunk(0, data)], "x.xml").siteinfo
    assert siteinfo.wiki == ""
    found = [parse_page(page.xml, namespaces_by_name(siteinfo)) for page in split_pages([StreamChunk(0, data)])]
    assert [page.namespace for page in found] == [0, 1, 0]


@pytest.mark.parametrize(("wiki", "version", "spaces"), [("ltgwiki-20170901", "0.10", 25), ("jawiki-20230501", "0.10", 30)])
def test_heads_of_real_dumps_are_read(shared_data, wiki: str, version: str, spaces: int) -> None:
    path = shared_data / "dumps" / f"{wiki}-pages-articles-multistream.xml.bz2"
    with path.open("rb") as file:
        found = read_head(read_whole(file, path.name), path.name)
    assert (found.version, found.warning, found.siteinfo.wiki) == (version, None, wiki.partition("-")[0])
    assert len(found.siteinfo.namespaces) == spaces


def test_the_sample_is_of_the_newest_version(sample) -> None:
    data = (sample / "dumps" / "jawiki-20240101-pages-articles-multistream.xml.bz2").read_bytes()
    assert read_in_chunks(bz2.decompress(data)).version == "0.11"

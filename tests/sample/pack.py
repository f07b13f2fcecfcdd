"""Pack the sample wikis into the files that Wikimedia publishes, or check that the packed files are up to date.

    $ python tests/sample/pack.py            # writes tests/sample/dumps/
    $ python tests/sample/pack.py --check    # reports files that differ from the sources; exit code 1 if there are any

`sources/<wiki>/<page_id>.wikitext` is one page: YAML between two `---` lines, then the wikitext. The newline at the end of the
file is not part of the wikitext (MediaWiki removes it when a page is saved). Each wiki has three dump files:

    …-pages-articles-multistream.xml.bz2        header, 10 pages, 10 pages, …, `</mediawiki>`: one bz2 stream for each
    …-pages-articles-multistream-index.txt.bz2  `offset of the stream:page id:title`, one line for each page
    …-langlinks.sql.gz                          the table `langlinks` as mysqldump writes it

Layouts: https://meta.wikimedia.org/wiki/Data_dumps/Dump_format and https://www.mediawiki.org/xml/export-0.11.xsd
"""

import bz2
import gzip
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer
import yaml
from lxml import etree
from pydantic import BaseModel, ConfigDict
from rich.console import Console

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "sources"
DUMPS = HERE / "dumps"
DATE = "20240101"
PAGES_PER_STREAM = 10
"""Wikimedia packs 100. With ten, the small sample has several streams to read in parallel."""
ROWS_PER_INSERT = 40

EXPORT = "http://www.mediawiki.org/xml/export-0.11/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XML = "http://www.w3.org/XML/1998/namespace"

# The escapes of mysqldump inside a string literal.
MYSQL_ESCAPES = str.maketrans({"\0": "\\0", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z", '"': '\\"', "'": "\\'", "\\": "\\\\"})

LANGLINKS_HEAD = """\
-- MySQL dump 10.19  Distrib 10.3.38-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: {wiki}
-- ------------------------------------------------------
-- Server version\t10.4.28-MariaDB-log

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;

--
-- Table structure for table `langlinks`
--

DROP TABLE IF EXISTS `langlinks`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8 */;
CREATE TABLE `langlinks` (
  `ll_from` int(8) unsigned NOT NULL DEFAULT 0,
  `ll_lang` varbinary(35) NOT NULL DEFAULT '',
  `ll_title` varbinary(255) NOT NULL DEFAULT '',
  PRIMARY KEY (`ll_from`,`ll_lang`),
  KEY `ll_lang` (`ll_lang`,`ll_title`)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `langlinks`
--

/*!40000 ALTER TABLE `langlinks` DISABLE KEYS */;
"""
LANGLINKS_TAIL = """\
/*!40000 ALTER TABLE `langlinks` ENABLE KEYS */;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;

-- Dump completed on 2024-01-01 00:00:00
"""


class Langlink(BaseModel):
    """One row of `langlinks`: the page `page_id` is called `title` in `lang`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page_id: int
    lang: str
    title: str


class SamplePage(BaseModel):
    """One page of a sample wiki, as in its source file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    """The title with its namespace, as MediaWiki shows it."""
    page_id: int
    revision_id: int
    timestamp: str
    """ISO 8601 in UTC, `2023-11-04T08:15:00Z`."""
    namespace: int = 0
    redirect: str | None = None
    """The title in `<redirect title=…/>`: normalised, without the fragment."""
    langlinks: dict[str, str] = {}
    """Language code -> title in that language, as in the table."""
    wikitext: str


T = TypeVar("T")


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yields consecutive slices of `size` items; the last can be shorter. (`itertools.batched` needs Python 3.12.)"""
    return (items[start : start + size] for start in range(0, len(items), size))


def wikis() -> list[str]:
    """Returns the names of the sample wikis, sorted."""
    return sorted(folder.name for folder in SOURCES.iterdir() if folder.is_dir())


def read_page(path: Path) -> SamplePage:
    """Returns the page in a source file.

    Raises `ValueError` if the file does not have front matter, or its name is not the page id.
    """
    _, opening, rest = path.read_text(encoding="utf-8").partition("---\n")
    front_matter, closing, wikitext = rest.partition("\n---\n")
    if not (opening and closing):
        raise ValueError(f"{path}: expected YAML between two lines of '---' at the top; see tests/sample/README.md")
    page = SamplePage.model_validate(yaml.safe_load(front_matter) | {"wikitext": wikitext.removesuffix("\n")})
    if path.stem != f"{page.page_id:04d}":
        raise ValueError(f"{path}: page_id is {page.page_id}; rename the file to {page.page_id:04d}.wikitext or correct the id")
    return page


def read_sample_pages(wiki: str) -> list[SamplePage]:
    """Returns all pages of a wiki in the order of their ids, as in a dump."""
    return [read_page(path) for path in sorted((SOURCES / wiki).glob("*.wikitext"))]


def collect_langlinks(wiki: str, pages: Iterable[SamplePage]) -> list[Langlink]:
    """Returns the rows of `langlinks` in the order of the primary key, including rows of pages that are not in the dump."""
    extra = yaml.safe_load((SOURCES / wiki / "extra_langlinks.yaml").read_text(encoding="utf-8"))
    rows = [Langlink(page_id=page.page_id, lang=lang, title=title) for page in pages for lang, title in page.langlinks.items()]
    rows += [Langlink.model_validate(row) for row in extra]
    return sorted(rows, key=lambda row: (row.page_id, row.lang))


def header_xml(wiki: str) -> bytes:
    """The opening tag of the dump and the wiki's `<siteinfo>`."""
    siteinfo = etree.parse(SOURCES / wiki / "siteinfo.xml", etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    for element in siteinfo.iter():
        element.tag = f"{{{EXPORT}}}{element.tag}"
    root = etree.Element(f"{{{EXPORT}}}mediawiki", nsmap={None: EXPORT, "xsi": XSI})  # type: ignore[dict-item]  # None: the default namespace
    root.set(f"{{{XSI}}}schemaLocation", f"{EXPORT} http://www.mediawiki.org/xml/export-0.11.xsd")
    root.set("version", "0.11")
    root.set(f"{{{XML}}}lang", wiki.removesuffix("wiki"))
    root.append(siteinfo)
    etree.indent(root)
    return etree.tostring(root, encoding="utf-8").removesuffix(b"</mediawiki>")


def page_xml(page: SamplePage) -> bytes:
    """Returns a `<page>` element of export 0.11, indented by two spaces."""
    content = page.wikitext.encode()
    sha1 = _base36(hashlib.sha1(content, usedforsecurity=False).digest())
    element = etree.Element("page")
    _add(element, "title", page.title)
    _add(element, "ns", str(page.namespace))
    _add(element, "id", str(page.page_id))
    if page.redirect is not None:
        _add(element, "redirect", title=page.redirect)
    revision = _add(element, "revision")
    _add(revision, "id", str(page.revision_id))
    _add(revision, "timestamp", page.timestamp)
    contributor = _add(revision, "contributor")
    _add(contributor, "username", "Sample")
    _add(contributor, "id", "1")
    _add(revision, "origin", str(page.revision_id))
    _add(revision, "model", "wikitext")
    _add(revision, "format", "text/x-wiki")
    text = _add(revision, "text", page.wikitext, bytes=str(len(content)), sha1=sha1)
    text.set(f"{{{XML}}}space", "preserve")
    _add(revision, "sha1", sha1)
    etree.indent(element, level=1)
    return b"  " + etree.tostring(element, encoding="utf-8") + b"\n"


def _add(parent: etree._Element, tag: str, text: str | None = None, **attributes: str) -> etree._Element:
    child = etree.SubElement(parent, tag, attributes)
    child.text = text
    return child


def _base36(digest: bytes) -> str:
    """Returns a SHA-1 as MediaWiki writes it: base 36, padded to 31 digits."""
    number, digits = int.from_bytes(digest), ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits.rjust(31, "0")


def multistream(header: bytes, pages: Sequence[SamplePage]) -> tuple[bytes, str]:
    """Returns the bytes of a multistream dump, and the lines of its index."""
    dump = bytearray(bz2.compress(header))
    index = []
    for group in batched(pages, PAGES_PER_STREAM):
        index += [f"{len(dump)}:{page.page_id}:{page.title}\n" for page in group]
        dump += bz2.compress(b"".join(map(page_xml, group)))
    dump += bz2.compress(b"</mediawiki>\n")
    return bytes(dump), "".join(index)


def langlinks_sql(wiki: str, rows: Sequence[Langlink]) -> str:
    """Returns the table `langlinks` as mysqldump writes it: one long INSERT for every 40 rows."""
    values = [f"({row.page_id},'{row.lang.translate(MYSQL_ESCAPES)}','{row.title.translate(MYSQL_ESCAPES)}')" for row in rows]
    statements = [f"INSERT INTO `langlinks` VALUES {','.join(group)};\n" for group in batched(values, ROWS_PER_INSERT)]
    return LANGLINKS_HEAD.format(wiki=wiki) + "".join(statements) + LANGLINKS_TAIL


def pack_files() -> Iterator[tuple[Path, bytes]]:
    """Yields each packed file with its content, made from the sources. Every run gives the same bytes."""
    for wiki in wikis():
        pages = read_sample_pages(wiki)
        dump, index = multistream(header_xml(wiki), pages)
        sql = langlinks_sql(wiki, collect_langlinks(wiki, pages))
        stem = f"{wiki}-{DATE}"
        yield DUMPS / f"{stem}-pages-articles-multistream.xml.bz2", dump
        yield DUMPS / f"{stem}-pages-articles-multistream-index.txt.bz2", bz2.compress(index.encode())
        yield DUMPS / f"{stem}-langlinks.sql.gz", gzip.compress(sql.encode(), mtime=0)


def has_content(path: Path, content: bytes) -> bool:
    """Returns whether the file has this content. gzip files are compared decompressed: zlib releases compress differently."""
    if not path.is_file():
        return False
    found = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(found) == gzip.decompress(content)
    return found == content


def outdated_files() -> list[Path]:
    """Returns the packed files that differ from the sources, are missing, or do not have a source."""
    wanted = dict(pack_files())
    return [path for path, content in wanted.items() if not has_content(path, content)] + sorted(
        set(DUMPS.iterdir()) - set(wanted)
    )


def main(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; report the files that are out of date and exit with 1.")
    ] = False,
) -> None:
    """Packs tests/sample/sources into tests/sample/dumps."""
    console = Console(soft_wrap=True)
    if check:
        for path in (differing := outdated_files()):
            console.print(f"[red]{path.name}[/red] differs from the sources: run `python tests/sample/pack.py`", highlight=False)
        raise typer.Exit(1 if differing else 0)
    DUMPS.mkdir(exist_ok=True)
    for path, content in pack_files():
        path.write_bytes(content)
        console.print(f"{path.name}  {len(content):,} bytes", highlight=False)


if __name__ == "__main__":
    typer.run(main)

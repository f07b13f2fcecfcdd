"""Write a wiki in the formats that Wikimedia publishes: multistream XML, and the langlinks table as SQL."""

import bz2
import gzip
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

DATE = "20240101"
PAGES_PER_STREAM = 100
_ROWS_PER_INSERT = 1000

_HEAD = """\
<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="{language}">
  <siteinfo>
    <sitename>Wikipedia</sitename>
    <dbname>{language}wiki</dbname>
    <base>https://{language}.wikipedia.org/wiki/</base>
    <case>first-letter</case>
    <namespaces>
      <namespace key="0" case="first-letter"/>
    </namespaces>
  </siteinfo>
"""
_PAGE = """\
  <page>
    <title>{title}</title>
    <ns>0</ns>
    <id>{id}</id>
    <revision>
      <id>{id}</id>
      <timestamp>2024-01-01T00:00:00Z</timestamp>
      <model>wikitext</model>
      <format>text/x-wiki</format>
      <text bytes="{size}" xml:space="preserve">{text}</text>
    </revision>
  </page>
"""
_TABLE = """\
CREATE TABLE `langlinks` (
  `ll_from` int(8) unsigned NOT NULL DEFAULT 0,
  `ll_lang` varbinary(35) NOT NULL DEFAULT '',
  `ll_title` varbinary(255) NOT NULL DEFAULT '',
  PRIMARY KEY (`ll_from`,`ll_lang`)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
"""


class DumpPage(NamedTuple):
    """An article. Its page id is its position in the dump, from 1."""

    title: str
    wikitext: str


class LanglinkRow(NamedTuple):
    """A row of `langlinks`: the page has this title in another language."""

    page_id: int
    language: str
    title: str


def format_page(page: DumpPage, page_id: int) -> str:
    """Returns the `<page>` element of an article."""
    size = len(page.wikitext.encode())
    return _PAGE.format(title=escape(page.title), id=page_id, size=size, text=escape(page.wikitext))


def format_langlinks(links: Iterable[LanglinkRow]) -> Iterator[str]:
    r"""Yields the statements of the table as mysqldump writes them: `CREATE TABLE`, then `INSERT`s of up to 1,000 rows.

    >>> print(list(format_langlinks([LanglinkRow(1, "en", "O'Higgins")]))[1], end="")
    INSERT INTO `langlinks` VALUES (1,'en','O\'Higgins');
    """
    yield _TABLE
    rows = iter(links)
    while part := list(islice(rows, _ROWS_PER_INSERT)):
        values = ",".join(f"({link.page_id},'{link.language}','{_escape(link.title)}')" for link in part)
        yield f"INSERT INTO `langlinks` VALUES {values};\n"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def write_dump(folder: Path, language: str, pages: Sequence[DumpPage], links: Iterable[LanglinkRow]) -> None:
    """Writes both files of a wiki into `folder`. The same pages and links give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{language}wiki-{DATE}"
    with (folder / f"{stem}-pages-articles-multistream.xml.bz2").open("wb") as file:
        file.write(bz2.compress(_HEAD.format(language=language).encode()))
        for start in range(0, len(pages), PAGES_PER_STREAM):
            part = pages[start : start + PAGES_PER_STREAM]
            xml = "".join(format_page(page, page_id) for page_id, page in enumerate(part, start + 1))
            file.write(bz2.compress(xml.encode()))
        file.write(bz2.compress(b"</mediawiki>\n"))
    sql = "".join(format_langlinks(links)).encode()
    (folder / f"{stem}-langlinks.sql.gz").write_bytes(gzip.compress(sql, mtime=0))

"""The two wikis of the experiment as Wikimedia publishes them: multistream XML, and the langlinks table as SQL."""

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


class Page(NamedTuple):
    """An article. Its id is its place, from 1."""

    title: str
    wikitext: str


class Langlink(NamedTuple):
    """What an article is called in another language."""

    page_id: int
    language: str
    title: str


def page_xml(page: Page, page_id: int) -> str:
    """An article's `<page>`."""
    size = len(page.wikitext.encode())
    return _PAGE.format(title=escape(page.title), id=page_id, size=size, text=escape(page.wikitext))


def langlinks_sql(links: Iterable[Langlink]) -> Iterator[str]:
    r"""The table as mysqldump writes it.

    >>> print(list(langlinks_sql([Langlink(1, "en", "O'Higgins")]))[1], end="")
    INSERT INTO `langlinks` VALUES (1,'en','O\'Higgins');
    """
    yield _TABLE
    rows = iter(links)
    while part := list(islice(rows, _ROWS_PER_INSERT)):
        values = ",".join(f"({link.page_id},'{link.language}','{_quoted(link.title)}')" for link in part)
        yield f"INSERT INTO `langlinks` VALUES {values};\n"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def write_dump(folder: Path, language: str, pages: Sequence[Page], links: Iterable[Langlink]) -> None:
    """Write both files of a wiki; the same bytes for the same pages and links."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{language}wiki-{DATE}"
    with (folder / f"{stem}-pages-articles-multistream.xml.bz2").open("wb") as file:
        file.write(bz2.compress(_HEAD.format(language=language).encode()))
        for start in range(0, len(pages), PAGES_PER_STREAM):
            part = pages[start : start + PAGES_PER_STREAM]
            xml = "".join(page_xml(page, page_id) for page_id, page in enumerate(part, start + 1))
            file.write(bz2.compress(xml.encode()))
        file.write(bz2.compress(b"</mediawiki>\n"))
    sql = "".join(langlinks_sql(links)).encode()
    (folder / f"{stem}-langlinks.sql.gz").write_bytes(gzip.compress(sql, mtime=0))

"""Make a large dump from a small one: real pages, replicated under new titles and page ids.

    python benchmarks/inputs/replicated_dumps.py DUMPS_DIR OUT --wiki elwiki --megabytes 1000

Copy k of a page has the title `TITLE (k)`, the page id plus k · 10⁸, and the same langlinks. Links inside the text are not
changed, so they lead to the first copy: the tables that are joined grow as in a real wiki, and every copy costs the same.
Streams have 100 pages, as in Wikimedia's dumps. Compressing takes longer than reading, so the result is kept and used again.
"""

import bz2
import gzip
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

PAGES_PER_STREAM = 100
ID_STEP = 10**8
DATE = "20240101"
_PAGE = re.compile(rb"  <page>.*?</page>\n", re.DOTALL)
_TITLE_AND_ID = re.compile(rb"<title>(.*?)</title>(.*?)<id>(\d+)</id>", re.DOTALL)
_ROW = re.compile(rb"\((\d+),('(?:[^'\\]|\\.|'')*'),('(?:[^'\\]|\\.|'')*')\)")


def copy_page(page: bytes, copy: int) -> bytes:
    """Returns copy number `copy` of a page's XML; copy 0 is the page itself.

    >>> copy_page(b"<page><title>A</title><ns>0</ns><id>7</id>", 2)
    b'<page><title>A (2)</title><ns>0</ns><id>200000007</id>'
    """
    if copy == 0:
        return page
    return _TITLE_AND_ID.sub(
        lambda m: b"<title>%s (%d)</title>%s<id>%d</id>" % (m[1], copy, m[2], int(m[3]) + copy * ID_STEP), page, count=1
    )


def copy_streams(pages: list[bytes], copy: int) -> bytes:
    """Returns all pages of one copy as compressed streams."""
    copies = [copy_page(page, copy) for page in pages]
    runs = [b"".join(copies[start : start + PAGES_PER_STREAM]) for start in range(0, len(copies), PAGES_PER_STREAM)]
    return b"".join(map(bz2.compress, runs))


def replicate_dump(source: Path, langlinks: Path, folder: Path, wiki: str, megabytes: float) -> Path:
    """Writes `{wiki}-…-pages-articles-multistream.xml.bz2` of about `megabytes` of XML, and its langlinks. Returns their folder.

    An existing result is used again.
    """
    target = folder / f"{wiki}-{megabytes:g}MB"
    if (target / "done").exists():
        return target
    target.mkdir(parents=True, exist_ok=True)
    xml = bz2.decompress(source.read_bytes())
    pages = _PAGE.findall(xml)
    head = xml[: xml.index(b"  <page>")]
    copies = max(1, round(megabytes * 1e6 / sum(map(len, pages))))
    with (
        (target / f"{wiki}-{DATE}-pages-articles-multistream.xml.bz2").open("wb") as out,
        ProcessPoolExecutor() as pool,
        Progress(transient=True) as progress,
    ):
        out.write(bz2.compress(head))
        done = progress.add_task(f"compressing {copies} copies of {wiki}", total=copies)
        for streams in pool.map(partial(copy_streams, pages), range(copies)):
            out.write(streams)
            progress.advance(done)
        out.write(bz2.compress(b"</mediawiki>\n"))
    with gzip.open(target / f"{wiki}-{DATE}-langlinks.sql.gz", "wb", compresslevel=4) as table:
        table.writelines(copy_langlinks(gzip.decompress(langlinks.read_bytes()), copies))
    (target / "done").touch()
    return target


def copy_langlinks(sql: bytes, copies: int) -> Iterator[bytes]:
    """Yields the dump of a langlinks table in which every row occurs once for each copy of its page."""
    start = sql.index(b"INSERT INTO")
    yield sql[:start]
    rows = _ROW.findall(sql, start)
    for copy in range(copies):
        values = b",".join(b"(%d,%s,%s)" % (int(page) + copy * ID_STEP, lang, title) for page, lang, title in rows)
        yield b"INSERT INTO `langlinks` VALUES %s;\n" % values


def find_sources(dumps: Path, wiki: str) -> tuple[Path, Path]:
    """Returns the multistream dump and the langlinks of a wiki in a folder. Exits with an error if one is missing."""
    pages = next(iter(sorted(dumps.glob(f"{wiki}-*-pages-articles-multistream.xml.bz2"))), None)
    langlinks = next(iter(sorted(dumps.glob(f"{wiki}-*-langlinks.sql.gz"))), None)
    if pages is None or langlinks is None:
        sys.exit(f"{dumps} does not have a multistream dump and langlinks of {wiki}: download both files")
    return pages, langlinks


def main(
    dumps: Path, out: Path, wiki: str = "elwiki", megabytes: Annotated[float, typer.Option(help="MB of XML to make.")] = 250
) -> None:
    """Writes a dump of the given size from a smaller one, and prints its folder."""
    print(replicate_dump(*find_sources(dumps, wiki), out, wiki, megabytes))


if __name__ == "__main__":
    typer.run(main)

"""Wikitext to text and links: ours beside mwparserfromhell, on the same real pages, in one run, in CPU time of one core.

    python benchmarks/wikitext.py DUMPS_DIR

DUMPS_DIR holds `*-pages-articles.xml.bz2`. Machines differ and are noisy: read the ratio, not the MB/s.
"""

import bz2
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import mwparserfromhell
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from spark_jobs.dumps.pages import parse_page, split_pages
from spark_jobs.dumps.streams import read_whole
from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import Options, extract

Measure = Callable[[str, str], tuple[int, int]]


def ours(text: str, wiki: str) -> tuple[int, int]:
    """Characters of text and number of links; every section kept, because the peer keeps every section."""
    extraction = extract(text, load_profile(wiki), Options(drop_sections=False))
    return len(extraction.text), len(extraction.links)


def peer(text: str, wiki: str) -> tuple[int, int]:  # noqa: ARG001  (mwparserfromhell knows no wikis)
    """The same for mwparserfromhell as its users call it: parse, strip_code, links."""
    code = mwparserfromhell.parse(text)
    return len(code.strip_code()), len(code.filter_wikilinks())


def read_pages(dumps: Path, limit: int) -> list[tuple[str, str]]:
    """(wiki, wikitext) of up to `limit` articles of each dump, the same ones in every run."""
    pages = []
    for path in sorted(dumps.glob("*-pages-articles.xml.bz2")):
        with bz2.open(path) as file:
            parsed = [parse_page(raw.xml) for raw in split_pages(read_whole(file, "dump.xml"))]  # type: ignore[arg-type]
        texts = [page.text for page in parsed if page.namespace == 0 and page.redirect is None]
        random.Random(0).shuffle(texts)
        pages += [(path.name.partition("-")[0], text) for text in texts[:limit]]
    return pages


def main(
    dumps: Annotated[Path, typer.Argument(help="Folder with *-pages-articles.xml.bz2.")],
    pages: Annotated[int, typer.Option(help="Articles of each wiki.")] = 150,
) -> None:
    """Measure both on the same pages and print megabytes of wikitext (UTF-8) a second, and what was found."""
    sample = read_pages(dumps, pages)
    if not sample:
        raise typer.BadParameter(f"no *-pages-articles.xml.bz2 in {dumps}")
    size = sum(len(text.encode()) for _, text in sample) / 1e6
    measures: dict[str, Measure] = {"spark_jobs.wikitext": ours, "mwparserfromhell": peer}
    seconds = dict.fromkeys(measures, 0.0)
    totals = dict.fromkeys(measures, (0, 0))
    # Page by page in turn, so that a busy machine is busy for both.
    for wiki, text in track(sample, description=f"{len(sample)} articles, {size:.1f} MB"):
        for name, measure in measures.items():
            start = time.process_time()
            characters, links = measure(text, wiki)
            seconds[name] += time.process_time() - start
            totals[name] = (totals[name][0] + characters, totals[name][1] + links)
    grid = Table("", "MB/s", "ratio", "characters kept", "links")
    slowest = seconds["mwparserfromhell"]
    for name, spent in seconds.items():
        characters, links = totals[name]
        grid.add_row(name, f"{size / spent:.2f}", f"{slowest / spent:.1f}", f"{characters:,}", f"{links:,}")
    Console().print(grid)


if __name__ == "__main__":
    typer.run(main)

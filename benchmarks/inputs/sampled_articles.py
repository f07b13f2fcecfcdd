"""The pages that the benchmarks of wikitext read: articles of real dumps, the same ones in every run."""

import random
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from spark_jobs.dumps.compressed_streams import read_whole
from spark_jobs.dumps.page_xml import PageError, parse_page, split_pages


class Article(NamedTuple):
    """One page of the sample."""

    wiki: str
    title: str
    wikitext: str


def find_dumps(paths: Iterable[Path]) -> list[Path]:
    """The dumps among `paths` and in the folders among them. A dump that is there as multistream too is read once."""
    files = [file for path in paths for file in (sorted(path.glob("*pages-articles*.xml*")) if path.is_dir() else [path])]
    names = {file.name for file in files}
    return [file for file in files if "-multistream" not in file.name or file.name.replace("-multistream", "") not in names]


def read_articles(dumps: Iterable[Path], limit: int) -> list[Article]:
    """Up to `limit` articles of each wiki, the same ones in every run; redirects and other namespaces left out."""
    by_wiki: dict[str, list[Article]] = {}
    for path in dumps:
        wiki = path.name.partition("-")[0]
        # Parts are named `….xml-p1p2.bz2`, so the ending is enough to open them.
        with path.open("rb") as file:
            for raw in split_pages(read_whole(file, path.name)):
                try:
                    page = parse_page(raw.xml)
                except PageError:
                    continue
                if page.namespace == 0 and page.redirect is None and page.model == "wikitext":
                    by_wiki.setdefault(wiki, []).append(Article(wiki, page.title, page.text))
    sample = []
    for articles in by_wiki.values():
        random.Random(0).shuffle(articles)
        sample += articles[:limit]
    return sample

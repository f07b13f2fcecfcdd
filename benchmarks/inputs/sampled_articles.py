"""Sample articles from real dumps: the same articles in every run."""

import random
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from spark_jobs.dumps.page_cutting import split_pages
from spark_jobs.dumps.page_errors import PageError
from spark_jobs.dumps.page_parsing import parse_page
from spark_jobs.dumps.stream_decompression import read_whole


class SampledArticle(NamedTuple):
    """An article of the sample."""

    wiki: str
    title: str
    wikitext: str


def find_dumps(paths: Iterable[Path]) -> list[Path]:
    """Returns the dumps among `paths` and in the folders among them. A dump that also exists as multistream counts once."""
    files = [file for path in paths for file in (sorted(path.glob("*pages-articles*.xml*")) if path.is_dir() else [path])]
    names = {file.name for file in files}
    return [file for file in files if "-multistream" not in file.name or file.name.replace("-multistream", "") not in names]


def read_articles(dumps: Iterable[Path], limit: int) -> list[SampledArticle]:
    """Returns up to `limit` articles of each wiki, without redirects and other namespaces."""
    by_wiki: dict[str, list[SampledArticle]] = {}
    for path in dumps:
        wiki = path.name.partition("-")[0]
        # The last suffix is enough to open a part, such as `….xml-p1p2.bz2`.
        with path.open("rb") as file:
            for raw in split_pages(read_whole(file, path.name)):
                try:
                    page = parse_page(raw.xml)
                except PageError:
                    continue
                if page.namespace == 0 and page.redirect is None and page.model == "wikitext":
                    by_wiki.setdefault(wiki, []).append(SampledArticle(wiki, page.title, page.text))
    sample = []
    for articles in by_wiki.values():
        random.Random(0).shuffle(articles)
        sample += articles[:limit]
    return sample

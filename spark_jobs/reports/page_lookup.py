"""Rows of a wiki's published tables, found by title or page id with pyarrow. Needs no Spark."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.dataset as ds

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.contract.corpus_tables import CorpusTable
from spark_jobs.linking.unnamed_reasons import TargetFacts
from spark_jobs.wikis import WikiProfile
from spark_jobs.wikitext import normalise_title

_PAGE_ID = re.compile(r"[0-9]{1,18}")
_PAGE_COLUMNS = ["page_id", "title", "url", "text", "links", "entities"]


@dataclass(frozen=True)
class PageLookup:
    """Finds rows in the tables of a wiki."""

    corpus: Location
    tables: Mapping[str, CorpusTable]
    wiki: str

    def read_rows(self, table: str, where: ds.Expression, columns: Sequence[str]) -> list[dict[str, Any]]:
        """Read columns of the rows that match `where`. Row groups that cannot match by their statistics are skipped."""
        found = self.tables[table]
        folder = self.corpus / found.wiki_folder(self.wiki)
        paths = [(folder / shard.path).path for shard in found.wikis[self.wiki].shards]
        dataset = ds.dataset(paths, filesystem=folder.filesystem, format="parquet")
        rows: list[dict[str, Any]] = dataset.to_table(columns=list(columns), filter=where).to_pylist()
        return rows

    def find_target_facts(self, titles: Sequence[str]) -> dict[str, TargetFacts]:
        """The rows of `names` and `articles` about each title."""
        wanted = ds.field("title").isin(sorted(set(titles)))
        names = {row["title"]: row["names"] for row in self.read_rows("names", wanted, ["title", "names"])}
        # If several pages have one title, because they moved while the dump was made, the last page id wins, as in the build.
        pages = sorted(
            self.read_rows("articles", wanted, ["page_id", "title", "redirect_title", "redirect_fragment"]),
            key=lambda row: row["page_id"],
        )
        redirects = {row["title"]: (row["redirect_title"], row["redirect_fragment"]) for row in pages}
        return {title: TargetFacts(names.get(title), *redirects.get(title, (None, None))) for title in titles}


def find_page(lookup: PageLookup, page: str, profile: WikiProfile) -> dict[str, Any]:
    """Find the row of `augmented` for a title, the title of a redirect, or a page id.

    Raises `ConfigurationError` that explains why the page is missing, if the tables show it.
    """
    title = normalise_title(page, profile)
    text = page if title is None else title.text
    if found := lookup.read_rows("augmented", ds.field("title") == text, _PAGE_COLUMNS):
        return found[-1]
    for row in lookup.read_rows("names", ds.field("title") == text, ["page_id"]):
        if found := lookup.read_rows("augmented", ds.field("page_id") == row["page_id"], _PAGE_COLUMNS):
            return found[-1]
    if _PAGE_ID.fullmatch(page) and (found := lookup.read_rows("augmented", ds.field("page_id") == int(page), _PAGE_COLUMNS)):
        return found[-1]
    raise ConfigurationError(_explain_missing_page(lookup, page, text))


def _explain_missing_page(lookup: PageLookup, page: str, title: str) -> str:
    """The message for a page without a row in `augmented`."""
    wiki = lookup.wiki
    where = ds.field("title") == title
    if _PAGE_ID.fullmatch(page):
        where = where | (ds.field("page_id") == int(page))
    for row in lookup.read_rows("articles", where, ["title", "redirect_title", "redirect_fragment"]):
        to = row["redirect_title"] + (f"#{row['redirect_fragment']}" if row["redirect_fragment"] else "")
        return f"{row['title']!r} of {wiki} is a redirect to {to!r}, which is not an article of the dump: give the page behind it"
    for row in lookup.read_rows("rejects", where, ["title", "stage", "reason"]):
        return f"{row['title'] or page!r} of {wiki} was rejected: {row['stage']}: {row['reason']}"
    return (
        f"{page!r}: the tables of {wiki} hold no article or redirect of that title or page id. Give a title of this wiki; "
        "pages outside the main namespace are not in the tables"
    )

"""What became of the links of one page, link by link: read from the tables by pyarrow, a few rows of each. Needs no Spark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.dataset as ds

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.contract.corpus_tables import CorpusTable
from spark_jobs.contract.table_schemas import NAME_SOURCES
from spark_jobs.linking.name_resolution import Pivot
from spark_jobs.linking.unnamed_reasons import REASONS, Reason, TargetFacts, name_in, reason_of_link, reason_of_target
from spark_jobs.wikis import WikiProfile
from spark_jobs.wikitext import normalise_title

_PAGE_COLUMNS = ["page_id", "title", "url", "text", "links", "entities"]


@dataclass(frozen=True)
class LinkAccount:
    """What became of a link in one language."""

    start: int
    end: int
    surface: str
    target: str
    """What it leads to: `江戸`, `江戸#歴史`; of another wiki `enwiki:Edo`."""
    language: str
    name: str | None
    because: str
    """Where the name comes from, or why there is none."""
    reason: Reason | None = None
    """None where it has a name."""


@dataclass(frozen=True)
class WikiLookup:
    """Rows of a wiki's tables, looked for by title or id."""

    corpus: Location
    tables: Mapping[str, CorpusTable]
    wiki: str

    def rows(self, table: str, where: ds.Expression, columns: Sequence[str]) -> list[dict[str, Any]]:
        """Columns of the rows for which `where` holds; row groups whose statistics rule it out are not read."""
        found = self.tables[table]
        folder = self.corpus / found.wiki_folder(self.wiki)
        paths = [(folder / shard.path).path for shard in found.wikis[self.wiki].shards]
        dataset = ds.dataset(paths, filesystem=folder.filesystem, format="parquet")
        rows: list[dict[str, Any]] = dataset.to_table(columns=list(columns), filter=where).to_pylist()
        return rows

    def facts_of(self, titles: Sequence[str]) -> dict[str, TargetFacts]:
        """What the tables say of titles."""
        wanted = ds.field("title").isin(sorted(set(titles)))
        names = {row["title"]: row["names"] for row in self.rows("names", wanted, ["title", "names"])}
        # Of pages with one title, moved while the dump was made, the last one counts, as in the build.
        pages = sorted(
            self.rows("articles", wanted, ["page_id", "title", "redirect_title", "redirect_fragment"]),
            key=lambda row: row["page_id"],
        )
        redirects = {row["title"]: (row["redirect_title"], row["redirect_fragment"]) for row in pages}
        return {title: TargetFacts(names.get(title), *redirects.get(title, (None, None))) for title in titles}


def find_page(lookup: WikiLookup, page: str, profile: WikiProfile) -> dict[str, Any]:
    """The row of `augmented` for a title, a redirect's title, or a page id.

    Raises `ConfigurationError` that says what became of the page, where the tables tell.
    """
    title = normalise_title(page, profile)
    text = page if title is None else title.text
    if found := lookup.rows("augmented", ds.field("title") == text, _PAGE_COLUMNS):
        return found[-1]
    for row in lookup.rows("names", ds.field("title") == text, ["page_id"]):
        if found := lookup.rows("augmented", ds.field("page_id") == row["page_id"], _PAGE_COLUMNS):
            return found[-1]
    if page.isdecimal() and (found := lookup.rows("augmented", ds.field("page_id") == int(page), _PAGE_COLUMNS)):
        return found[-1]
    raise ConfigurationError(_why_no_page(lookup, page, text))


def _why_no_page(lookup: WikiLookup, page: str, title: str) -> str:
    wiki = lookup.wiki
    where = ds.field("title") == title
    if page.isdecimal():
        where = where | (ds.field("page_id") == int(page))
    for row in lookup.rows("articles", where, ["title", "redirect_title", "redirect_fragment"]):
        to = row["redirect_title"] + (f"#{row['redirect_fragment']}" if row["redirect_fragment"] else "")
        return (
            f"{row['title']!r} of {wiki} is a redirect to {to!r}, which is no article of the dump: ask for the page that holds it"
        )
    for row in lookup.rows("rejects", where, ["title", "stage", "reason"]):
        return f"{row['title'] or page!r} of {wiki} is no article but a reject: {row['stage']}: {row['reason']}"
    return (
        f"{page!r}: the tables of {wiki} hold no article or redirect of that title or page id. Titles are those of the wiki "
        "itself; pages outside the main namespace are not in the tables"
    )


def account_for_links(
    lookup: WikiLookup, row: Mapping[str, Any], pivots: Sequence[Pivot], profile: WikiProfile
) -> list[LinkAccount]:
    """What became of each link of a row of `augmented`, in the order of the text, by language."""
    own = {link["target"] for link in row["links"] if link["wiki"] is None and link["target"]}
    facts = lookup.facts_of(sorted(own))
    entities = {entity["start"]: entity for entity in row["entities"]}
    return [
        _account(row["text"], link, entities.get(link["start"]), facts, pivot, profile)
        for link in row["links"]
        for pivot in pivots
    ]


def _account(
    text: str,
    link: Mapping[str, Any],
    entity: Mapping[str, Any] | None,
    facts: Mapping[str, TargetFacts],
    pivot: Pivot,
    profile: WikiProfile,
) -> LinkAccount:
    span = (link["start"], link["end"], text[link["start"] : link["end"]], shown_target(link), pivot.language)
    if (name := name_in(entity, pivot)) is not None:
        return LinkAccount(*span, name["name"], NAME_SOURCES[name["source"]])
    reason = reason_of_link(link["wiki"], link["target"], link["fragment"], pivot)
    target = facts.get(link["target"], TargetFacts(None))
    if reason is None:
        reason = reason_of_target(link["target"], target, pivot, profile)
    if reason is None:
        raise ValueError(
            f"{link} of {text[:30]!r} has no name in {pivot.language}, and its target has: the tables do not fit together"
        )
    return LinkAccount(*span, None, REASONS[reason] + _detail(reason, target, pivot), reason)


def _detail(reason: Reason, target: TargetFacts, pivot: Pivot) -> str:
    """What the very title or redirect is, in brackets."""
    if reason in ("redirect_section", "redirect_nowhere"):
        return f" (to {target.redirect_title}{'' if target.redirect_fragment is None else '#' + target.redirect_fragment})"
    if reason == "unusable_title" and target.names is not None:
        return f" ({', '.join(name['title'] for name in target.names if name['language'] == pivot.language)})"
    return ""


def shown_target(link: Mapping[str, Any]) -> str:
    """A link's target in one word: title, section, and the wiki if it is another.

    >>> shown_target({"wiki": "enwiki", "target": "Edo", "fragment": "History"})
    'enwiki:Edo#History'
    """
    wiki = "" if link["wiki"] is None else f"{link['wiki']}:"
    return f"{wiki}{link['target']}{'' if link['fragment'] is None else '#' + link['fragment']}"

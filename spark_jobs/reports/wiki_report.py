"""The figures of one wiki in the build report. `stages/describe_stage.py` counts them with Spark; here is the arithmetic."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from spark_jobs.common.excerpts import Excerpt
from spark_jobs.common.storage import Location
from spark_jobs.contract.corpus_tables import CorpusTable
from spark_jobs.contract.table_schemas import NAME_SOURCES
from spark_jobs.linking.unnamed_reasons import REASONS
from spark_jobs.reports.histogram import Histogram
from spark_jobs.tokens.article_encoder import ENTITY_COUNTERS


@dataclass(frozen=True)
class LinkOutcome:
    """Links that have their name from one source, or have no name for one reason."""

    label: str
    links: int
    is_named: bool


@dataclass(frozen=True)
class LinkedTarget:
    """A title and the number of links to it."""

    title: str
    links: int
    name: str | None = None
    """In the pivot language."""
    reason: str | None = None
    """Why it gives no name."""


@dataclass(frozen=True)
class PivotReport:
    """The links of a wiki and their names in one language."""

    language: str
    named: int
    outcomes: Sequence[LinkOutcome]
    """Of all links: those with a name by source, then those without by reason; most links first."""
    unnamed_targets: Sequence[LinkedTarget]
    """Titles with the most links without a name."""


@dataclass(frozen=True)
class EncodingReport:
    """Tokens of a wiki with one tokenizer and pivot language."""

    name: str
    tokens: int
    characters: int
    entities: int
    lost: Mapping[str, int]
    """Entities without token and names without token."""


@dataclass(frozen=True)
class WikiReport:
    """All figures of a wiki."""

    wiki: str
    language: str
    """BCP 47 tag."""
    figures: Mapping[str, Any]
    """As in the dataset card: `manifest_figures.wiki_figures`."""
    wikitext_characters: int | None
    """Code points of the articles' wikitext; None in a corpus that did not count them."""
    disambiguations: int
    pivots: Sequence[PivotReport]
    linked_targets: Sequence[LinkedTarget]
    """Articles with the most links."""
    text_lengths: Histogram
    links: Histogram
    name_lengths: Histogram
    excerpts: Sequence[Excerpt]
    rejects: Sequence[tuple[str, str, int]]
    """(stage, reason, rows), most first."""
    encodings: Sequence[EncodingReport]
    counters: Mapping[str, Mapping[str, int]]
    """Counters of each table."""


def report_pivot(
    language: str, counters: Mapping[str, int], reasons: Mapping[str, int], unnamed_targets: Sequence[LinkedTarget]
) -> PivotReport:
    """The outcomes of all links in one language, from the counters of `augmented` and the unnamed links by reason.

    >>> counters = {"links": 3, "links_with_name.en": 2, "links_with_name.en.langlink": 2}
    >>> report = report_pivot("en", counters, {"missing": 1}, [])
    >>> [(outcome.label[:28], outcome.links, outcome.is_named) for outcome in report.outcomes]
    [('a langlink of the target pag', 2, True), ('no page of that title is in ', 1, False)]
    """
    prefix = f"links_with_name.{language}"
    named = {source: counters.get(f"{prefix}.{source}", 0) for source in NAME_SOURCES}
    unnamed = {reason: reasons.get(reason, 0) for reason in REASONS}
    outcomes = [
        *(LinkOutcome(NAME_SOURCES[source], count, True) for source, count in _sort_descending(named)),
        *(LinkOutcome(REASONS[reason], count, False) for reason, count in _sort_descending(unnamed)),
    ]
    return PivotReport(language, counters.get(prefix, 0), [outcome for outcome in outcomes if outcome.links], unnamed_targets)


def _sort_descending(counts: Mapping[Any, int]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda item: -item[1])


def select_excerpts(excerpts: Sequence[Excerpt], limit: int) -> list[Excerpt]:
    """At most `limit` of the excerpts: prose first, then most names first."""
    return sorted(excerpts, key=lambda excerpt: (not excerpt.is_prose, -excerpt.num_entities, excerpt.title))[:limit]


def count_rejects(corpus: Location, table: CorpusTable, wiki: str, limit: int) -> list[tuple[str, str, int]]:
    """The `limit` most frequent reasons of the table `rejects`: (stage, reason, rows)."""
    counts: Counter[tuple[str, str]] = Counter()
    for shard in table.wikis[wiki].shards:
        with (corpus / table.wiki_folder(wiki) / shard.path).open() as file:
            for batch in pq.ParquetFile(file).iter_batches(columns=["stage", "reason"]):
                counts.update(zip(batch.column("stage").to_pylist(), batch.column("reason").to_pylist(), strict=True))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(stage, reason, rows) for (stage, reason), rows in ordered[:limit]]


def report_encoding(table: CorpusTable, wiki: str, augmented_counters: Mapping[str, int]) -> EncodingReport:
    """The figures of a table `encoded`, from its manifest and the counters of `augmented`."""
    counters = table.wikis[wiki].counters
    lost = {name: counters.get(name, 0) for name in ENTITY_COUNTERS if name.endswith("_without_token")}
    return EncodingReport(
        table.name.removeprefix("encoded-"),
        counters.get("tokens", 0),
        augmented_counters.get("characters", 0),
        counters.get("entities", 0),
        lost,
    )

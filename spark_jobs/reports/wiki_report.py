"""What a report says of one wiki: the figures of its tables, ready to be shown. `gather_wiki_report` asks Spark; the rest is arithmetic."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.excerpts import Excerpt
from spark_jobs.common.storage import Location
from spark_jobs.common.wiki_languages import language_tag
from spark_jobs.config import DescribeSettings
from spark_jobs.contract.corpus_tables import CorpusTable
from spark_jobs.contract.table_schemas import NAME_SOURCES
from spark_jobs.linking.name_resolution import pivots_of
from spark_jobs.linking.unnamed_reasons import REASONS
from spark_jobs.reports.cards.dataset_card import pivots_of_tables, wiki_figures
from spark_jobs.reports.histogram import Histogram
from spark_jobs.reports.shard_figures import Selection, ShardFigures, shard_figures
from spark_jobs.runtime.spark_progress import show_progress
from spark_jobs.runtime.spark_shards import map_tasks
from spark_jobs.stages.link_counts import LinkedTarget, WikiTables, most_linked, unnamed_by_reason
from spark_jobs.tokens.article_tokens import COUNTS
from spark_jobs.wikis import load_profile

_NEEDED = ("articles", "names", "augmented", "links", "rejects")


@dataclass(frozen=True)
class LinkOutcome:
    """What became of some of the links."""

    label: str
    links: int
    is_named: bool


@dataclass(frozen=True)
class PivotReport:
    """The links of a wiki and their names in one language."""

    language: str
    named: int
    outcomes: Sequence[LinkOutcome]
    """Of all links: those with a name by source, then those without by reason; most links first."""
    costly: Sequence[LinkedTarget]
    """Titles that most links without a name lead to."""


@dataclass(frozen=True)
class EncodingReport:
    """What a tokenizer made of the text."""

    name: str
    tokens: int
    characters: int
    entities: int
    lost: Mapping[str, int]
    """Entities without token and names without token."""


@dataclass(frozen=True)
class WikiReport:
    """Everything that is shown of a wiki."""

    wiki: str
    language: str
    """BCP 47 tag."""
    figures: Mapping[str, Any]
    """As in the dataset card."""
    wikitext_characters: int | None
    """Of the articles; None in a corpus that did not count them."""
    disambiguations: int
    pivots: Sequence[PivotReport]
    linked: Sequence[LinkedTarget]
    text_lengths: Histogram
    links: Histogram
    name_lengths: Histogram
    excerpts: Sequence[Excerpt]
    rejects: Sequence[tuple[str, str, int]]
    """(stage, reason, rows), most first."""
    encodings: Sequence[EncodingReport]
    counters: Mapping[str, Mapping[str, int]]
    """Of each table."""


def gather_wiki_report(
    spark: SparkSession, corpus: Location, tables: Sequence[CorpusTable], wiki: str, settings: DescribeSettings
) -> WikiReport:
    """Read and count what there is to say of a wiki. Raises `ConfigurationError` where a table is missing."""
    of_wiki = [table for table in tables if wiki in table.wikis]
    by_name = {table.table.name: table for table in of_wiki}
    if missing := [name for name in _NEEDED if name not in by_name]:
        raise ConfigurationError(f"{wiki}: the table {missing[0]!r} is not in {corpus.path}: build the wiki first")
    pivots = pivots_of(pivots_of_tables([by_name["augmented"]]))
    selection = Selection(settings.articles_per_wiki, settings.excerpt_characters)
    augmented = by_name["augmented"]
    shards = [corpus / augmented.wiki_folder(wiki) / shard.path for shard in augmented.wikis[wiki].shards]
    tables_of_wiki = WikiTables(corpus, by_name, wiki)
    with show_progress(spark.sparkContext, f"describe {wiki}"):
        counted = map_tasks(spark, shards, lambda shard: shard_figures(shard, pivots[0], selection))
        reasons, costly = unnamed_by_reason(spark, tables_of_wiki, pivots, load_profile(wiki), settings.rows)
        linked = most_linked(spark, tables_of_wiki, pivots[0], settings.rows)
    together = sum(counted, ShardFigures())
    articles, links = by_name["articles"].wikis[wiki].counters, augmented.wikis[wiki].counters
    return WikiReport(
        wiki=wiki,
        language=language_tag(wiki),
        figures=wiki_figures(of_wiki, wiki),
        wikitext_characters=articles.get("wikitext_characters"),
        disambiguations=articles.get("disambiguations", 0),
        pivots=[pivot_report(p.language, links, reasons[p.language], costly[p.language]) for p in pivots],
        linked=linked,
        text_lengths=together.text_lengths,
        links=together.links,
        name_lengths=together.name_lengths,
        excerpts=sorted(together.excerpts, key=_most_names_first)[: settings.articles_per_wiki],
        rejects=count_rejects(corpus, by_name["rejects"], wiki, settings.rows),
        encodings=[encoding_of(table, wiki, links) for table in of_wiki if table.table.name == "encoded"],
        counters={table.name: table.wikis[wiki].counters for table in of_wiki},
    )


def pivot_report(
    language: str, counters: Mapping[str, int], reasons: Mapping[str, int], costly: Sequence[LinkedTarget]
) -> PivotReport:
    """What became of the links, from the counters of `augmented` and the counts by reason.

    >>> found = pivot_report("en", {"links": 3, "links_with_name.en": 2, "links_with_name.en.langlink": 2}, {"missing": 1}, [])
    >>> [(outcome.label[:28], outcome.links, outcome.is_named) for outcome in found.outcomes]
    [('a langlink of the target pag', 2, True), ('no page of that title is in ', 1, False)]
    """
    prefix = f"links_with_name.{language}"
    named = {source: counters.get(f"{prefix}.{source}", 0) for source in NAME_SOURCES}
    outcomes = [
        *(LinkOutcome(NAME_SOURCES[source], count, True) for source, count in _descending(named)),
        *(LinkOutcome(REASONS[reason], count, False) for reason, count in _descending({r: reasons.get(r, 0) for r in REASONS})),
    ]
    return PivotReport(language, counters.get(prefix, 0), [outcome for outcome in outcomes if outcome.links], costly)


def _descending(counts: Mapping[Any, int]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda item: -item[1])


def _most_names_first(excerpt: Excerpt) -> tuple[bool, int, str]:
    return (not excerpt.is_prose, -excerpt.num_entities, excerpt.title)


def count_rejects(corpus: Location, table: CorpusTable, wiki: str, most: int) -> list[tuple[str, str, int]]:
    """The `most` frequent reasons of the table `rejects`: (stage, reason, rows)."""
    counts: Counter[tuple[str, str]] = Counter()
    for shard in table.wikis[wiki].shards:
        with (corpus / table.wiki_folder(wiki) / shard.path).open() as file:
            for batch in pq.ParquetFile(file).iter_batches(columns=["stage", "reason"]):
                counts.update(zip(batch.column("stage").to_pylist(), batch.column("reason").to_pylist(), strict=True))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(stage, reason, rows) for (stage, reason), rows in ordered[:most]]


def encoding_of(table: CorpusTable, wiki: str, links: Mapping[str, int]) -> EncodingReport:
    """What the manifest of `encoded` says."""
    counters = table.wikis[wiki].counters
    lost = {name: counters.get(name, 0) for name in COUNTS if name.endswith("_without_token")}
    return EncodingReport(
        table.name.removeprefix("encoded-"),
        counters.get("tokens", 0),
        links.get("characters", 0),
        counters.get("entities", 0),
        lost,
    )

"""Count the figures of a build with Spark and write its report page, `report.html`."""

from collections.abc import Mapping, Sequence

from pyspark.sql import SparkSession

from spark_jobs.common.atomic_files import write_bytes_atomically
from spark_jobs.common.console import console
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.common.wiki_languages import language_tag
from spark_jobs.config import CorpusSettings, DescribeSettings
from spark_jobs.contract.corpus_tables import CorpusTable, corpus_tables, read_manifests, wikis_of
from spark_jobs.linking.name_resolution import load_pivots
from spark_jobs.reports.build_report import render_build_report
from spark_jobs.reports.manifest_figures import pivots_of_tables, select_wikis, wiki_figures
from spark_jobs.reports.shard_figures import ShardFigures, count_shard
from spark_jobs.reports.wiki_report import WikiReport, count_rejects, report_encoding, report_pivot, select_excerpts
from spark_jobs.runtime.job_progress import show_progress
from spark_jobs.runtime.spark_session import start_session
from spark_jobs.runtime.spark_tasks import map_tasks
from spark_jobs.runtime.task_errors import translate_task_errors
from spark_jobs.runtime.wiki_pool import choose_parallelism, for_each_wiki
from spark_jobs.stages.link_counts import WikiTables, count_unnamed_by_reason, find_most_linked
from spark_jobs.wikis import load_profile

BUILD_REPORT = "report.html"
_NEEDED_TABLES = ("articles", "names", "augmented", "links", "rejects")


def describe_wikis(settings: CorpusSettings) -> int:
    """Write the report and print where it is; returns the exit code."""
    spark = start_session(settings.spark, "leia describe")
    report = write_build_report(spark, settings)
    spark.stop()
    console.print(f"the report is {settings.output_dir}/{report.name}", highlight=False)
    return 0


def write_build_report(spark: SparkSession, settings: CorpusSettings) -> Location:
    """Write the report of the finished wikis of the configuration, which lists the others; returns the file.

    Raises `ConfigurationError` if no wiki can be described.
    """
    corpus = Location.of(settings.output_dir)
    tables = corpus_tables(read_manifests(corpus))
    missing = {wiki: reason for wiki in settings.wikis if (reason := explain_unfinished(tables, wiki)) is not None}
    finished = [wiki for wiki in settings.wikis if wiki not in missing]
    if not finished:
        raise ConfigurationError(
            f"{corpus}: no wiki of the configuration is finished: {_list_reasons(missing)}; build them first"
        )

    def gather(session: SparkSession, wiki: str) -> WikiReport:
        with translate_task_errors(settings.output_dir, session):
            return gather_wiki_report(session, corpus, tables, wiki, settings.describe)

    parallel = choose_parallelism(spark, settings.parallel_wikis, len(finished))
    outcomes = for_each_wiki(spark, finished, parallel, gather, lambda _: "described", raise_failure=len(finished) == 1)
    missing |= {wiki: failure.reason for wiki, failure in outcomes.failures.items()}
    if not outcomes.results:
        raise ConfigurationError(f"{corpus}: no wiki could be described: {_list_reasons(missing)}")
    _print_left_out(missing, [wiki for wiki in wikis_of(tables) if wiki not in settings.wikis])
    reports = [outcomes.results[wiki] for wiki in sorted(outcomes.results)]
    page = render_build_report(settings, select_wikis(tables, outcomes.results), reports, missing)
    write_bytes_atomically(corpus / BUILD_REPORT, page.encode())
    return corpus / BUILD_REPORT


def explain_unfinished(tables: Sequence[CorpusTable], wiki: str) -> str | None:
    """The reason why a wiki cannot be described, or None: a build of it has not published all tables."""
    found = {table.table.name for table in tables if wiki in table.wikis}
    if missing := [name for name in _NEEDED_TABLES if name not in found]:
        return f"it has no {', '.join(missing)}" if found else "it is not built"
    return None


def _list_reasons(missing: Mapping[str, str]) -> str:
    return "; ".join(f"{wiki}: {reason}" for wiki, reason in missing.items())


def _print_left_out(missing: Mapping[str, str], not_chosen: Sequence[str]) -> None:
    for wiki, reason in missing.items():
        console.print(f"  {wiki} is not in the report: {reason}", style="yellow", highlight=False, markup=False, soft_wrap=True)
    if not_chosen:
        line = f"  the folder also holds {', '.join(not_chosen)}, which wikis does not name"
        console.print(line, style="dim", highlight=False, markup=False, soft_wrap=True)


def gather_wiki_report(
    spark: SparkSession, corpus: Location, tables: Sequence[CorpusTable], wiki: str, settings: DescribeSettings
) -> WikiReport:
    """Count the figures of a wiki whose tables are complete."""
    of_wiki = [table for table in tables if wiki in table.wikis]
    by_name = {table.table.name: table for table in of_wiki}
    augmented = by_name["augmented"]
    pivots = load_pivots(pivots_of_tables([augmented]))
    shards = [corpus / augmented.wiki_folder(wiki) / shard.path for shard in augmented.wikis[wiki].shards]
    tables_of_wiki = WikiTables(corpus, by_name, wiki)
    excerpts, characters = settings.articles_per_wiki, settings.excerpt_characters
    with show_progress(spark.sparkContext, f"describe {wiki}"):
        counted = map_tasks(spark, shards, lambda shard: count_shard(shard, pivots[0], excerpts, characters))
        reasons, unnamed_targets = count_unnamed_by_reason(spark, tables_of_wiki, pivots, load_profile(wiki), settings.rows)
        linked_targets = find_most_linked(spark, tables_of_wiki, pivots[0], settings.rows)
    total = sum(counted, ShardFigures())
    articles_counters, augmented_counters = by_name["articles"].wikis[wiki].counters, augmented.wikis[wiki].counters
    return WikiReport(
        wiki=wiki,
        language=language_tag(wiki),
        figures=wiki_figures(of_wiki, wiki),
        wikitext_characters=articles_counters.get("wikitext_characters"),
        disambiguations=articles_counters.get("disambiguations", 0),
        pivots=[report_pivot(p.language, augmented_counters, reasons[p.language], unnamed_targets[p.language]) for p in pivots],
        linked_targets=linked_targets,
        text_lengths=total.text_lengths,
        links=total.links,
        name_lengths=total.name_lengths,
        excerpts=select_excerpts(total.excerpts, settings.articles_per_wiki),
        rejects=count_rejects(corpus, by_name["rejects"], wiki, settings.rows),
        encodings=[report_encoding(table, wiki, augmented_counters) for table in of_wiki if table.table.name == "encoded"],
        counters={table.name: table.wikis[wiki].counters for table in of_wiki},
    )

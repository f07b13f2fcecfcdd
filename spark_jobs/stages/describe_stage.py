"""Gather the figures of a build and write the report page."""

from collections.abc import Sequence
from typing import Any

from pyspark.sql import SparkSession

from spark_jobs.common.atomic_files import write_bytes_atomically
from spark_jobs.common.console import console
from spark_jobs.common.page_templates import render_page
from spark_jobs.common.storage import Location
from spark_jobs.config import CorpusSettings
from spark_jobs.contract.corpus_tables import CorpusTable, corpus_tables, read_manifests, schema_versions, wikis_of
from spark_jobs.linking.unnamed_reasons import REASONS
from spark_jobs.reports.cards.dataset_card import dump_files
from spark_jobs.reports.histogram import histogram_plot
from spark_jobs.runtime.spark_session import start_session
from spark_jobs.runtime.task_errors import translate_task_errors
from spark_jobs.reports.wiki_report import WikiReport, gather_wiki_report

REPORT = "report.html"
_OPEN_WIKIS = 3
"""So many wikis are shown unfolded."""


def write_build_report(spark: SparkSession, settings: CorpusSettings) -> Location:
    """Write the report of what is published in `output_dir`; returns its place."""
    corpus = Location.of(settings.output_dir)
    tables = corpus_tables(read_manifests(corpus))
    with translate_task_errors(settings.output_dir, spark):
        wikis = [gather_wiki_report(spark, corpus, tables, wiki, settings.describe) for wiki in wikis_of(tables)]
        write_bytes_atomically(corpus / REPORT, report_page(settings, tables, wikis).encode())
    return corpus / REPORT


def report_page(settings: CorpusSettings, tables: Sequence[CorpusTable], wikis: Sequence[WikiReport]) -> str:
    """The report as HTML."""
    figures = [wiki.figures for wiki in wikis]
    pivots = sorted({pivot.language for wiki in wikis for pivot in wiki.pivots})
    return render_page(
        "spark_jobs.reports",
        "build_report.html",
        {"count": "{:,}".format, "short": short_number},
        title=settings.card.title,
        note=settings.card.note,
        wikis=wikis,
        pivots=pivots,
        total={
            name: sum(wiki[name] or 0 for wiki in figures) for name in ("articles", "redirects", "rejects", "links", "characters")
        },
        named={p: sum(wiki["named"].get(p, 0) for wiki in figures) for p in pivots},
        tokens=sum(encoding.tokens for wiki in wikis for encoding in wiki.encodings),
        plots={wiki.wiki: build_report_plots(wiki) for wiki in wikis},
        reasons=REASONS,
        open_wikis=_OPEN_WIKIS,
        tables=tables,
        dumps=dump_files(tables),
        schema_version=" and ".join(schema_versions(tables)),
        code_versions=sorted({manifest.code_version for table in tables for manifest in table.wikis.values()}),
    )


def build_report_plots(report: WikiReport) -> list[dict[str, Any]]:
    """The distributions of a wiki: an SVG each, and what there is to say of it."""
    drawn = [
        ("Length of an article", "code points", report.text_lengths, "articles"),
        ("Links of an article", "links", report.links, "articles"),
        (f"Length of a name in {report.pivots[0].language}", "code points", report.name_lengths, "links"),
    ]
    return [
        {
            "title": title,
            "unit": unit,
            "of": of,
            "histogram": histogram,
            "svg": histogram_plot(histogram, unit, f"{title}, {report.wiki}"),
        }
        for title, unit, histogram, of in drawn
        if histogram.size > histogram.zeros
    ]


def short_number(value: float) -> str:
    """A large number with three digits.

    >>> short_number(1234567), short_number(999), short_number(45600)
    ('1.23 M', '999', '45.6 k')
    """
    for power, letter in ((10**9, "G"), (10**6, "M"), (10**4, "k")):
        if value >= power:
            return f"{value / (power if letter != 'k' else 1000):.3g} {letter}"
    return f"{value:,.0f}"


def describe_wikis(settings: CorpusSettings) -> int:
    """Write the report and say where it is."""
    spark = start_session(settings.spark, "leia describe")
    report = write_build_report(spark, settings)
    spark.stop()
    console.print(f"the report is {settings.output_dir}/{report.name}", highlight=False)
    return 0

"""The build report as an HTML page: `templates/build_report.html`, with its plots; the colours of its bars are in
`templates/build_report_bars.css`."""

from collections.abc import Mapping, Sequence
from typing import Any

from spark_jobs.common.formatting import format_percent
from spark_jobs.common.page_templates import render_page
from spark_jobs.config import CorpusSettings
from spark_jobs.contract.corpus_tables import CorpusTable, schema_versions
from spark_jobs.linking.unnamed_reasons import REASONS
from spark_jobs.reports.histogram_plot import draw_histogram
from spark_jobs.reports.manifest_figures import code_versions, dump_files
from spark_jobs.reports.wiki_report import WikiReport

_MAX_OPEN_WIKIS = 3
"""With more wikis, each is folded under a line."""
_TOTALS = ("articles", "redirects", "rejects", "links", "characters")


def render_build_report(
    settings: CorpusSettings,
    tables: Sequence[CorpusTable],
    wikis: Sequence[WikiReport],
    missing: Mapping[str, str] | None = None,
) -> str:
    """The HTML of the report; `missing` are the wikis of the build that it lacks, with the reason."""
    figures = [wiki.figures for wiki in wikis]
    pivots = sorted({pivot.language for wiki in wikis for pivot in wiki.pivots})
    return render_page(
        "spark_jobs.reports",
        "build_report.html",
        {"count": "{:,}".format, "short": shorten_number, "percent": format_percent},
        title=settings.card.title,
        note=settings.card.note,
        wikis=wikis,
        missing=missing or {},
        pivots=pivots,
        total={name: sum(wiki[name] or 0 for wiki in figures) for name in _TOTALS},
        named={p: sum(wiki["named"].get(p, 0) for wiki in figures) for p in pivots},
        tokens=sum(encoding.tokens for wiki in wikis for encoding in wiki.encodings),
        plots={wiki.wiki: draw_distributions(wiki) for wiki in wikis},
        reasons=REASONS,
        max_open_wikis=_MAX_OPEN_WIKIS,
        tables=tables,
        dumps=dump_files(tables),
        schema_version=" and ".join(schema_versions(tables)),
        code_versions=code_versions(tables),
    )


def draw_distributions(report: WikiReport) -> list[dict[str, Any]]:
    """The plots of a wiki, each with its title, unit and histogram. Histograms without a value above 0 are left out."""
    distributions = [
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
            "svg": draw_histogram(histogram, unit, f"{title}, {report.wiki}"),
        }
        for title, unit, histogram, of in distributions
        if histogram.size > histogram.zeros
    ]


def shorten_number(value: float) -> str:
    """A large number with three digits.

    >>> shorten_number(1234567), shorten_number(999), shorten_number(45600)
    ('1.23 M', '999', '45.6 k')
    """
    for power, letter in ((10**9, "G"), (10**6, "M"), (10**4, "k")):
        if value >= power:
            return f"{value / (power if letter != 'k' else 1000):.3g} {letter}"
    return f"{value:,.0f}"

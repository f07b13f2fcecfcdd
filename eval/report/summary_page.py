"""What was built, where it lies and what it shows: `python -m eval.summary --config conf/eval/summary.yaml`.

The end of `make demo`: a table on the console and one self-contained HTML page.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import Field
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from eval.analysis.findings import Contrast, contrasts, interval, overall
from eval.analysis.pairing import Model, PairedTask, pair
from eval.report.evaluation_pages import render_evaluation_page
from eval.report.score_plots import loss_curve, score_plot
from eval.results.artifacts import (
    Build,
    BuiltWiki,
    Comparison,
    TrainingRun,
    compare_evaluations,
    read_augmented,
    read_build,
    read_build_manifests,
    read_evaluations,
    read_training_run,
)
from eval.results.evaluation_results import EvalResults, count_tasks, format_stderr, versions_used
from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.command_line import command
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.excerpts import Excerpt, best_excerpts
from spark_jobs.common.formatting import format_bytes, format_count, format_seconds
from spark_jobs.common.settings import Settings
from spark_jobs.contract.table_schemas import Manifest

METRIC = "acc"
WIDTH = 80
"""Columns of the console's table: as many as every terminal has."""


class SummarySettings(Settings):
    """Where the parts left their results."""

    corpus: Path
    """Folder of the tables that spark_jobs.build wrote."""
    run: Path
    """Output folder of the training run: metrics.jsonl, run.json, model/."""
    before: Path
    """Output folder of the evaluation before training."""
    after: Path
    """Output folder of the evaluation after training."""
    output: Path
    """The HTML page to write."""
    title: str = "LEIA at Wikipedia scale"
    """Heading of the page."""
    pivot: str = "en"
    """Language of the names to count and to show."""
    pivot_label: str = "English"
    """What the page calls that language."""
    articles_per_wiki: int = Field(2, ge=0)
    """Excerpts shown of each wiki: of the articles with most names."""
    excerpt_characters: int = Field(420, ge=50)
    """Length of an excerpt, in code points."""
    note: str | None = None
    """What a reader has to know before the scores, in front of what their figures show."""
    commands: list[str] = Field(default_factory=list)
    """Commands that lead to the same results, shown at the end of the page."""


@dataclass(frozen=True)
class Findings:
    """Everything that the page is about."""

    build: Build
    manifests: Sequence[tuple[Path, Manifest]]
    run: TrainingRun
    before: EvalResults
    after: EvalResults
    comparisons: Sequence[Comparison]
    paired: Sequence[PairedTask]
    contrast: Contrast
    """After against before, item by item."""
    excerpts: Mapping[str, Sequence[Excerpt]]
    """Wiki to the articles shown of it."""


def main(settings: SummarySettings) -> None:
    """Read everything, write the page, show the table."""
    console = Console()
    findings = gather_findings(settings)
    write_text_atomically(settings.output, render_summary(settings, findings))
    console.print(summary_table(settings, findings), width=min(console.width, WIDTH))


def gather_findings(settings: SummarySettings) -> Findings:
    """Read what the parts published; raises `ConfigurationError` that names the first thing missing."""
    build = read_build(settings.corpus)
    run = read_training_run(settings.run)
    before, after = read_evaluations(settings.before, settings.after)
    comparisons = [one for one in compare_evaluations(before, after) if METRIC in one.before and METRIC in one.after]
    if not comparisons:
        tasks = ", ".join(after.tasks)
        raise ConfigurationError(
            f"after: {settings.after} holds {tasks}, and no task with {METRIC}; evaluate one with candidates"
        )
    paired = pair([Model("before", (settings.before,), (before,)), Model("after", (settings.after,), (after,))], METRIC)
    paired = [one for one in paired if one.metric == METRIC]
    count, limit = settings.articles_per_wiki, settings.excerpt_characters
    return Findings(
        build=build,
        manifests=read_build_manifests(settings.corpus),
        run=run,
        before=before,
        after=after,
        comparisons=comparisons,
        paired=paired,
        contrast=contrasts(paired, ["before", "after"])[0],
        excerpts={
            wiki: best_excerpts(read_augmented(settings.corpus, wiki), count, settings.pivot, limit) for wiki in build.wikis
        },
    )


def render_summary(settings: SummarySettings, findings: Findings) -> str:
    """The HTML page; it refers to nothing outside itself."""
    filters = {
        "count": format_count,
        "size": format_bytes,
        "duration": partial(format_seconds, digits=1),
        "stderr": format_stderr,
    }
    return render_evaluation_page(
        "summary.html",
        filters,
        settings=settings,
        **vars(findings),
        started=datetime.fromisoformat(findings.build.started).strftime("%Y-%m-%d %H:%M"),
        total=total_figures(findings.build.wikis.values(), settings.pivot),
        tables=table_rows(findings.manifests),
        details=scalars(findings.run.details),
        throughput=median_throughput(findings.run),
        loss_svg=loss_curve(findings.run.steps),
        score_svg=score_plot(findings.comparisons, METRIC),
        metrics=list(findings.comparisons[0].after),
        verdict=" ".join(findings.contrast.verdict),
        versions=versions_used(findings.after.tasks.values()),
    )


def total_figures(wikis: Iterable[BuiltWiki], pivot: str) -> dict[str, int]:
    """The figures of all wikis together, and `named`: links with a name in the language `pivot`."""
    wikis = list(wikis)
    names = [name for name in BuiltWiki.model_fields if name != "links_with_name"]
    total = {name: sum(getattr(wiki, name) for wiki in wikis) for name in names}
    return total | {"named": sum(wiki.links_with_name.get(pivot, 0) for wiki in wikis)}


def table_rows(manifests: Sequence[tuple[Path, Manifest]]) -> list[dict[str, Any]]:
    """A row for each table: its partitions together, in the order of the tables' names."""
    rows = []
    ordered = sorted(manifests, key=lambda entry: entry[1].table)
    for table, group in groupby(ordered, key=lambda entry: entry[1].table):
        folders = list(group)
        rows.append(
            {
                "table": table,
                "partitions": [(folder, manifest) for folder, manifest in folders],
                "rows": sum(manifest.rows for _, manifest in folders),
                "bytes": sum(manifest.bytes for _, manifest in folders),
                "shards": sum(len(manifest.shards) for _, manifest in folders),
            }
        )
    return rows


def scalars(details: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The plain values of a nested mapping under dotted names; lists are left out.

    >>> scalars({"steps": 3, "model": {"path": "m"}, "history": [1, 2]})
    {'steps': 3, 'model.path': 'm'}
    """
    found: dict[str, Any] = {}
    for key, value in details.items():
        if isinstance(value, Mapping):
            found |= scalars(value, f"{prefix}{key}.")
        elif isinstance(value, str | int | float | bool):
            found[prefix + key] = value
    return found


def median_throughput(run: TrainingRun) -> float | None:
    """Median of the steps' tokens per second (the first steps are slow); None where none was logged."""
    values = [step.tokens_per_second for step in run.steps if step.tokens_per_second is not None]
    return median(values) if values else None


def summary_table(settings: SummarySettings, findings: Findings) -> Table:
    """What was built, where it lies, key figures."""
    table = Table(title="What was built", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("part", no_wrap=True)
    table.add_column("where", overflow="fold")
    table.add_column("figures")
    table.add_row("corpus", escape(str(settings.corpus)), _corpus_lines(settings, findings))
    for wiki, figures in findings.build.wikis.items():
        table.add_row(f"  {escape(wiki)}", "", _wiki_lines(figures, settings.pivot))
    table.add_row("training", escape(str(settings.run)), _run_lines(findings.run))
    table.add_row("evaluation", escape(f"{settings.before}\n{settings.after}"), _evaluation_lines(findings.paired))
    table.add_row("page", f"[bold]{escape(str(settings.output))}[/]", "the whole story, for a browser")
    return table


def _wiki_lines(figures: BuiltWiki, pivot: str) -> str:
    return (
        f"{figures.pages:,} pages: {figures.articles:,} articles,\n{figures.redirects:,} redirects, "
        f"{figures.other_namespaces:,} other, {figures.rejects:,} rejects\n"
        f"{figures.links_with_name.get(pivot, 0):,} of {figures.links:,} links have a name"
    )


def _corpus_lines(settings: SummarySettings, findings: Findings) -> str:
    total = total_figures(findings.build.wikis.values(), settings.pivot)
    share = f" ({100 * total['named'] / total['links']:.0f} %)" if total["links"] else ""
    size = format_bytes(sum(manifest.bytes for _, manifest in findings.manifests))
    return (
        f"{size} in {len(findings.manifests)} folders, {format_seconds(findings.build.seconds, digits=1)}\n{total['tokens']:,} tokens\n"
        f"{total['named']:,} of {total['links']:,} links{share}\nhave a name in {settings.pivot_label}"
    )


def _run_lines(run: TrainingRun) -> str:
    throughput = median_throughput(run)
    speed = f"\n{throughput:,.0f} tokens/s" if throughput else ""
    return f"{len(run.steps):,} steps, loss {run.steps[0].loss:.3f} → {run.steps[-1].loss:.3f}{speed}"


def _evaluation_lines(paired: Sequence[PairedTask]) -> str:
    found = overall(paired, "before", "after")
    shows = "a difference is shown" if found.difference.is_shown else "no difference is shown"
    return (
        f"{count_tasks(len(paired))}, {found.difference.items:,} items: {METRIC} {found.first:.1f} → {found.second:.1f} %\n"
        f"{found.difference.points:+.1f} points, 95 % interval {interval(found.difference)}:\n{shows}"
    )


if __name__ == "__main__":
    command(SummarySettings, main, "Sum up a corpus, a training run and its evaluations: a console table and an HTML page.")

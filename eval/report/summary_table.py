"""The summary of a demonstration as a table for the console."""

from collections.abc import Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from eval.analysis.contrasts import compare_all_tasks
from eval.analysis.difference_formats import format_interval
from eval.analysis.pairing import PairedTask
from eval.config import SummarySettings
from eval.report.summary_inputs import SUMMARY_METRIC, SummaryInputs
from eval.results.build_record import BuiltWiki, total_counts
from eval.results.score_tables import count_tasks
from eval.results.training_record import TrainingRecord
from spark_jobs.common.formatting import format_bytes, format_seconds


def summary_table(settings: SummarySettings, inputs: SummaryInputs) -> Table:
    """Each part with its folder and key figures."""
    table = Table(title="Results", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("part", no_wrap=True)
    table.add_column("where", overflow="fold")
    table.add_column("figures")
    table.add_row("corpus", escape(str(settings.corpus)), _corpus_lines(settings, inputs))
    for wiki, counts in inputs.build.wikis.items():
        table.add_row(f"  {escape(wiki)}", "", _wiki_lines(counts, settings.pivot))
    table.add_row("training", escape(str(settings.run)), _run_lines(inputs.run))
    table.add_row("evaluation", escape(f"{settings.before}\n{settings.after}"), _evaluation_lines(inputs.paired))
    table.add_row("page", f"[bold]{escape(str(settings.output))}[/]", "all results, for a browser")
    return table


def _wiki_lines(counts: BuiltWiki, pivot: str) -> str:
    return (
        f"{counts.pages:,} pages: {counts.articles:,} articles,\n{counts.redirects:,} redirects, "
        f"{counts.other_namespaces:,} other, {counts.rejects:,} rejects\n"
        f"{counts.links_with_name.get(pivot, 0):,} of {counts.links:,} links have a name"
    )


def _corpus_lines(settings: SummarySettings, inputs: SummaryInputs) -> str:
    total = total_counts(inputs.build.wikis.values(), settings.pivot)
    share = f" ({100 * total['named'] / total['links']:.0f} %)" if total["links"] else ""
    size = format_bytes(sum(manifest.bytes for _, manifest in inputs.manifests))
    return (
        f"{size} in {len(inputs.manifests)} folders, {format_seconds(inputs.build.seconds, digits=1)}\n"
        f"{total['tokens']:,} tokens\n"
        f"{total['named']:,} of {total['links']:,} links{share}\nhave a name in {settings.pivot_label}"
    )


def _run_lines(run: TrainingRecord) -> str:
    throughput = run.median_throughput
    speed = f"\n{throughput:,.0f} tokens/s" if throughput else ""
    return f"{len(run.steps):,} steps, loss {run.steps[0].loss:.3f} → {run.steps[-1].loss:.3f}{speed}"


def _evaluation_lines(paired: Sequence[PairedTask]) -> str:
    found = compare_all_tasks(paired, "before", "after")
    result = "a difference is shown" if found.difference.is_shown else "no difference is shown"
    return (
        f"{count_tasks(len(paired))}, {found.difference.items:,} items: "
        f"{SUMMARY_METRIC} {found.first:.1f} → {found.second:.1f} %\n"
        f"{found.difference.points:+.1f} points, 95 % interval {format_interval(found.difference)}:\n{result}"
    )

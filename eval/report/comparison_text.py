"""A comparison as text: rows, console tables and Markdown."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from eval.analysis.contrasts import Contrast, TaskComparison
from eval.analysis.difference_formats import format_interval, format_p
from eval.analysis.pairing import EvaluatedModel, PairedTask
from eval.analysis.verdicts import contrast_verdict
from eval.results.published_scores import PublishedDistance

COMPARISON_HEADERS = ("task", "metric", "n", "difference", "95 % interval", "p", "p Holm", "detectable")
COMPARISON_NOTE = (
    "In per cent and points. `n` counts items, and clusters of translations where there are several languages. * marks p below "
    "5 % after Holm's correction over the tasks of a contrast (over the benchmarks, for those). `detectable` is the minimum "
    "detectable difference of a single test at 5 % with a power of 80 %."
)


def contrast_title(contrast: Contrast) -> str:
    """The heading of a contrast."""
    return f"{contrast.second} against {contrast.first}, in points"


def comparison_row(comparison: TaskComparison) -> tuple[str, ...]:
    """A comparison as a row under `COMPARISON_HEADERS`."""
    found = comparison.difference
    n = f"{found.items:,}" if found.items == found.clusters else f"{found.items:,} in {found.clusters:,}"
    star = " *" if comparison.is_shown else ""
    return (
        comparison.name,
        comparison.metric,
        n,
        f"{comparison.first:.1f} → {comparison.second:.1f}: {found.points:+.1f}{star}",
        format_interval(found),
        format_p(found.p),
        format_p(comparison.p_holm),
        f"{found.detectable:.1f}",
    )


def contrast_table(contrast: Contrast) -> Table:
    """A contrast for the console: the tasks, then the benchmarks."""
    table = Table(title=contrast_title(contrast), title_justify="left", box=box.SIMPLE_HEAD)
    for header in COMPARISON_HEADERS:
        table.add_column(header, justify="left" if header in COMPARISON_HEADERS[:2] else "right", overflow="fold")
    for group in (contrast.tasks, contrast.benchmarks):
        for comparison in group:
            table.add_row(*map(escape, comparison_row(comparison)))
        table.add_section()
    return table


def comparison_markdown(
    models: Sequence[EvaluatedModel],
    tasks: Sequence[PairedTask],
    contrasts: Sequence[Contrast],
    distances: Mapping[str, Sequence[PublishedDistance]],
) -> str:
    """The whole comparison as Markdown; `distances` to published scores by label."""
    lines = ["# Comparison", "", *(f"- **{model.label}**: {', '.join(map(str, model.folders))}" for model in models)]
    for contrast in contrasts:
        lines += ["", f"## {contrast_title(contrast)}", ""]
        lines += [f"- {sentence}" for sentence in contrast_verdict(contrast)]
        lines += ["", f"| {' | '.join(COMPARISON_HEADERS)} |", f"|---|---{'|--:' * (len(COMPARISON_HEADERS) - 2)}|"]
        lines += [f"| {' | '.join(comparison_row(one))} |" for one in (*contrast.tasks, *contrast.benchmarks)]
    lines += ["", COMPARISON_NOTE]
    for label, rows in distances.items():
        lines += [
            "",
            f"## {label} beside {rows[0].title} as published",
            "",
            "| task | few-shot | published | ours | distance |",
            "|---|--:|--:|--:|--:|",
        ]
        lines += [
            f"| {row.task} | {row.num_fewshot} | {row.published:.1f} | {row.ours:.1f} | {row.points:+.1f} |" for row in rows
        ]
    scorings = ", ".join(sorted({task.scoring for task in tasks}))
    return "\n".join([*lines, "", f"Scoring: {scorings}.", ""])

"""Models side by side: `python -m eval.compare eval/base eval/ft leia=eval/leia1,eval/leia2 --output build/compare`.

Each model against all that stand before it, item by item, with what the differences are worth: intervals, p values with
Holm's correction over tasks, the smallest difference that would have been found, and a verdict in words.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from eval.analysis.findings import Contrast, Finding, contrasts, format_p, interval
from eval.analysis.pairing import Model, PairedTask, pair, read_model
from eval.report.evaluation_pages import render_evaluation_page
from eval.report.score_plots import delta_plot
from eval.results.evaluation_results import versions_used
from eval.results.published_scores import Distance, distances_to_reported, mean_distances
from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.command_line import exit_on_configuration_error
from spark_jobs.common.console import result_console
from spark_jobs.common.errors import ConfigurationError

HEADERS = ("task", "metric", "n", "difference", "95 % interval", "p", "p Holm", "detectable")
MARKDOWN, PAGE = "compare.md", "compare.html"
"""Columns where the output is no terminal."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(help=__doc__)
def entry(
    models: Annotated[
        list[str],
        typer.Argument(
            help="Output folders of eval.run, the one to compare with first: DIR, or LABEL=DIR[,DIR...] for training runs."
        ),
    ],
    output: Annotated[Path, typer.Option(help=f"Folder for {MARKDOWN} and {PAGE}.")] = Path("build/compare"),
    metric: Annotated[
        str | None, typer.Option(help="The score to compare where a task has it. By default a task's first.")
    ] = None,
    paired_runs: Annotated[
        bool,
        typer.Option(
            "--paired-runs", help="Run k of every model is of one seed and went on from one base; list them in one order."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Draws permutations and bootstrap samples.")] = 0,
) -> None:
    """Compare, write and show; a mistake ends in a sentence."""
    with exit_on_configuration_error():
        main(models, output, metric, paired_runs=paired_runs, seed=seed)


def main(arguments: Sequence[str], output: Path, metric: str | None = None, *, paired_runs: bool = False, seed: int = 0) -> None:
    """Read the evaluations, write Markdown and the page, show the tables."""
    if len(arguments) < 2:
        raise ConfigurationError(
            f"{', '.join(arguments)}: a comparison takes two models or more; give the one to compare with first"
        )
    console = result_console()
    models = [read_model(argument) for argument in arguments]
    if paired_runs and len({len(model.folders) for model in models}) > 1:
        numbers = ", ".join(f"{model.label} {len(model.folders)}" for model in models)
        raise ConfigurationError(f"--paired-runs: models have different numbers of runs ({numbers}); list the same seeds of each")
    tasks = pair(models, metric)
    with console.status("Permutations and bootstrap samples"):
        found = contrasts(tasks, [model.label for model in models], paired_runs=paired_runs, seed=seed)
    distances = _distances(models)
    write_text_atomically(output / MARKDOWN, comparison_markdown(models, tasks, found, distances))
    write_text_atomically(output / PAGE, page(models, tasks, found, distances))
    for contrast in found:
        console.print(contrast_table(contrast))
        for sentence in contrast.verdict:
            console.print(f"  {sentence}", highlight=False, markup=False)
        console.print()
    console.print(f"Written to {output}: {MARKDOWN}, {PAGE}", highlight=False, soft_wrap=True, markup=False)


def _distances(models: Sequence[Model]) -> dict[str, list[Distance]]:
    """Label to the distances of its runs' mean to what they were said to reproduce (`reported` of eval.run)."""
    found = {}
    for model in models:
        runs = [distances_to_reported(one, list(one.tasks), one.configuration.get("reported")) for one in model.results]
        label = model.label if len(runs) == 1 else f"{model.label}, mean of {len(runs)} runs"
        found[label] = mean_distances(runs)
    return {label: distances for label, distances in found.items() if distances}


def cells(finding: Finding) -> tuple[str, ...]:
    """A finding as a row under `HEADERS`."""
    found = finding.difference
    n = f"{found.items:,}" if found.items == found.clusters else f"{found.items:,} in {found.clusters:,}"
    star = " *" if finding.is_shown else ""
    return (
        finding.name,
        finding.metric,
        n,
        f"{finding.first:.1f} → {finding.second:.1f}: {found.points:+.1f}{star}",
        interval(found),
        format_p(found.p),
        format_p(finding.p_holm),
        f"{found.detectable:.1f}",
    )


def contrast_table(contrast: Contrast) -> Table:
    """For the console: the tasks, then the benchmarks."""
    table = Table(title=_title(contrast), title_justify="left", box=box.SIMPLE_HEAD)
    for header in HEADERS:
        table.add_column(header, justify="left" if header in HEADERS[:2] else "right", overflow="fold")
    for group in (contrast.tasks, contrast.benchmarks):
        for finding in group:
            table.add_row(*map(escape, cells(finding)))
        table.add_section()
    return table


def _title(contrast: Contrast) -> str:
    return f"{contrast.second} against {contrast.first}, in points"


NOTE = (
    "In per cent and points. `n` counts items, and clusters of translations where there are several languages. * marks p below "
    "5 % after Holm's correction over the tasks of a contrast (over the benchmarks, for those). `detectable` is the smallest "
    "true difference that a single test at 5 % finds four times in five."
)


def comparison_markdown(
    models: Sequence[Model], tasks: Sequence[PairedTask], found: Sequence[Contrast], distances: Mapping[str, Sequence[Distance]]
) -> str:
    """The comparison as Markdown."""
    lines = ["# Comparison", "", *(f"- **{model.label}**: {', '.join(map(str, model.folders))}" for model in models)]
    for contrast in found:
        lines += ["", f"## {_title(contrast)}", ""]
        lines += [f"- {sentence}" for sentence in contrast.verdict]
        lines += ["", f"| {' | '.join(HEADERS)} |", f"|---|---{'|--:' * (len(HEADERS) - 2)}|"]
        lines += [f"| {' | '.join(cells(finding))} |" for finding in (*contrast.tasks, *contrast.benchmarks)]
    lines += ["", NOTE]
    for label, rows in distances.items():
        lines += [
            "",
            f"## {label} beside {rows[0].title} as published",
            "",
            "| task | few-shot | published | ours | distance |",
            "|---|--:|--:|--:|--:|",
        ]
        lines += [f"| {row.task} | {row.num_fewshot} | {row.reported:.1f} | {row.ours:.1f} | {row.points:+.1f} |" for row in rows]
    scorings = ", ".join(sorted({task.scoring for task in tasks}))
    return "\n".join([*lines, "", f"Scoring: {scorings}.", ""])


def _tests(found: Sequence[Contrast]) -> dict[str, str]:
    """Task or benchmark to the tests behind its p values, of all contrasts."""
    tests: dict[str, list[str]] = {}
    for contrast in found:
        for finding in (*contrast.tasks, *contrast.benchmarks):
            tests.setdefault(finding.name, []).append(finding.difference.test)
    return {name: ", ".join(dict.fromkeys(names)) for name, names in tests.items()}


def page(
    models: Sequence[Model], tasks: Sequence[PairedTask], found: Sequence[Contrast], distances: Mapping[str, Sequence[Distance]]
) -> str:
    """The comparison as a self-contained HTML page."""
    filters: dict[str, Any] = {"cells": cells, "p": format_p, "interval": interval}
    return render_evaluation_page(
        "compare.html",
        filters,
        models=models,
        tasks=tasks,
        contrasts=found,
        plots=[delta_plot(contrast) for contrast in found],
        titles=[_title(contrast) for contrast in found],
        tests=_tests(found),
        headers=HEADERS,
        note=NOTE,
        distances=distances,
        versions=versions_used(task for model in models for result in model.results for task in result.tasks.values()),
    )


if __name__ == "__main__":
    app()

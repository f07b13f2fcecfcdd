"""The comparison of several models: reads evaluations, writes Markdown and a page, prints the tables and verdicts."""

from collections.abc import Sequence
from pathlib import Path

from eval.analysis.contrasts import contrast_models
from eval.analysis.pairing import EvaluatedModel, pair_tasks, read_evaluated_model
from eval.analysis.verdicts import contrast_verdict
from eval.report.comparison_page import render_comparison
from eval.report.comparison_text import comparison_markdown, contrast_table
from eval.results.published_scores import PublishedDistance, distances_to_published, mean_distances
from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.console import result_console
from spark_jobs.common.errors import ConfigurationError

COMPARISON_MARKDOWN, COMPARISON_PAGE = "compare.md", "compare.html"


def compare_models(
    arguments: Sequence[str], output: Path, metric: str | None = None, *, paired_runs: bool = False, seed: int = 0
) -> None:
    """Compare each model with all earlier ones and write both files to `output`.

    `arguments` are `DIR` or `LABEL=DIR[,DIR...]`. Raises `ConfigurationError` if the evaluations cannot be compared.
    """
    if len(arguments) < 2:
        raise ConfigurationError(
            f"{', '.join(arguments)}: a comparison takes two models or more; list the one to compare with first"
        )
    console = result_console()
    models = [read_evaluated_model(argument) for argument in arguments]
    if paired_runs and len({len(model.folders) for model in models}) > 1:
        numbers = ", ".join(f"{model.label} {len(model.folders)}" for model in models)
        raise ConfigurationError(f"--paired-runs: models have different numbers of runs ({numbers}); list the same seeds of each")
    tasks = pair_tasks(models, metric)
    with console.status("Permutations and bootstrap samples"):
        contrasts = contrast_models(tasks, [model.label for model in models], paired_runs=paired_runs, seed=seed)
    distances = _published_distances(models)
    write_text_atomically(output / COMPARISON_MARKDOWN, comparison_markdown(models, tasks, contrasts, distances))
    write_text_atomically(output / COMPARISON_PAGE, render_comparison(models, tasks, contrasts, distances))
    for contrast in contrasts:
        console.print(contrast_table(contrast))
        for sentence in contrast_verdict(contrast):
            console.print(f"  {sentence}", highlight=False, markup=False)
        console.print()
    console.print(f"Written to {output}: {COMPARISON_MARKDOWN}, {COMPARISON_PAGE}", highlight=False, soft_wrap=True, markup=False)


def _published_distances(models: Sequence[EvaluatedModel]) -> dict[str, list[PublishedDistance]]:
    """Label to the distances of the mean over runs to the scores published for the model that `reported` names."""
    found = {}
    for model in models:
        runs = [distances_to_published(one, list(one.tasks), one.configuration.get("reported")) for one in model.results]
        label = model.label if len(runs) == 1 else f"{model.label}, mean of {len(runs)} runs"
        found[label] = mean_distances(runs)
    return {label: distances for label, distances in found.items() if distances}

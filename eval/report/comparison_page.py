"""A comparison as a self-contained HTML page."""

from collections.abc import Mapping, Sequence

from eval.analysis.contrasts import Contrast
from eval.analysis.pairing import EvaluatedModel, PairedTask
from eval.analysis.verdicts import contrast_verdict
from eval.report.comparison_text import COMPARISON_HEADERS, COMPARISON_NOTE, comparison_row, contrast_title
from eval.report.difference_plots import contrast_plot
from eval.results.evaluation_results import versions_used
from eval.results.published_scores import PublishedDistance
from spark_jobs.common.page_templates import render_page


def render_comparison(
    models: Sequence[EvaluatedModel],
    tasks: Sequence[PairedTask],
    contrasts: Sequence[Contrast],
    distances: Mapping[str, Sequence[PublishedDistance]],
) -> str:
    """The HTML page; `distances` to published scores by label."""
    return render_page(
        "eval.report",
        "compare.html",
        {"comparison_row": comparison_row},
        models=models,
        tasks=tasks,
        contrasts=contrasts,
        plots=[contrast_plot(contrast) for contrast in contrasts],
        titles=[contrast_title(contrast) for contrast in contrasts],
        verdicts=[contrast_verdict(contrast) for contrast in contrasts],
        tests=_tests_by_name(contrasts),
        headers=COMPARISON_HEADERS,
        note=COMPARISON_NOTE,
        distances=distances,
        versions=versions_used(task for model in models for result in model.results for task in result.tasks.values()),
    )


def _tests_by_name(contrasts: Sequence[Contrast]) -> dict[str, str]:
    """Task or benchmark to the tests behind its p values in all contrasts."""
    tests: dict[str, list[str]] = {}
    for contrast in contrasts:
        for comparison in (*contrast.tasks, *contrast.benchmarks):
            tests.setdefault(comparison.name, []).append(comparison.difference.test)
    return {name: ", ".join(dict.fromkeys(names)) for name, names in tests.items()}

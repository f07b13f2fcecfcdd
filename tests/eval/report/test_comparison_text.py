"""A comparison as rows and tables."""

from dataclasses import replace

import pytest
from rich.console import Console

from eval.analysis.contrasts import Contrast, TaskComparison
from eval.analysis.significance import PairedDifference
from eval.report.comparison_text import COMPARISON_HEADERS, comparison_markdown, comparison_row, contrast_table, contrast_title

FOUND = PairedDifference(12.5, -1.84, 31.4, 0.0312, 25.6, 1600, 1600, "exact McNemar")
COMPARISON = TaskComparison("xcsqa_ja", "acc", "ja", 18.75, 31.25, FOUND, p_holm=0.0624)


@pytest.mark.parametrize(
    ("comparison", "changed"),
    [
        (COMPARISON, {}),
        (replace(COMPARISON, p_holm=0.0004), {"difference": "18.8 → 31.2: +12.5 *", "p Holm": "< 0.001"}),
        (replace(COMPARISON, difference=replace(FOUND, clusters=800)), {"n": "1,600 in 800"}),
    ],
    ids=["not shown", "shown", "translations"],
)
def test_a_row_has_the_figures_of_a_comparison(comparison, changed):
    expected = {
        "task": "xcsqa_ja",
        "metric": "acc",
        "n": "1,600",
        "difference": "18.8 → 31.2: +12.5",
        "95 % interval": "-1.8 to +31.4",
        "p": "0.031",
        "p Holm": "0.062",
        "detectable": "25.6",
    }
    assert dict(zip(COMPARISON_HEADERS, comparison_row(comparison), strict=True)) == expected | changed


def test_names_of_tasks_are_not_read_as_markup():
    contrast = Contrast("base", "leia", (1, 1), (replace(COMPARISON, name="[bold]x[/]"),), ())
    console = Console(record=True, width=150)
    console.print(contrast_table(contrast))
    shown = console.export_text()
    assert "[bold]x[/]" in shown
    assert contrast_title(contrast) == "leia against base, in points"
    assert contrast_title(contrast) in shown


def test_markdown_has_a_row_for_every_task_and_benchmark_of_every_contrast(three_contrasts):
    text = comparison_markdown([], [], three_contrasts, {})
    for contrast in three_contrasts:
        section = text.partition(f"## {contrast_title(contrast)}\n")[2].partition("\n## ")[0]
        rows = [f"| {' | '.join(comparison_row(found))} |" for found in (*contrast.tasks, *contrast.benchmarks)]
        assert [line for line in section.splitlines() if line.startswith("| xc")] == rows

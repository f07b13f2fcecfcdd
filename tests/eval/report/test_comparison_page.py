"""A comparison as a page."""

from eval.analysis.pairing import pair_tasks, read_evaluated_model
from eval.report.comparison_page import render_comparison
from eval.report.comparison_text import comparison_row, contrast_title


def test_the_page_has_every_contrast_with_its_plot_and_rows(three_models, three_contrasts):
    models = [read_evaluated_model(argument) for argument in three_models]
    page = render_comparison(models, pair_tasks(models), three_contrasts, {})
    assert page.count("<svg") == len(three_contrasts) == 3
    for contrast in three_contrasts:
        assert contrast_title(contrast) in page
        for found in (*contrast.tasks, *contrast.benchmarks):
            assert comparison_row(found)[3] in page
    assert "<dt>torch</dt><dd>2.13.0</dd>" in page


def test_labels_are_escaped(three_models, three_contrasts):
    models = [read_evaluated_model(f"<b>base</b>={three_models[0]}"), read_evaluated_model(three_models[1])]
    page = render_comparison(models, pair_tasks(models), three_contrasts, {})
    assert "<b>base</b>" not in page
    assert "&lt;b&gt;base&lt;/b&gt;" in page

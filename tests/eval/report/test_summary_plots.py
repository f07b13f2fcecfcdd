"""Plots of the summary page."""

import pytest

from eval.report.summary_plots import before_after_plot, training_loss_plot
from eval.results.evaluation_pair import BeforeAfterScores
from eval.results.evaluation_results import Score
from eval.results.training_record import LoggedStep

from .drawn_plots import parse_svg, texts_of


def scores(task, before, after):
    """The scores of a task; a single item has no standard error."""
    return BeforeAfterScores(
        task, 1, 0.25, "standard", {"acc": Score(value=before, stderr=None)}, {"acc": Score(value=after, stderr=0.1)}
    )


@pytest.mark.parametrize("steps", [1, 60, 61])
def test_the_loss_is_drawn_over_steps(steps):
    svg = parse_svg(training_loss_plot([LoggedStep(step, 6 + 4 / step) for step in range(1, steps + 1)]))
    assert svg.get("aria-label") == "Training loss over steps"
    assert {"step", "loss (nats per token)"} <= set(texts_of(svg))


def test_every_task_has_a_row_and_the_legend_ends_with_chance():
    svg = parse_svg(before_after_plot([scores("xcodah_ja", 0.1, 0.3), scores("xcodah_ar", 0.2, 0.2)], "acc"))
    assert svg.get("aria-label") == "acc before and after training"
    shown = texts_of(svg)
    assert [text for text in shown if text.startswith("xcodah")] == ["xcodah_ja", "xcodah_ar"]
    assert [text for text in shown if text in ("before", "after", "chance")] == ["before", "after", "chance"]
    assert "acc in per cent, ± one standard error" in shown


def test_a_score_that_a_task_lacks_is_an_error():
    with pytest.raises(KeyError, match="char_f1"):
        before_after_plot([scores("xcodah_ja", 0.1, 0.3)], "char_f1")

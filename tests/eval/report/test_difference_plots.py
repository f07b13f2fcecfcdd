"""Plots of differences."""

from eval.analysis.significance import PairedDifference
from eval.report.difference_plots import PlottedDifference, contrast_plot, difference_plot

from .drawn_plots import parse_svg, texts_of


def difference(points):
    return PairedDifference(points, points - 1, points + 1, 0.5, 2.0, 10, 10, "exact McNemar")


def test_every_row_of_every_group_is_named_from_top_to_bottom():
    groups = [
        [PlottedDifference("xcsqa_ja", difference(4.0), True), PlottedDifference("xcsqa_ar", difference(0.0), False)],
        [PlottedDifference("xcsqa, 2 languages", difference(2.0), True)],
    ]
    svg = parse_svg(difference_plot(groups, "leia minus base"))
    assert svg.get("aria-label") == "leia minus base"
    shown = texts_of(svg)
    assert [text for text in shown if text.startswith("xcsqa")] == ["xcsqa_ja", "xcsqa_ar", "xcsqa, 2 languages"]
    assert "leia minus base, points" in shown


def test_differences_of_nothing_still_have_an_axis_around_0():
    none = PairedDifference(0.0, 0.0, 0.0, 1.0, 0.0, 1, 1, "permutation")
    shown = texts_of(parse_svg(difference_plot([[PlottedDifference("t", none, False)]], "a minus b")))
    assert {"0.00", "t"} <= set(shown)


def test_a_contrast_has_its_tasks_and_benchmarks(three_contrasts):
    contrast = three_contrasts[1]
    svg = parse_svg(contrast_plot(contrast))
    assert svg.get("aria-label") == "leia minus base"
    expected = [found.name for found in (*contrast.tasks, *contrast.benchmarks)]
    assert [text for text in texts_of(svg) if text.startswith("xc")] == expected

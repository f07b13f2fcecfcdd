"""A plot: its text for screen readers, and its drawing."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from training.report.plot_drawing import Line, Plot, draw_plot

NAN = float("nan")


def line(name, values, **more):
    return Line(name, np.arange(1.0, len(values) + 1), np.array(values, dtype=float), **more)


def parse(drawn):
    """The SVG element; on a page, HTML declares the prefix."""
    return ET.fromstring(f'<page xmlns:xlink="http://www.w3.org/1999/xlink">{drawn}</page>')[0]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], "loss: none"),
        ([NAN, NAN], "loss: none"),
        ([NAN, 4.0, NAN], "loss: 4 at 2"),
        ([5.0, NAN, 2.04567], "loss: 5 at 1, 2.046 at 3"),
    ],
)
def test_a_lines_text_has_its_first_and_last_known_value(values, text):
    assert line("loss", values).alt_text == text


@pytest.mark.parametrize(("skipped", "end"), [((), ""), ((2.0, 3.0), "; 2 skipped")])
def test_a_plots_text_has_every_line_and_the_skipped_steps(skipped, end):
    plot = Plot("Loss", "nats", "step", [line("a", [3.0, 1.0]), line("b", [2.0])], skipped=skipped)
    assert plot.alt_text == f"Loss, nats over step: a: 3 at 1, 1 at 2; b: 2 at 1{end}"


@pytest.mark.parametrize(
    "plot",
    [
        Plot("Empty", "nats", "step", [line("a", [NAN, NAN])], from_zero=True),
        Plot("Log", "nats", "step", [line("a", [NAN, 1.0, 100.0])], is_log=True, skipped=(1.0,)),
        Plot("Log of zeros", "nats", "tokens", [line("a", [0.0, 0.0])], is_log=True, resumed=(1.0, 2.0)),
        Plot(
            "Band",
            "nats",
            "step",
            [line("a", [1.0, 2.0], low=np.array([0.5, 1.0]), high=np.array([1.5, 3.0]), style=0)],
            from_zero=True,
            level=("limit", 4.0),
        ),
    ],
    ids=lambda plot: plot.title,
)
def test_every_plot_is_an_image_with_its_text_and_without_values_that_are_not_numbers(plot):
    drawn = draw_plot(plot, "p1")
    svg = parse(drawn)
    assert svg.get("aria-label") == plot.alt_text
    assert svg.get("role") == "img"
    assert "nan" not in drawn.replace(plot.alt_text, "").lower()


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ([line("training", [1.0, 2.0])], []),  # the title names the only line
        ([line("training", [1.0, 2.0]), line("held out", [2.0, 1.0])], ["training", "held out"]),
        ([line("held out", [2.0, 1.0], is_measured=True)], ["held out"]),
    ],
)
def test_lines_are_named_where_there_are_several_or_where_they_are_measurements(lines, named):
    texts = {element.text for element in parse(draw_plot(Plot("Loss", "nats", "step", lines), "p1")).iter()}
    assert [name for name in ("training", "held out") if name in texts] == named

"""Plots of differences with their intervals, as inline SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.analysis.contrasts import Contrast
from eval.analysis.significance import PairedDifference
from spark_jobs.common.svg_plots import ACCENT, LINE, QUIET, STYLE, TEXT, inline_svg


@dataclass(frozen=True)
class PlottedDifference:
    """One row of a plot: a difference in points."""

    name: str
    found: PairedDifference
    is_shown: bool
    """Drawn filled."""


def contrast_plot(contrast: Contrast) -> str:
    """The difference of each task and, after a gap, of each benchmark."""
    groups = [
        [PlottedDifference(found.name, found.difference, found.is_shown) for found in group]
        for group in (contrast.tasks, contrast.benchmarks)
    ]
    return difference_plot(groups, f"{contrast.second} minus {contrast.first}")


def difference_plot(groups: Sequence[Sequence[PlottedDifference]], label: str) -> str:
    """Differences with their 95 % intervals, one a row, with a gap between groups. Pale bars: minimum detectable differences."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    drawn: list[tuple[float, PlottedDifference]] = []
    for number, group in enumerate(groups):
        drawn += [(len(drawn) + index + 0.5 * number, row) for index, row in enumerate(group)]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 0.9 + 0.3 * (drawn[-1][0] + 1)), layout="constrained")
        axes = figure.subplots()
        for height, row in drawn:
            colour = ACCENT if row.is_shown else QUIET
            axes.barh(height, 2 * row.found.detectable, left=-row.found.detectable, height=0.5, color=LINE)
            axes.plot([row.found.low, row.found.high], [height, height], color=colour, lw=1.8)
            axes.plot(row.found.points, height, "o", ms=6, color=colour, mfc=colour if row.is_shown else "none", mew=1.6)
        axes.axvline(0, color=TEXT, lw=1)
        axes.set_yticks([height for height, _ in drawn], [row.name for _, row in drawn])
        axes.set_ylim(drawn[-1][0] + 0.6, -0.6)
        reach = 1.05 * max(
            1.0, *(abs(value) for _, row in drawn for value in (row.found.low, row.found.high, row.found.detectable))
        )
        axes.set_xlim(-reach, reach)
        axes.set_xlabel(f"{label}, points")
        axes.grid(visible=False, axis="y")
        return inline_svg(figure, label)

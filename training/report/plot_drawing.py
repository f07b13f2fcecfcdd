"""A plot of a run's page: its content as plain values, and the drawing of it as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spark_jobs.common.svg_plots import QUIET, SERIES, STYLE, TEXT, inline_svg
from training.report.metric_series import Float64s

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = len(SERIES)
"""Wikis or scores in a plot at most; the tables have all."""
_DASHES = ((), (5, 1.5), (1.5, 1.5), (7, 1.5, 1.5, 1.5))
"""Lines differ in dashes too, for readers who do not see their colours."""


@dataclass(frozen=True)
class Line:
    """A line of a plot."""

    name: str
    x: Float64s
    y: Float64s
    low: Float64s | None = None
    high: Float64s | None = None
    is_measured: bool = False
    """Drawn with a dot at each value."""
    style: int | None = None
    """Index of its colour and dashes; None is the colour of text. A wiki has the same style in every plot."""

    @property
    def alt_text(self) -> str:
        """First and last value."""
        known = np.flatnonzero(~np.isnan(self.y))
        if not len(known):
            return f"{self.name}: none"
        first, last = known[0], known[-1]
        end = "" if first == last else f", {self.y[last]:,.4g} at {self.x[last]:,.6g}"
        return f"{self.name}: {self.y[first]:,.4g} at {self.x[first]:,.6g}{end}"


@dataclass(frozen=True)
class Plot:
    """A plot, before it is drawn."""

    title: str
    unit: str
    """Label of the y axis."""
    x_label: str
    lines: Sequence[Line]
    caption: str = ""
    is_log: bool = False
    from_zero: bool = False
    skipped: Sequence[float] = ()
    """x of skipped steps."""
    resumed: Sequence[float] = ()
    """x where the run was resumed."""
    level: tuple[str, float] | None = None
    """A horizontal line, and its name."""

    @property
    def alt_text(self) -> str:
        """The text that a screen reader reads."""
        marks = f"; {len(self.skipped)} skipped" if self.skipped else ""
        return f"{self.title}, {self.unit} over {self.x_label}: {'; '.join(line.alt_text for line in self.lines)}{marks}"


def draw_plot(plot: Plot, name: str, width: float = 4.8, height: float = 2.9) -> str:
    """Inline SVG of `width` x `height` inches; `name` is unique on the page."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots()
        for line in plot.lines:
            _draw_line(axes, line, is_named=len(plot.lines) > 1 or line.is_measured)
        if plot.level is not None:
            axes.axhline(plot.level[1], color=QUIET, lw=1, ls=(0, (2, 2)), label=plot.level[0])
        for number, x in enumerate(plot.resumed):
            axes.axvline(x, color=QUIET, lw=0.8, ls=":", label="resumed" if number == 0 else None)
        if plot.skipped:
            top = axes.get_xaxis_transform()  # a loss that is not finite has a step, but no height
            heights = np.ones(len(plot.skipped))
            axes.plot(plot.skipped, heights, "v", transform=top, color=TEXT, ms=5, clip_on=False, label="skipped")
        _format_axes(axes, plot)
        handles, labels = axes.get_legend_handles_labels()
        if labels:
            figure.legend(handles, labels, loc="outside upper left", ncols=max(1, int(width / 1.5)), frameon=False, fontsize=8.5)
        return inline_svg(figure, plot.alt_text, name)


def _draw_line(axes: "Axes", line: Line, is_named: bool) -> None:
    colour = TEXT if line.style is None else SERIES[line.style % len(SERIES)]
    dashes = () if line.style is None else _DASHES[line.style % len(_DASHES)]
    if line.low is not None and line.high is not None and np.any(line.high > line.low):
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.25, lw=0.7)
    is_single = int(np.sum(~np.isnan(line.y))) == 1
    marker = "o" if line.is_measured or is_single else ""
    axes.plot(line.x, line.y, color=colour, lw=1.6, ls=(0, dashes) if dashes else "-", marker=marker, ms=3.5)
    if is_named:
        axes.lines[-1].set_label(line.name)


def _format_axes(axes: "Axes", plot: Plot) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=plot.x_label == "step"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    values = np.concatenate([line.y for line in plot.lines])
    if plot.is_log and np.any(values > 0):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=9))
        axes.yaxis.set_minor_formatter(NullFormatter())
    elif plot.from_zero:
        highest = np.nanmax(np.concatenate([line.y if line.high is None else line.high for line in plot.lines]), initial=0.0)
        axes.set_ylim(0, 1.08 * max(highest, plot.level[1] if plot.level else 0.0) or 1.0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
    axes.set_xlabel(plot.x_label)
    axes.set_ylabel(plot.unit)

"""Histograms that add up: counts of whole numbers in bins that are the same everywhere; tasks count, and the driver adds."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]

EDGES: Int64s = np.unique(np.concatenate([[0], np.round(10 ** (np.arange(0, 8 * 8 + 1) / 8)).astype(np.int64)]))
"""Where bins begin: 0, 1, 2, 3, 4, 6, 7, 10, 13, 18, 24, … up to a hundred million, eight in a decade."""


@dataclass
class Histogram:
    """Counts of numbers from 0 on, their sum and the largest; what is beyond the last edge counts in the last bin."""

    counts: Int64s = field(default_factory=lambda: np.zeros(len(EDGES), dtype=np.int64))
    total: int = 0
    largest: int = 0

    def add(self, values: npt.NDArray[Any]) -> None:
        """Count some values.

        >>> found = Histogram()
        >>> found.add(np.array([0, 1, 3, 3, 1000]))
        >>> found.size, found.total, found.largest, found.zeros, found.median
        (5, 1007, 1000, 1, 3)
        """
        if len(values):
            self.counts += np.bincount(np.searchsorted(EDGES, values, side="right") - 1, minlength=len(EDGES))
            self.total += int(values.sum())
            self.largest = max(self.largest, int(values.max()))

    def __add__(self, other: "Histogram") -> "Histogram":
        return Histogram(self.counts + other.counts, self.total + other.total, max(self.largest, other.largest))

    @property
    def size(self) -> int:
        """How many values there are."""
        return int(self.counts.sum())

    @property
    def zeros(self) -> int:
        """How many of them are 0."""
        return int(self.counts[0])

    @property
    def mean(self) -> float:
        """Their mean; 0 for none."""
        return self.total / self.size if self.size else 0.0

    @property
    def median(self) -> int:
        """Their median, exact in bins that hold one number and else interpolated: within 17 %, half a bin's width."""
        if not self.size:
            return 0
        upto = np.cumsum(self.counts)
        place = int(np.searchsorted(upto, self.size / 2))
        low, high = int(EDGES[place]), int(EDGES[place + 1] - 1 if place + 1 < len(EDGES) else self.largest)
        share = (self.size / 2 - (upto[place] - self.counts[place])) / self.counts[place]
        return round(float(low + share * (min(high, self.largest) - low)))


def histogram_plot(histogram: Histogram, unit: str, label: str) -> str:
    """The histogram as inline SVG over a logarithmic axis, its median marked; 0 has no place on it and is left out.

    Areas are counts: on this axis the bins of small whole numbers differ in width, and heights would show that instead.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

    from spark_jobs.common.svg_plots import ACCENT, STYLE, TEXT, inline_svg

    filled = np.flatnonzero(histogram.counts[1:]) + 1
    last = int(filled[-1]) if len(filled) else 1
    first = int(filled[0]) if len(filled) else 1
    edges = [*EDGES[first : last + 1], EDGES[last + 1] if last + 1 < len(EDGES) else max(histogram.largest, EDGES[-1] + 1)]
    heights = histogram.counts[first : last + 1] / np.diff(np.log(edges))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.1, 1.9), layout="constrained")
        axes = figure.subplots()
        axes.stairs(heights, edges, fill=True, color=ACCENT)
        axes.axvline(max(1, histogram.median), color=TEXT, lw=1, ls=(0, (3, 2)))
        axes.set_xscale("log")
        decades = np.log10(edges[-1] / edges[0])
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2.5 else (1,)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.yaxis.set_major_locator(NullLocator())
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(unit)
        axes.grid(visible=False)
        return inline_svg(figure, label)

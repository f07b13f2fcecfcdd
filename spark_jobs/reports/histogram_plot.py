"""The plot of a histogram in the build report: its bars, the line of the median, and their colours."""

import numpy as np

from spark_jobs.common.svg_plots import ACCENT, STYLE, TEXT, inline_svg
from spark_jobs.reports.histogram import EDGES, Histogram

BAR_COLOUR = ACCENT
MEDIAN_COLOUR = TEXT


def draw_histogram(histogram: Histogram, unit: str, label: str) -> str:
    """The histogram as inline SVG over a logarithmic axis, with a dashed line at the median. Zeros are left out.

    Areas are counts, because the bins of small whole numbers differ in width on this axis. `label` describes the plot in words.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

    filled = np.flatnonzero(histogram.counts[1:]) + 1
    last = int(filled[-1]) if len(filled) else 1
    first = int(filled[0]) if len(filled) else 1
    edges = [*EDGES[first : last + 1], EDGES[last + 1] if last + 1 < len(EDGES) else max(histogram.largest, EDGES[-1] + 1)]
    heights = histogram.counts[first : last + 1] / np.diff(np.log(edges))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.1, 1.9), layout="constrained")
        axes = figure.subplots()
        axes.stairs(heights, edges, fill=True, color=BAR_COLOUR)
        axes.axvline(max(1, histogram.median), color=MEDIAN_COLOUR, lw=1, ls=(0, (3, 2)))
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

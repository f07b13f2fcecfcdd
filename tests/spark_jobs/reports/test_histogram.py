"""Histograms of the build report: sums of counts, and the plot."""

import numpy as np

from spark_jobs.reports.histogram import Histogram
from spark_jobs.reports.histogram_plot import draw_histogram


def test_histograms_add_up_and_an_empty_one_is_zero() -> None:
    values = np.array([0, 0, 1, 5, 17, 300, 10**8, 2 * 10**8])
    whole, first, second = Histogram(), Histogram(), Histogram()
    whole.add(values)
    first.add(values[:3])
    second.add(values[3:])
    together = first + second
    assert together.counts.tolist() == whole.counts.tolist()
    assert (together.total, together.largest, together.zeros) == (int(values.sum()), 2 * 10**8, 2)
    assert "<svg" in draw_histogram(whole, "things", "whole")
    assert (Histogram().median, Histogram().mean, Histogram().size) == (0, 0, 0)

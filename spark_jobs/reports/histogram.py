"""Histograms of whole numbers in fixed bins, so that tasks count and the driver adds. Drawing is in `histogram_plot`."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]

EDGES: Int64s = np.unique(np.concatenate([[0], np.round(10 ** (np.arange(0, 8 * 8 + 1) / 8)).astype(np.int64)]))
"""Lower edges of the bins, eight in a decade: 0, 1, 2, 3, 4, 6, 7, 10, 13, 18, 24, … up to a hundred million."""


@dataclass
class Histogram:
    """Counts of numbers from 0, their sum and their maximum. Numbers above the last edge count in the last bin."""

    counts: Int64s = field(default_factory=lambda: np.zeros(len(EDGES), dtype=np.int64))
    total: int = 0
    largest: int = 0

    def add(self, values: npt.NDArray[Any]) -> None:
        """Count `values`.

        >>> histogram = Histogram()
        >>> histogram.add(np.array([0, 1, 3, 3, 1000]))
        >>> histogram.size, histogram.total, histogram.largest, histogram.zeros, histogram.median
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
        """Number of values."""
        return int(self.counts.sum())

    @property
    def zeros(self) -> int:
        """Number of values that are 0."""
        return int(self.counts[0])

    @property
    def mean(self) -> float:
        """Mean of the values; 0 without values."""
        return self.total / self.size if self.size else 0.0

    @property
    def median(self) -> int:
        """Median of the values: exact in bins of one number, else interpolated, within 17 % (half a bin's width)."""
        if not self.size:
            return 0
        cumulative = np.cumsum(self.counts)
        bin_index = int(np.searchsorted(cumulative, self.size / 2))
        low, high = int(EDGES[bin_index]), int(EDGES[bin_index + 1] - 1 if bin_index + 1 < len(EDGES) else self.largest)
        share = (self.size / 2 - (cumulative[bin_index] - self.counts[bin_index])) / self.counts[bin_index]
        return round(float(low + share * (min(high, self.largest) - low)))

"""Offsets of things that are stored one after the other."""

import numpy as np
import numpy.typing as npt


def prefix_sums(lengths: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """[n + 1] where each of n things begins when they are stored one after the other, and where the last one ends.

    >>> prefix_sums(np.array([3, 0, 2])).tolist()
    [0, 3, 3, 5]
    """
    begins = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=begins[1:])
    return begins

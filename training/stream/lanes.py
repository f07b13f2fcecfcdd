"""The lanes of a wiki: which row groups each lane has, and how many lanes a wiki can have. Pure functions of integers.

A lane has whole row groups. They are assigned by tokens, the largest first, each to the lane that has fewest so far. A wiki gets
as many lanes as a batch has slots, or the largest divisor of that number for which no two lanes differ by more than a tenth of
the mean (`MAX_IMBALANCE`); a small wiki, of few row groups, gets fewer.

    >>> assign_row_groups(np.array([5, 4, 3, 3, 3]), lanes=2).tolist()  # 5 + 3 and 4 + 3, then 3 to the smaller
    [0, 1, 1, 0, 1]
    >>> number_of_lanes(np.array([5, 4, 3, 3, 3]), slots=2)  # 8 and 10 differ by more than a tenth of 9
    1
    >>> number_of_lanes(np.array([5, 5, 3, 3, 3, 3]), slots=4)  # 4 lanes: 6, 6, 5, 5; 2 lanes: 11, 11
    2
"""

import heapq

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]

MAX_IMBALANCE = 0.1
"""Largest difference between two lanes of a wiki, as a share of the mean lane."""


def assign_row_groups(tokens: Int64s, lanes: int) -> Int64s:
    """[row groups] the lane of each row group; `tokens` [row groups] are the tokens that each holds."""
    lane_of_group = np.empty(len(tokens), dtype=np.int64)
    heap = [(0, lane) for lane in range(lanes)]
    for group in np.argsort(-tokens, kind="stable").tolist():
        filled, lane = heapq.heappop(heap)
        lane_of_group[group] = lane
        heapq.heappush(heap, (filled + int(tokens[group]), lane))
    return lane_of_group


def lane_imbalance(tokens: Int64s, lane_of_group: Int64s, lanes: int) -> float:
    """Difference between the largest and the smallest lane, as a share of the mean lane."""
    filled = np.bincount(lane_of_group, tokens, lanes)
    return float((filled.max() - filled.min()) / filled.mean())


def number_of_lanes(tokens: Int64s, slots: int) -> int:
    """The largest divisor of `slots` that gives lanes within `MAX_IMBALANCE`; 1 always does."""
    divisors = [lanes for lanes in range(min(slots, len(tokens)), 1, -1) if slots % lanes == 0]
    return next(
        (lanes for lanes in divisors if lane_imbalance(tokens, assign_row_groups(tokens, lanes), lanes) <= MAX_IMBALANCE), 1
    )

"""A wiki's row groups dealt to lanes, and the order of documents in each lane: pure functions of integers.

A lane owns whole row groups. They are dealt by tokens, the largest first, each to the lane that has least so far. A wiki gets as
many lanes as a batch has slots, or the largest divisor of that number for which no two lanes differ by more than a tenth of
the mean (`MAX_IMBALANCE`): what a small wiki, of few row groups, can have.

    >>> deal(np.array([5, 4, 3, 3, 3]), lanes=2).tolist()  # 5 + 3 and 4 + 3, then 3 to the smaller
    [0, 1, 1, 0, 1]
    >>> number_of_lanes(np.array([5, 4, 3, 3, 3]), slots=2)  # 8 and 10 differ by more than a tenth of 9
    1
    >>> number_of_lanes(np.array([5, 5, 3, 3, 3, 3]), slots=4)  # 4 lanes: 6, 6, 5, 5; 2 lanes: 11, 11
    2
"""

import heapq

import numpy as np
import numpy.typing as npt

from spark_jobs.common.stateless_random import fold, mix, text_key

Int64s = npt.NDArray[np.int64]

MAX_IMBALANCE = 0.1
"""Largest difference between two lanes of a wiki, as a share of the mean lane."""


def deal(tokens: Int64s, lanes: int) -> Int64s:
    """[row groups] the lane of each row group; `tokens` [row groups] is what each holds."""
    lane_of_group = np.empty(len(tokens), dtype=np.int64)
    heap = [(0, lane) for lane in range(lanes)]
    for group in np.argsort(-tokens, kind="stable").tolist():
        filled, lane = heapq.heappop(heap)
        lane_of_group[group] = lane
        heapq.heappush(heap, (filled + int(tokens[group]), lane))
    return lane_of_group


def imbalance(tokens: Int64s, lane_of_group: Int64s, lanes: int) -> float:
    """Difference between the largest and the smallest lane, as a share of the mean lane."""
    filled = np.bincount(lane_of_group, tokens, lanes)
    return float((filled.max() - filled.min()) / filled.mean())


def number_of_lanes(tokens: Int64s, slots: int) -> int:
    """The largest divisor of `slots` that gives lanes within `MAX_IMBALANCE`; 1 always does."""
    divisors = [lanes for lanes in range(min(slots, len(tokens)), 1, -1) if slots % lanes == 0]
    return next((lanes for lanes in divisors if imbalance(tokens, deal(tokens, lanes), lanes) <= MAX_IMBALANCE), 1)


def document_order(
    row_group_offsets: Int64s, lane_of_group: Int64s, kept: npt.NDArray[np.bool_] | None, key: int, epoch: int, window: int
) -> tuple[npt.NDArray[np.uint32], Int64s]:
    """The documents of every lane in the order of an epoch.

    In each lane the row groups are permuted; runs of `window` of them form windows; the documents of a window are permuted
    together. Both permutations are orders of hashes, equal ones by index.

    Args:
        row_group_offsets: [row groups + 1] first document of each row group.
        lane_of_group: [row groups].
        kept: [documents] which documents take part; None for all.
        key: of the run and the wiki.
        epoch: 0 for the first pass over the data.
        window: row groups in a window.

    Returns:
        (order, lane_positions): the documents of lane l are order[lane_positions[l] : lane_positions[l + 1]].
    """
    lanes = int(lane_of_group.max()) + 1
    epoch_key = fold(mix(key), epoch)
    groups = np.lexsort((fold(fold(epoch_key, text_key("row groups")), np.arange(len(lane_of_group))), lane_of_group))
    groups_before_lane = np.searchsorted(lane_of_group[groups], np.arange(lanes + 1))
    place_in_lane = np.arange(len(groups)) - groups_before_lane[lane_of_group[groups]]
    windows_before_lane = _cumulative(-(-np.diff(groups_before_lane) // window))
    window_of_group = np.empty_like(groups)
    window_of_group[groups] = windows_before_lane[lane_of_group[groups]] + place_in_lane // window

    sizes = np.diff(row_group_offsets)
    documents = np.arange(row_group_offsets[-1], dtype=np.uint32) if kept is None else np.flatnonzero(kept).astype(np.uint32)
    window_of_document = np.repeat(window_of_group, sizes)[documents]
    # The window above, the draw below: one key of 64 bits sorts faster than two columns.
    bits = np.uint64(int(windows_before_lane[-1]).bit_length())
    draw = fold(fold(epoch_key, text_key("documents")), documents.astype(np.int64)) >> bits
    draw |= window_of_document.astype(np.uint64) << (np.uint64(64) - bits)
    order = documents[np.argsort(draw, kind="stable")]
    lane_of_document = np.repeat(lane_of_group, sizes)[documents]
    return order, _cumulative(np.bincount(lane_of_document, minlength=lanes))


def _cumulative(counts: npt.NDArray[np.integer]) -> Int64s:
    sums = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=sums[1:])
    return sums

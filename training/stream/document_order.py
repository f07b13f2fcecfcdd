"""The order of documents in an epoch: a permutation in each lane, as a pure function of integers."""

import numpy as np
import numpy.typing as npt

from spark_jobs.common.stateless_random import fold, mix, text_key
from training.data.prefix_sums import prefix_sums

Int64s = npt.NDArray[np.int64]


def order_documents(
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
    windows_before_lane = prefix_sums(-(-np.diff(groups_before_lane) // window))
    window_of_group = np.empty_like(groups)
    window_of_group[groups] = windows_before_lane[lane_of_group[groups]] + place_in_lane // window

    sizes = np.diff(row_group_offsets)
    documents = np.arange(row_group_offsets[-1], dtype=np.uint32) if kept is None else np.flatnonzero(kept).astype(np.uint32)
    window_of_document = np.repeat(window_of_group, sizes)[documents]
    # The window in the high bits, the draw in the low bits: one key of 64 bits sorts faster than two columns.
    bits = np.uint64(int(windows_before_lane[-1]).bit_length())
    draw = fold(fold(epoch_key, text_key("documents")), documents.astype(np.int64)) >> bits
    draw |= window_of_document.astype(np.uint64) << (np.uint64(64) - bits)
    order = documents[np.argsort(draw, kind="stable")]
    lane_of_document = np.repeat(lane_of_group, sizes)[documents]
    return order, prefix_sums(np.bincount(lane_of_document, minlength=lanes))

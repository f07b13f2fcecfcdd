"""The order of documents in an epoch."""

from itertools import pairwise

import numpy as np
import pytest

from training.stream.document_order import order_documents

OFFSETS = np.arange(0, 121, 10)
LANES = np.array([0, 1, 2] * 4)


def order_of(**changes):
    arguments = {"row_group_offsets": OFFSETS, "lane_of_group": LANES, "kept": None, "key": 1, "epoch": 0, "window": 2}
    order, positions = order_documents(**arguments | changes)
    return [order[low:high].tolist() for low, high in pairwise(positions)]


def test_every_row_group_is_in_one_lane_and_every_document_comes_once():
    found = order_of()
    assert sorted(d for lane in found for d in lane) == list(range(120))
    for number, lane in enumerate(found):
        assert {d // 10 % 3 for d in lane} == {number}


def test_epochs_and_keys_have_their_own_order():
    assert len({str(order_of(key=key, epoch=epoch)) for key, epoch in ((1, 0), (1, 1), (2, 0))}) == 3


@pytest.mark.parametrize("window", [1, 2, 3, 100])
def test_documents_are_shuffled_inside_a_window_of_their_lane_only(window):
    for lane in order_of(window=window):
        parts = [lane[low : low + 10 * window] for low in range(0, len(lane), 10 * window)]
        groups = [{d // 10 for d in part} for part in parts]
        assert all(len(group) == len(part) // 10 for group, part in zip(groups, parts, strict=True))
        assert all(part != sorted(part) for part in parts)


def test_left_out_documents_do_not_change_the_order_of_the_others():
    kept = np.arange(120) % 7 != 0
    assert order_of(kept=kept) == [[d for d in lane if d % 7] for lane in order_of()]


def test_the_order_of_a_lane_does_not_depend_on_the_other_lanes_row_groups():
    # The last row group goes from lane 2 to lane 0: lane 1 stays as it was.
    moved = np.concatenate([LANES[:-1], [0]])
    assert order_of(lane_of_group=moved)[1] == order_of()[1]

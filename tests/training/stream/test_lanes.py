"""Row groups assigned to lanes, and the number of lanes."""

import numpy as np
import pytest

from training.stream.lanes import MAX_IMBALANCE, assign_row_groups, lane_imbalance, number_of_lanes


@pytest.mark.parametrize(
    ("tokens", "slots", "lanes"),
    [
        ([100] * 64, 64, 64),
        ([100] * 63, 64, 4),  # 8 lanes would hold 7 or 8 row groups each
        ([100] * 1400, 64, 64),  # 21 or 22 each
        ([100] * 90, 64, 8),  # 11 or 12 each
        ([100] * 90, 60, 30),
        ([100] * 99 + [50], 4, 4),
        ([5000] + [1] * 100, 8, 1),  # one row group outweighs all others
        ([7], 64, 1),
    ],
)
def test_a_wiki_gets_the_most_lanes_that_can_be_balanced(tokens, slots, lanes):
    assert number_of_lanes(np.array(tokens), slots) == lanes


def test_lanes_are_within_the_documented_imbalance_for_row_groups_of_any_size():
    rng = np.random.default_rng(0)
    for _ in range(20):
        tokens = rng.integers(1, 10**6, int(rng.integers(1, 2000)))
        lanes = number_of_lanes(tokens, 64)
        assert lane_imbalance(tokens, assign_row_groups(tokens, lanes), lanes) <= MAX_IMBALANCE

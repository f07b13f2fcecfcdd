"""The arithmetic of sequence numbers."""

import numpy as np
import pytest

from training.data.prefix_sums import prefix_sums
from training.stream.sequence_index import covered_positions, rank_slice


def test_positions_are_those_of_the_documents_that_a_range_covers():
    sizes = (3, 0, 2, 5)  # an empty document has no token
    begins = prefix_sums(np.array(sizes))
    stream = [(d, t) for d, size in enumerate(sizes) for t in range(size)]
    for low in range(10):
        for high in range(low + 1, 11):
            first, last, skip = covered_positions(begins, low, high)
            covered = [(d, t) for d in range(first, last) for t in range(sizes[d])]
            assert covered[skip : skip + high - low] == stream[low:high]


@pytest.mark.parametrize("ranks", [1, 2, 3, 4, 8])
def test_the_slices_of_all_ranks_make_up_the_batch_in_order(ranks):
    assert [k for rank in range(ranks) for k in rank_slice(5, 24, rank, ranks)] == list(range(120, 144))


def test_an_uneven_slice_is_refused():
    with pytest.raises(ValueError, match="24 sequences cannot be divided evenly among 5 ranks"):
        rank_slice(0, 24, 0, 5)

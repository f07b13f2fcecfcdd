"""Offsets of things that are stored one after the other."""

import numpy as np
import pytest

from training.data.prefix_sums import prefix_sums


@pytest.mark.parametrize(("lengths", "offsets"), [([], [0]), ([4], [0, 4]), ([0, 0], [0, 0, 0]), ([3, 0, 2], [0, 3, 3, 5])])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.int64])
def test_offsets_begin_at_0_and_end_with_the_sum(lengths, offsets, dtype):
    found = prefix_sums(np.array(lengths, dtype=dtype))
    assert (found.tolist(), found.dtype) == (offsets, np.int64)


def test_sums_beyond_the_type_of_the_lengths_do_not_overflow():
    assert prefix_sums(np.full(3, 65_535, dtype=np.uint16)).tolist() == [0, 65_535, 131_070, 196_605]
    assert prefix_sums(np.full(2, 2**31 - 1, dtype=np.int32))[-1] == 2**32 - 2

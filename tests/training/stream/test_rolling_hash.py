"""The rolling hash of consumed sequences."""

import numpy as np

from training.stream.rolling_hash import RollingHash


def test_a_rolling_hash_continues_from_its_value():
    first_batch, second_batch, third_batch = np.random.default_rng(0).integers(0, 2**63, (3, 8), dtype=np.uint64)
    whole = RollingHash()
    for digests in (first_batch, second_batch, third_batch):
        whole.update(digests)
    first = RollingHash()
    first.update(first_batch)
    resumed = RollingHash(first.value)
    resumed.update(second_batch)
    assert resumed.update(third_batch) == whole.value

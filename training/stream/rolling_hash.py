"""Hashes of consumed sequences: runs with the same rolling hash have trained on the same tokens and masks in the same order."""

import hashlib

import numpy as np
import numpy.typing as npt

from training.stream.name_insertion import IGNORED


def sequence_digest(input_ids: npt.NDArray[np.int64], targets: npt.NDArray[np.int64]) -> int:
    """64-bit hash of a sequence: BLAKE2b over its tokens as little-endian uint32, then a byte per token, 1 where it is masked."""
    hashed = hashlib.blake2b(input_ids.astype("<u4").data, digest_size=8)
    hashed.update((targets == IGNORED).view(np.uint8).data)
    return int.from_bytes(hashed.digest(), "little")


class RollingHash:
    """Hash of every sequence consumed so far, in the order of the stream: 16 hex digits, the same for any number of ranks."""

    def __init__(self, value: str = "0" * 16) -> None:
        self.value = value

    def update(self, digests: npt.NDArray[np.uint64]) -> str:
        """Append the digests of one global batch, in the order of its sequences; returns the new value."""
        content = bytes.fromhex(self.value) + digests.astype("<u8").tobytes()
        self.value = hashlib.blake2b(content, digest_size=8).hexdigest()
        return self.value

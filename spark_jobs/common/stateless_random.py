"""Stateless random numbers: a draw is the hash of a key, so it does not depend on earlier draws.

`mix` is the output function of SplitMix64 after one step of its counter (Steele, Lea, Flood: "Fast Splittable Pseudorandom
Number Generators", OOPSLA 2014; the constants are Stafford's variant 13 of MurmurHash3's finaliser, as in Vigna's public
domain splitmix64.c): a bijection of the 64-bit integers in which every input bit flips about half of the output bits.
The parts of a key are folded from left to right, `fold(k, v) = mix(k xor v)`.

    >>> key = fold(fold(mix(42), 0), text_key("jawiki"))
    >>> [float(u) for u in uniform(fold(key, np.arange(3)))]
    [0.8103518277858504, 0.13131329598783703, 0.7486857209039293]
"""

import hashlib

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio, odd
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def finalise(values: U64) -> U64:
    """SplitMix64's finaliser of each value: the last part of `mix`, and the mixing step of the row hash."""
    values = values ^ (values >> np.uint64(30))
    values *= _FIRST
    values ^= values >> np.uint64(27)
    values *= _SECOND
    values ^= values >> np.uint64(31)
    return values


def mix(value: int | np.uint64 | U64) -> U64:
    """One SplitMix64 output for each counter in `value` (any shape; arithmetic is modulo 2**64)."""
    with np.errstate(over="ignore"):  # numpy warns when a scalar wraps around
        return finalise(np.asarray(value, dtype=np.uint64) + _STEP)


def fold(key: U64, value: int | npt.NDArray[np.integer]) -> U64:
    """Extend `key` by the part `value`; the two broadcast. Negative values are taken modulo 2**64."""
    part = np.asarray(value)
    return mix(key ^ (part if part.dtype == np.uint64 else part.astype(np.int64).view(np.uint64)))


def text_key(text: str) -> int:
    """A 64-bit key of a string: the first 8 bytes of its BLAKE2b digest, little-endian."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def uniform(hashed: U64) -> npt.NDArray[np.float64]:
    """Numbers in [0, 1): the upper 53 bits of each hash times 2**-53, which is exact."""
    return (hashed >> np.uint64(11)).astype(np.float64) * 2.0**-53

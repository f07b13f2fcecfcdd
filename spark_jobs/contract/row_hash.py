"""A logical hash of rows: it does not depend on how rows are ordered, split into files or encoded.

All arithmetic is modulo 2^64; `mix` is the finaliser of SplitMix64 (`stateless_random.finalise`). The hash of a value by type:

    null                  mix(1)
    string                BLAKE2b-64 over its UTF-8, little-endian
    number, boolean       mix(v + S), v as 64-bit two's complement
    timestamp             as its integer
    list                  mix(length + sum of mix(h + (i + 1) · P)), h the hash of element i from 0
    struct, and a row     mix(h), where h = 0, and for each field in the schema's order h = h · M + field's hash

with S = 0x9E3779B97F4A7C15, P = 0xD1342543DE82EF95 and M = 0x2545F4914F6CDD1D. The hash of a set of rows is a pair: the sum of
the rows' hashes h, and the sum of mix(h + S). Sums do not depend on the order, so rows are a multiset, and parts can be added.
The hash detects differences, not forgery: the manifest has a sha256 of every file. Whole columns are hashed, in numpy.
"""

from collections.abc import Iterable
from hashlib import blake2b
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.common.stateless_random import finalise

Hashes: TypeAlias = npt.NDArray[np.uint64]
"""One hash for each value."""

_SEED = np.uint64(0x9E3779B97F4A7C15)
_POSITION = np.uint64(0xD1342543DE82EF95)
_FIELD = np.uint64(0x2545F4914F6CDD1D)
_MODULUS = 2**64


def sum_of_rows(table: pa.Table | pa.RecordBatch) -> int:
    """The pair of sums over all rows as a 128-bit number; the sum of the rows' hashes is in the lower 64 bits.

    >>> rows = pa.table({"a": [1, 2], "b": ["x", None]})
    >>> sum_of_rows(rows) == add_hashes([sum_of_rows(rows[1:]), sum_of_rows(rows[:1])])
    True
    """
    low = high = 0
    for batch in table.to_batches() if isinstance(table, pa.Table) else [table]:
        if batch.num_rows:
            rows = _fold([_hash(column) for column in batch.columns], batch.num_rows)
            low, high = low + int(rows.sum()), high + int(finalise(rows + _SEED).sum())
    return (high % _MODULUS) * _MODULUS + low % _MODULUS


def add_hashes(sums: Iterable[int]) -> int:
    """The hash of several sets of rows together."""
    low = high = 0
    for one in sums:
        low, high = low + one % _MODULUS, high + one // _MODULUS
    return (high % _MODULUS) * _MODULUS + low % _MODULUS


def _fold(fields: list[Hashes], rows: int) -> Hashes:
    result = np.zeros(rows, dtype=np.uint64)
    for field in fields:
        result *= _FIELD
        result += field
    return finalise(result)


def _hash(array: pa.Array) -> Hashes:
    kind = array.type
    if pa.types.is_struct(kind):
        result = _fold(list(map(_hash, array.flatten())), len(array))
    elif pa.types.is_list(kind):
        result = _hash_lists(array)
    elif pa.types.is_string(kind):
        result = _hash_strings(array)
    else:
        result = _hash_numbers(array)
    if array.null_count:
        result[pc.is_null(array).to_numpy(zero_copy_only=False)] = finalise(np.ones(1, dtype=np.uint64))
    return result


def _hash_numbers(array: pa.Array) -> Hashes:
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    elif pa.types.is_floating(array.type):
        array = array.cast(pa.float64())
    filled = pc.fill_null(array, pa.scalar(0).cast(array.type)) if array.null_count else array
    values = filled.to_numpy(zero_copy_only=False)
    words = values.view(np.uint64) if values.dtype == np.float64 else values.astype(np.int64).view(np.uint64)
    return finalise(words + _SEED)


def _hash_strings(array: pa.Array) -> Hashes:
    encoded = array.dictionary_encode()
    words = encoded.dictionary
    ends = np.frombuffer(words.buffers()[1], dtype=np.int32)[words.offset : words.offset + len(words) + 1].tolist()
    data = memoryview(words.buffers()[2] or b"")
    digests = b"".join([blake2b(data[i:j], digest_size=8).digest() for i, j in pairwise(ends)])
    table = np.frombuffer(digests or bytes(8), dtype="<u8")
    indices = pc.fill_null(encoded.indices, 0) if encoded.indices.null_count else encoded.indices
    return np.asarray(table[indices.to_numpy()])


def _hash_lists(array: pa.Array) -> Hashes:
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy().astype(np.int64)
    ends = np.cumsum(lengths)
    starts = ends - lengths
    elements = _hash(array.flatten())
    positions = (np.arange(len(elements), dtype=np.int64) - np.repeat(starts, lengths) + 1).astype(np.uint64)
    sums = np.zeros(len(elements) + 1, dtype=np.uint64)
    np.cumsum(finalise(elements + positions * _POSITION), dtype=np.uint64, out=sums[1:])
    return finalise(lengths.astype(np.uint64) + sums[ends] - sums[starts])

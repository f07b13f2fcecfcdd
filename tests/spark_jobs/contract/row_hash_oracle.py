"""A second implementation of the row hash, value by value in Python integers, from the docstring of `row_hash.py`."""

import datetime
import hashlib
import struct
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

WORD = 2**64
S, P, M = 0x9E3779B97F4A7C15, 0xD1342543DE82EF95, 0x2545F4914F6CDD1D


def mix(z: int) -> int:
    z %= WORD
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % WORD
    return z ^ (z >> 31)


def hash_value(value: Any, kind: pa.DataType) -> int:
    if value is None:
        return mix(1)
    if pa.types.is_string(kind):
        return int.from_bytes(hashlib.blake2b(value.encode(), digest_size=8).digest(), "little")
    if pa.types.is_list(kind):
        return mix(len(value) + sum(mix(hash_value(item, kind.value_type) + (i + 1) * P) for i, item in enumerate(value)))
    if pa.types.is_struct(kind):
        return hash_fields(value, kind)
    if isinstance(value, datetime.datetime):
        value = round((value - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)).total_seconds() * 1000)
    if isinstance(value, float):
        value = struct.unpack("<Q", struct.pack("<d", value))[0]
    return mix(int(value) + S)


def hash_fields(row: dict[str, Any], fields: Iterable[pa.Field]) -> int:
    result = 0
    for field in fields:
        result = result * M + hash_value(row[field.name], field.type)
    return mix(result)


def row_hash(rows: list[dict[str, Any]], schema: pa.Schema) -> str:
    hashes = [hash_fields(row, schema) for row in rows]
    return f"{sum(mix(h + S) for h in hashes) % WORD:016x}{sum(hashes) % WORD:016x}"

"""The narrow columns of a wiki, from which a plan is made: read once, kept in the cache of the machine."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.array_cache import ArrayFile, PlanCache
from training.data.ordered_threads import in_order
from training.data.row_groups import ShardFile, flat

COLUMNS = ("page_id", "num_tokens", "entity_start", "entity_end", "name_lengths")
COLUMNS_VERSION = 1
"""Raised whenever the arrays below change; part of the cache's key."""

_READS_AT_ONCE = 4

Arrays = dict[str, npt.NDArray[Any]]


def narrow_columns(row_groups: Sequence[tuple[ShardFile, int]], fingerprint: str, cache: PlanCache) -> Arrays:
    """page_id, num_tokens, span_lengths, name_lengths, and link_offsets ([documents + 1]) of the row groups, one after the other.

    Args:
        row_groups: (file, number in the file) of each.
        fingerprint: of the wiki's shards.
        cache: where they are kept.
    """
    if cache.folder is None:
        parts = [_NO_ROWS, *_read(row_groups)]
        return {name: np.concatenate([part[name] for part in parts]) for name in _NO_ROWS}

    def write(folder: Path) -> dict[str, Any]:
        # Lengths of more than 65,535 tokens are unheard of, but possible.
        try:
            return _write(row_groups, folder, np.uint16)
        except OverflowError:
            return _write(row_groups, folder, np.uint32)

    return cache.written(f"columns-{fingerprint}-v{COLUMNS_VERSION}", write)


def _write(row_groups: Sequence[tuple[ShardFile, int]], folder: Path, length: type[np.unsignedinteger[Any]]) -> dict[str, Any]:
    types = {name: values.dtype for name, values in _NO_ROWS.items()} | {"span_lengths": length, "name_lengths": length}
    files = {name: ArrayFile(folder / name, dtype) for name, dtype in types.items()}
    for name, values in _NO_ROWS.items():
        files[name].append(values)
    for part in _read(row_groups):
        for name, values in part.items():
            files[name].append(values)
    return {name: file.close() for name, file in files.items()}


_NO_ROWS: Arrays = {
    "page_id": np.zeros(0, dtype=np.int64),
    "num_tokens": np.zeros(0, dtype=np.int32),
    "link_offsets": np.zeros(1, dtype=np.int64),
    "span_lengths": np.zeros(0, dtype=np.int32),
    "name_lengths": np.zeros(0, dtype=np.int32),
}


def _read(row_groups: Sequence[tuple[ShardFile, int]]) -> Iterator[Arrays]:
    """The arrays row group by row group; link offsets without the first one, and counted from the wiki's first link."""
    links = 0
    for part in in_order(_read_one, row_groups, _READS_AT_ONCE, 2 * _READS_AT_ONCE):
        part["link_offsets"] += links
        links = int(part["link_offsets"][-1])
        yield part


def _read_one(row_group: tuple[ShardFile, int]) -> Arrays:
    file, number = row_group
    table = file.read(number, COLUMNS)
    starts, link_offsets = flat(table["entity_start"])
    return {
        "page_id": table["page_id"].to_numpy(),
        "num_tokens": table["num_tokens"].to_numpy(),
        "link_offsets": link_offsets[1:],
        "span_lengths": flat(table["entity_end"])[0] - starts,
        "name_lengths": flat(table["name_lengths"])[0],
    }

"""The narrow columns of a wiki: everything that the plan of a stream needs, without tokens. Read once, cached on the machine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.data.array_cache import ArrayCache
from training.data.cache_entries import ArrayDescription, ArrayFile, IntegerArray
from training.data.ordered_threads import map_in_order
from training.data.row_groups import ShardFile, flatten_lists

COLUMNS = ("page_id", "num_tokens", "entity_start", "entity_end", "name_lengths")
COLUMNS_VERSION = 1
"""Raised whenever the arrays below change; part of the cache's key."""

_READS_AT_ONCE = 4


@dataclass(frozen=True)
class Documents:
    """The narrow columns of one wiki, flat over its row groups in canonical order (shard, row group, row)."""

    wiki: str
    fingerprint: str
    """Of the wiki's shards."""
    page_id: npt.NDArray[np.int64]
    """[documents]."""
    num_tokens: npt.NDArray[np.integer]
    """[documents] before insertion, without BOS or EOS."""
    row_group_offsets: npt.NDArray[np.int64]
    """[row groups + 1] first document of each row group."""
    link_offsets: npt.NDArray[np.int64]
    """[documents + 1] first link of each document."""
    span_lengths: npt.NDArray[np.integer]
    """[links] tokens that the link covers."""
    name_lengths: npt.NDArray[np.integer]
    """[links] tokens of the link's name."""


def read_narrow_columns(
    row_groups: Sequence[tuple[ShardFile, int]], fingerprint: str, cache: ArrayCache
) -> dict[str, IntegerArray]:
    """page_id, num_tokens, span_lengths, name_lengths, and link_offsets ([documents + 1]) of the row groups, one after the other.

    Args:
        row_groups: (file, number in the file) of each.
        fingerprint: of the wiki's shards.
        cache: where they are kept.
    """
    if cache.folder is None:
        parts = [_NO_ROWS, *_read(row_groups)]
        return {name: np.concatenate([part[name] for part in parts]) for name in _NO_ROWS}

    def write(folder: Path) -> dict[str, ArrayDescription]:
        # Lengths of more than 65,535 tokens are very rare, but possible.
        try:
            return _write(row_groups, folder, np.uint16)
        except OverflowError:
            return _write(row_groups, folder, np.uint32)

    return cache.get_or_write(f"columns-{fingerprint}-v{COLUMNS_VERSION}", write)


def _write(
    row_groups: Sequence[tuple[ShardFile, int]], folder: Path, length: type[np.uint16] | type[np.uint32]
) -> dict[str, ArrayDescription]:
    types = {name: values.dtype for name, values in _NO_ROWS.items()} | {"span_lengths": length, "name_lengths": length}
    files = {name: ArrayFile(folder / name, dtype) for name, dtype in types.items()}
    for name, values in _NO_ROWS.items():
        files[name].append(values)
    for part in _read(row_groups):
        for name, values in part.items():
            files[name].append(values)
    return {name: file.close() for name, file in files.items()}


_NO_ROWS: dict[str, IntegerArray] = {
    "page_id": np.zeros(0, dtype=np.int64),
    "num_tokens": np.zeros(0, dtype=np.int32),
    "link_offsets": np.zeros(1, dtype=np.int64),
    "span_lengths": np.zeros(0, dtype=np.int32),
    "name_lengths": np.zeros(0, dtype=np.int32),
}


def _read(row_groups: Sequence[tuple[ShardFile, int]]) -> Iterator[dict[str, IntegerArray]]:
    """The arrays row group by row group; link offsets without the first one, and counted from the wiki's first link."""
    links = 0
    for part in map_in_order(_read_row_group, row_groups, _READS_AT_ONCE, 2 * _READS_AT_ONCE):
        part["link_offsets"] += links
        links = int(part["link_offsets"][-1])
        yield part


def _read_row_group(row_group: tuple[ShardFile, int]) -> dict[str, IntegerArray]:
    file, number = row_group
    table = file.read(number, COLUMNS)
    starts, link_offsets = flatten_lists(table["entity_start"])
    return {
        "page_id": table["page_id"].to_numpy(),
        "num_tokens": table["num_tokens"].to_numpy(),
        "link_offsets": link_offsets[1:],
        "span_lengths": flatten_lists(table["entity_end"])[0] - starts,
        "name_lengths": flatten_lists(table["name_lengths"])[0],
    }

"""An entry of the cache on disk: a folder of raw array files, and a description by which they are verified before they are used.

    entry/
      about.json     type, number of values and CRC-32 of every array, and the SHA-256 of all that
      num_tokens     the values, as memory holds them
      …

A disk may change a bit, a full disk or a power cut may shorten a file, and a copy may be incomplete: `find_entry_damage` reads
every byte and reports the first difference. CRC-32 finds each of these and runs at 2 GB/s a core; arrays are read in parallel.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from training.data.ordered_threads import map_in_order

IntegerArray = npt.NDArray[Any]
"""An array of any integer type."""

ABOUT = "about.json"
"""File name of the description."""

_CHUNK = 1 << 22
_AT_ONCE = 4


class ArrayDescription(BaseModel):
    """The type, size and checksum of an array file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dtype: str
    size: int
    """Number of values."""
    crc32: int
    """Of the file."""

    @property
    def bytes(self) -> int:
        """Size of the file."""
        return self.size * np.dtype(self.dtype).itemsize


class EntryDescription(BaseModel):
    """The content of `about.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    arrays: dict[str, ArrayDescription]
    sha256: str
    """Of the descriptions of the arrays."""


class ArrayFile:
    """A file of one array that is written piece by piece."""

    def __init__(self, path: Path, dtype: npt.DTypeLike) -> None:
        self.dtype, self.size = np.dtype(dtype), 0
        self._crc32 = 0
        self._file: BinaryIO = path.open("wb")

    def append(self, values: IntegerArray) -> None:
        """Add values to the end. Raises OverflowError where they do not fit the file's type."""
        info = np.iinfo(self.dtype)
        if len(values) and not (info.min <= values.min() and values.max() <= info.max):
            raise OverflowError(f"{values.max()} does not fit {self.dtype}")
        data = np.ascontiguousarray(values, dtype=self.dtype).data
        self._file.write(data)
        self._crc32 = zlib.crc32(data, self._crc32)
        self.size += len(values)

    def close(self) -> ArrayDescription:
        """Write the file through to the disk and close it; returns its description."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return ArrayDescription(dtype=self.dtype.str, size=self.size, crc32=self._crc32)


def write_description(entry: Path, arrays: Mapping[str, ArrayDescription]) -> None:
    """Write `about.json`, the last file of an entry, and the entry's folder through to the disk."""
    content = EntryDescription(arrays=dict(arrays), sha256=_sha256(arrays))
    with (entry / ABOUT).open("w", encoding="utf-8") as file:
        file.write(content.model_dump_json())
        file.flush()
        os.fsync(file.fileno())
    sync_folder(entry)


def sync_folder(folder: Path) -> None:
    """Write the names in a folder through to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def find_entry_damage(entry: Path) -> str | None:
    """The first difference between an entry and its description, as a sentence; None for an intact one. Reads every byte."""
    try:
        about = EntryDescription.model_validate_json((entry / ABOUT).read_bytes())
    except (OSError, ValidationError, ValueError):
        return f"{ABOUT} cannot be read, or another version wrote it"
    if about.sha256 != _sha256(about.arrays):
        return f"{ABOUT} has other content than was written"
    checks = map_in_order(lambda item: _find_array_damage(entry / item[0], item[1]), about.arrays.items(), _AT_ONCE, 2 * _AT_ONCE)
    return next((damage for damage in checks if damage is not None), None)


def map_entry(entry: Path) -> dict[str, IntegerArray]:
    """The arrays of an intact entry by name, mapped read-only."""
    about = EntryDescription.model_validate_json((entry / ABOUT).read_bytes())
    return {name: _map(entry / name, description) for name, description in about.arrays.items()}


def _find_array_damage(path: Path, description: ArrayDescription) -> str | None:
    try:
        size = path.stat().st_size
        if size != description.bytes:
            return f"{path.name} has {size} bytes, not {description.bytes}"
        crc32 = 0
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                crc32 = zlib.crc32(chunk, crc32)
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"
    return None if crc32 == description.crc32 else f"{path.name} has another checksum (CRC-32) than was written"


def _sha256(arrays: Mapping[str, ArrayDescription]) -> str:
    content = {name: description.model_dump() for name, description in arrays.items()}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _map(path: Path, description: ArrayDescription) -> IntegerArray:
    if description.size == 0:  # an empty file cannot be mapped
        return np.zeros(0, dtype=description.dtype)
    return np.memmap(path, dtype=description.dtype, mode="r", shape=(description.size,)).view(np.ndarray)

"""Integer arrays that are computed once on a machine and mapped into memory by all its processes.

An entry is a folder of raw array files with a description, named by a hash of the inputs of its content. It is built under a
temporary name and a lock, and appears in one rename: processes that start together build it once, and a killed one leaves no
entry. Where machines share the folder and locks do not reach from one to another, each may build the entry under a temporary name
that holds its host name; the first finished one is used by all. Pages of mapped files are shared by all processes and can be
taken back by the kernel. Entries are never changed and may be deleted while no process reads them.
"""

import json
import os
import shutil
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypedDict

import numpy as np
import numpy.typing as npt
from filelock import FileLock

IntegerArray = npt.NDArray[Any]
"""An array of any integer type."""

_DESCRIPTION = "about.json"


class ArrayDescription(TypedDict):
    """The type and size of an array file, needed to map it."""

    dtype: str
    size: int
    """Number of values."""


class ArrayFile:
    """A file of one array that is written piece by piece."""

    def __init__(self, path: Path, dtype: npt.DTypeLike) -> None:
        self.dtype, self.size = np.dtype(dtype), 0
        self._file: BinaryIO = path.open("wb")

    def append(self, values: IntegerArray) -> None:
        """Add values to the end. Raises OverflowError where they do not fit the file's type."""
        info = np.iinfo(self.dtype)
        if len(values) and not (info.min <= values.min() and values.max() <= info.max):
            raise OverflowError(f"{values.max()} does not fit {self.dtype}")
        self._file.write(np.ascontiguousarray(values, dtype=self.dtype).data)
        self.size += len(values)

    def close(self) -> ArrayDescription:
        """Close the file; returns its description."""
        self._file.close()
        return {"dtype": self.dtype.str, "size": self.size}


class ArrayCache:
    """Entries below a folder; without a folder, arrays are computed in memory each time."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get_or_build(self, key: str, build: Callable[[], Mapping[str, IntegerArray]]) -> dict[str, IntegerArray]:
        """The one-dimensional integer arrays that `build` returns, mapped read-only if there is a folder."""
        if self.folder is None:
            return dict(build())

        def write(entry: Path) -> dict[str, ArrayDescription]:
            descriptions = {}
            for name, values in build().items():
                file = ArrayFile(entry / name, values.dtype)
                file.append(values)
                descriptions[name] = file.close()
            return descriptions

        return self.get_or_write(key, write)

    def get_or_write(self, key: str, write: Callable[[Path], Mapping[str, ArrayDescription]]) -> dict[str, IntegerArray]:
        """The arrays that `write` puts into a folder as `ArrayFile`s; it returns their descriptions by name. Needs a folder."""
        assert self.folder is not None
        entry = self.folder / key
        if not (entry / _DESCRIPTION).is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / f"{key}.lock"):
                if not (entry / _DESCRIPTION).is_file():
                    prefix = f"{key}.{socket.gethostname()}"
                    for leftover in self.folder.glob(f"{prefix}.*.partial"):
                        shutil.rmtree(leftover, ignore_errors=True)  # of a killed process: we hold the lock of this machine
                    temporary = self.folder / f"{prefix}.{os.getpid()}.partial"
                    temporary.mkdir()
                    descriptions = write(temporary)
                    (temporary / _DESCRIPTION).write_text(json.dumps(descriptions))
                    try:
                        temporary.rename(entry)
                    except OSError:
                        if not (entry / _DESCRIPTION).is_file():  # else another machine was faster, with the same content
                            raise
                        shutil.rmtree(temporary)
        found = json.loads((entry / _DESCRIPTION).read_text())
        return {name: _map(entry / name, **description) for name, description in found.items()}


def _map(path: Path, dtype: str, size: int) -> IntegerArray:
    if size == 0:  # an empty file cannot be mapped
        return np.zeros(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r", shape=(size,)).view(np.ndarray)

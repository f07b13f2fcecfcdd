"""Arrays that are worked out once on a machine and mapped into memory by everyone there.

An entry is a folder of raw array files with a description, named by a hash of what its content is a function of. It is built
aside, under a lock, and appears in one rename: processes that start together build it once, and a killed one leaves no entry.
Where machines share the folder and locks do not reach from one to another, each may build it, aside under a name of its own, and
the first one to be ready is taken.
Pages of mapped files are shared by all processes and can be taken back by the kernel. Entries are never changed and may be
deleted whenever nobody reads them.
"""

import json
import os
import shutil
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from filelock import FileLock

Arrays = Mapping[str, npt.NDArray[Any]]

_ABOUT = "about.json"


class ArrayFile:
    """A file of one array that is written piece by piece."""

    def __init__(self, path: Path, dtype: npt.DTypeLike) -> None:
        self.dtype, self.size = np.dtype(dtype), 0
        self._file: BinaryIO = path.open("wb")

    def append(self, values: npt.NDArray[Any]) -> None:
        """Add values to the end. Raises OverflowError where they do not fit the file's type."""
        info = np.iinfo(self.dtype)
        if len(values) and not (info.min <= values.min() and values.max() <= info.max):
            raise OverflowError(f"{values.max()} does not fit {self.dtype}")
        self._file.write(np.ascontiguousarray(values, dtype=self.dtype).data)
        self.size += len(values)

    def close(self) -> dict[str, Any]:
        """End the file; returns its description."""
        self._file.close()
        return {"dtype": self.dtype.str, "size": self.size}


class PlanCache:
    """Entries below a folder; without a folder, arrays are made anew in memory each time."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def arrays(self, key: str, build: Callable[[], Arrays]) -> dict[str, npt.NDArray[Any]]:
        """The arrays that `build` gives (one-dimensional, of integers), mapped read-only if there is a folder."""
        if self.folder is None:
            return dict(build())

        def write(entry: Path) -> dict[str, Any]:
            about = {}
            for name, values in build().items():
                file = ArrayFile(entry / name, values.dtype)
                file.append(values)
                about[name] = file.close()
            return about

        return self.written(key, write)

    def written(self, key: str, write: Callable[[Path], Mapping[str, Any]]) -> dict[str, npt.NDArray[Any]]:
        """The arrays that `write` puts into a folder as `ArrayFile`s, whose descriptions it returns by name; needs a folder."""
        assert self.folder is not None
        entry = self.folder / key
        if not (entry / _ABOUT).is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / f"{key}.lock"):
                if not (entry / _ABOUT).is_file():
                    mine = f"{key}.{socket.gethostname()}"
                    for left in self.folder.glob(f"{mine}.*.partial"):
                        shutil.rmtree(left, ignore_errors=True)  # of a process that was killed: we hold the lock of this machine
                    aside = self.folder / f"{mine}.{os.getpid()}.partial"
                    aside.mkdir()
                    about = write(aside)
                    (aside / _ABOUT).write_text(json.dumps(about))
                    try:
                        aside.rename(entry)
                    except OSError:
                        if not (entry / _ABOUT).is_file():  # else another machine was faster, with the same content
                            raise
                        shutil.rmtree(aside)
        about = json.loads((entry / _ABOUT).read_text())
        return {name: _map(entry / name, **description) for name, description in about.items()}


def _map(path: Path, dtype: str, size: int) -> npt.NDArray[Any]:
    if size == 0:  # an empty file cannot be mapped
        return np.zeros(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r", shape=(size,)).view(np.ndarray)

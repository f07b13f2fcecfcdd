"""Integer arrays that are computed once on a machine and mapped into memory by all its processes.

An entry is a folder of raw array files with a description (`training.data.cache_entries`), named by a hash of the inputs of its
content. It is built under a temporary name and a lock, written through to the disk, and appears in one rename: processes that
start together build it once, and a killed one leaves no entry. Where machines share the folder and locks do not reach from one to
another, each may build the entry under a temporary name that holds its host name; the first finished one is used by all. Pages of
mapped files are shared by all processes and can be taken back by the kernel. Entries are never changed and may be deleted while
no process reads them.

A cache is never the only copy of anything, so it is not trusted either: each process compares an entry with its checksums before
it maps it, and a damaged entry is built again, with a warning that names it.
"""

import logging
import os
import shutil
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from filelock import FileLock

from training.data.cache_entries import (
    ABOUT,
    ArrayDescription,
    ArrayFile,
    IntegerArray,
    find_entry_damage,
    map_entry,
    sync_folder,
    write_description,
)
from training.data.corpus_errors import CorpusError

_log = logging.getLogger(__name__)


class ArrayCache:
    """Entries below a folder; without a folder, arrays are computed in memory each time."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get_or_build(self, key: str, build: Callable[[], Mapping[str, IntegerArray]]) -> dict[str, IntegerArray]:
        """The one-dimensional integer arrays that `build` returns, mapped read-only if there is a folder.

        Raises:
            CorpusError: when the folder cannot be written, or its disk does not keep the bytes that are written.
        """
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
        """The arrays that `write` puts into a folder as `ArrayFile`s; it returns their descriptions by name. Needs a folder.

        Raises:
            CorpusError: when the folder cannot be written, or its disk does not keep the bytes that are written.
        """
        assert self.folder is not None
        entry = self.folder / key
        try:
            if not entry.is_dir() or find_entry_damage(entry) is not None:
                self.folder.mkdir(parents=True, exist_ok=True)
                with FileLock(self.folder / f"{key}.lock"):
                    _write_if_needed(entry, write)
            return map_entry(entry)
        except OSError as error:
            raise CorpusError(
                f"data.cache: {entry} cannot be written ({error.strerror or error}); set data.cache to a folder that this user "
                "can write, on a disk with space left"
            ) from error


def _write_if_needed(entry: Path, write: Callable[[Path], Mapping[str, ArrayDescription]]) -> None:
    """Build an entry that is missing or damaged. The caller holds the lock of this machine; another process may have built it."""
    damage = find_entry_damage(entry) if entry.exists() else "it is missing"
    if damage is None:
        return
    if entry.exists():
        _log.warning("data.cache: the entry %s is damaged and built again: %s", entry, damage)
    prefix = f"{entry.name}.{socket.gethostname()}"
    for leftover in entry.parent.glob(f"{prefix}.*.partial"):
        _remove(leftover)  # of a killed process
    temporary = entry.with_name(f"{prefix}.{os.getpid()}.partial")
    temporary.mkdir()
    write_description(temporary, write(temporary))
    if entry.exists() and find_entry_damage(entry) is not None:
        replaced = entry.with_name(f"{prefix}.{os.getpid()}.replaced.partial")
        entry.rename(replaced)  # processes that have mapped its files keep them
        _remove(replaced)
    try:
        temporary.rename(entry)
    except OSError:
        if not (entry / ABOUT).is_file():  # else another machine was faster, with the same content
            raise
        shutil.rmtree(temporary)
    sync_folder(entry.parent)
    if (damage := find_entry_damage(entry)) is not None:
        raise CorpusError(
            f"data.cache: {entry} was just written and is damaged: {damage}. Check that disk, or set data.cache to a folder on "
            "another one"
        )


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

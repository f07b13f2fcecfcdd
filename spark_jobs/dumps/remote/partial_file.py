"""A file while it is downloaded: `NAME.part`, with its checksum so far and the version of the server's file.

`NAME.part.json` keeps the identity of the version that the server sends (ETag, else Last-Modified), so that a later run can
request the rest of that version only (`Range` with `If-Range`). The file gets its name when it is complete.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from spark_jobs.dumps.remote.download_errors import DownloadError
from spark_jobs.dumps.remote.dump_status import RemoteFile

ByteProgress = Callable[[int], None]
"""Called with the number of bytes of a file that are present, which can become smaller."""


class PartialFile:
    """The file that is being written. A context manager; a lock keeps other processes from writing it too."""

    def __init__(self, target: Path, file: RemoteFile, progress: ByteProgress) -> None:
        self.file = file
        self.bytes = 0
        self.furthest = 0
        """The most bytes that were present in any attempt; an attempt that does not exceed it made no progress."""
        self._target, self._progress = target, progress
        self._path = target.with_name(f"{target.name}.part")
        self._version_path = target.with_name(f"{target.name}.part.json")
        self._digest = hashlib.sha1(usedforsecurity=False)
        self._validator: str | None = None
        self._stream: BinaryIO

    def __enter__(self) -> Self:
        self._stream = self._path.open("a+b")
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._stream.close()
            raise DownloadError(f"{self._path} is being written by another download") from error
        self._resume()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stream.close()

    @property
    def sha1(self) -> str:
        """Checksum of the bytes so far, 40 hex digits."""
        return self._digest.hexdigest()

    def _resume(self) -> None:
        """Continue the part of an earlier run if its version is known, else start again."""
        size = self._path.stat().st_size
        try:
            version = json.loads(self._version_path.read_bytes())
            is_of_file = version["bytes"] == self.file.bytes and version["sha1"] == self.file.sha1
            validator = str(version["validator"])
        except (OSError, ValueError, KeyError, TypeError):
            is_of_file, validator = False, ""
        if not is_of_file or size > self.file.bytes:
            self.restart()
            return
        self._validator = validator
        self._stream.seek(0)
        while chunk := self._stream.read(2**20):
            self._digest.update(chunk)
            self.bytes += len(chunk)
        self._progress(self.bytes)

    def range_headers(self) -> dict[str, str]:
        """Headers that request the missing bytes only; empty if the whole file is needed."""
        if not self.bytes or self._validator is None:
            return {}
        return {"Range": f"bytes={self.bytes}-", "If-Range": self._validator}

    def note_version(self, etag: str | None, last_modified: str | None) -> None:
        """Record which version of the file the server sends. A weak ETag does not identify a range of bytes."""
        validator = etag if etag and not etag.startswith("W/") else last_modified
        if validator is None or validator == self._validator:
            return
        self._validator = validator
        version = {"bytes": self.file.bytes, "sha1": self.file.sha1, "validator": validator}
        self._version_path.write_text(json.dumps(version), encoding="utf-8")

    def write(self, chunk: bytes) -> None:
        """Append bytes."""
        self._stream.write(chunk)
        self._digest.update(chunk)
        self.bytes += len(chunk)
        self.furthest = max(self.furthest, self.bytes)
        self._progress(self.bytes)

    def restart(self) -> None:
        """Drop all bytes and the version."""
        self._stream.truncate(0)
        self._version_path.unlink(missing_ok=True)
        self._digest, self._validator = hashlib.sha1(usedforsecurity=False), None
        self.bytes = 0
        self._progress(0)

    def finish(self) -> None:
        """Sync the bytes to the disk and give the file its name."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._path.replace(self._target)
        self._version_path.unlink(missing_ok=True)

"""Detection of input files that change while a stage reads them, by size and modification time.

A stage reads a dump twice: first its checksum, then its pages. If a download is still running, or the file is replaced, the
pages would be published under the checksum of another file.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from pyarrow import fs

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location


class InputChangedError(ConfigurationError):
    """An input changed after the stage began; the stage published nothing."""


@contextmanager
def require_unchanged(files: Iterable[Location]) -> Iterator[None]:
    """Run the body, and raise `InputChangedError` if one of `files` changed meanwhile.

    The error replaces an exception of the body, because a change of the input may be its cause. Publish after the body, not in
    it. A replacement with the same size and modification time is not detected.

        with require_unchanged([dump]):
            rows = read(dump)
        publish(rows)
    """
    before = [(file, _file_info(file)) for file in files]
    try:
        yield
    except Exception as error:
        if (change := _describe_change(before)) is not None:
            raise InputChangedError(change) from error
        raise
    if (change := _describe_change(before)) is not None:
        raise InputChangedError(change)


def _file_info(file: Location) -> fs.FileInfo:
    return file.filesystem.get_file_info(file.path)


def _describe_change(before: Sequence[tuple[Location, fs.FileInfo]]) -> str | None:
    """The message for the first changed file; None if no file changed."""
    for file, was in before:
        now = _file_info(file)
        if (now.type, now.size, now.mtime_ns) != (was.type, was.size, was.mtime_ns):
            return (
                f"{file.path} changed while it was read: {_describe_file(was)} when the stage began, {_describe_file(now)} now. "
                "The stage published nothing; run it again when the file is complete"
            )
    return None


def _describe_file(info: fs.FileInfo) -> str:
    if info.type is fs.FileType.NotFound:
        return "missing"
    modified = "" if info.mtime_ns is None else f" of {datetime.fromtimestamp(info.mtime_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S.%f} UTC"
    return f"{info.size:,} bytes{modified}"

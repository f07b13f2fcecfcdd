"""Inputs must stay as they are while a stage reads them: size and modification time before, and again before publishing.

A stage reads a dump more than once: its checksum first, its pages after that. A download that goes on meanwhile, or a file that
is replaced, would be published under the checksum of something else.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from pyarrow import fs

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location


class InputChangedError(ConfigurationError):
    """An input is another one than when the stage began; nothing of the stage was published."""


@contextmanager
def unchanged(files: Iterable[Location]) -> Iterator[None]:
    """Run the body, and refuse what it made of `files` if one of them changed meanwhile.

    Raises `InputChangedError`, also in the place of an exception of the body: a task that meets the end of a file that is
    being replaced says something else. Publish after the body, not in it. A file that is replaced by one of the same size and
    time is not noticed.

        with unchanged([dump]):
            rows = read(dump)
        publish(rows)
    """
    before = [(file, _look_at(file)) for file in files]
    try:
        yield
    except Exception as error:
        if (told := _told(before)) is not None:
            raise InputChangedError(told) from error
        raise
    if (told := _told(before)) is not None:
        raise InputChangedError(told)


def _look_at(file: Location) -> fs.FileInfo:
    return file.filesystem.get_file_info(file.path)


def _told(before: Sequence[tuple[Location, fs.FileInfo]]) -> str | None:
    """What changed, in words; None if nothing did."""
    for file, was in before:
        now = _look_at(file)
        if (now.type, now.size, now.mtime_ns) != (was.type, was.size, was.mtime_ns):
            return (
                f"{file.path} changed while it was read: {_describe(was)} when the stage began, {_describe(now)} now; nothing "
                "of the stage was published. Run it again when the file is whole and nothing writes to it any more"
            )
    return None


def _describe(info: fs.FileInfo) -> str:
    if info.type is fs.FileType.NotFound:
        return "not there"
    modified = "" if info.mtime_ns is None else f" of {datetime.fromtimestamp(info.mtime_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S.%f} UTC"
    return f"{info.size:,} bytes{modified}"

"""A position in a SQL dump: a window on the decompressed bytes that grows as the tokenizer needs more."""

import re
from typing import IO

from spark_jobs.dumps.compressed_files import DECOMPRESSION_ERRORS

_READ_BYTES = 2**18
MAX_STATEMENT_BYTES = 2**20
"""Bytes in which a statement without rows must end."""


class SqlError(ValueError):
    """The dump holds bytes that are not a row of its table; the message gives the file, the offset and the bytes."""


class SqlCursor:
    """A growing window on the file: `buffer[position:]` has not been consumed yet."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.name = name
        self.buffer = b""
        self.position = 0
        self._file = file
        self._base = 0

    @property
    def is_empty(self) -> bool:
        """Whether no byte of the file has been read."""
        return self._base + len(self.buffer) == 0

    def read_more(self) -> bool:
        """Drop the consumed bytes and append the next ones; false at the end of the file."""
        try:
            # At least as much as is left, so that a row longer than many windows is not matched again in each of them.
            data = self._file.read(max(_READ_BYTES, len(self.buffer) - self.position))
        except DECOMPRESSION_ERRORS as error:
            raise SqlError(f"{self.name} cannot be decompressed to its end ({error}): is it a whole download?") from error
        self._base += self.position
        self.buffer = self.buffer[self.position :] + data
        self.position = 0
        return bool(data)

    def error(self, what: str) -> SqlError:
        """An error with the offset and the bytes at `position`."""
        at = self._base + self.position
        return SqlError(f"{self.name}, decompressed byte {at}: {what}: {self.buffer[self.position : self.position + 80]!r}")

    def take(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        """The match of `pattern` at `position`, which moves behind it. The pattern must end in a fixed character."""
        while (match := pattern.match(self.buffer, self.position)) is None:
            if len(self.buffer) - self.position > MAX_STATEMENT_BYTES or not self.read_more():
                raise self.error(f"expected {what}")
        self.position = match.end()
        return match

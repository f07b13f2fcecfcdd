"""A file object that computes the size and the SHA-256 of a file while it is written."""

import hashlib
from typing import BinaryIO


class HashingFile:
    """A write-only file that hashes and counts the bytes written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.bytes = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        """Write, hash and count."""
        self.digest.update(data)
        self.bytes += len(data)
        self._file.write(data)
        return len(data)

    def tell(self) -> int:
        """Bytes written."""
        return self.bytes

    def flush(self) -> None:
        """Flush the wrapped file."""
        self._file.flush()

    def close(self) -> None:
        """Close the wrapped file; later calls do nothing."""
        if not self.closed:
            self.closed = True
            self._file.close()

    def seekable(self) -> bool:
        """False."""
        return False

    def readable(self) -> bool:
        """False."""
        return False

    def writable(self) -> bool:
        """True."""
        return True

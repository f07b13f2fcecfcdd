"""A file as decompressed bytes, opened by the ending of its name: .bz2, .gz, .xz, .zst, anything else as it is."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO

import pyarrow as pa

DECOMPRESSION_ERRORS = (EOFError, OSError, lzma.LZMAError, zlib.error)
"""Raised by Python's decompressors for bytes of another format, and for bytes that end too early."""
_OPENERS: dict[str, Callable[[BinaryIO], Any]] = {
    "": lambda file: file,
    ".bz2": bz2.BZ2File,
    ".gz": lambda file: gzip.GzipFile(fileobj=file),
    ".xz": lzma.LZMAFile,
    ".zst": lambda file: pa.CompressedInputStream(file, "zstd"),
}


def open_decompressed(file: BinaryIO, name: str) -> IO[bytes]:
    """The decompressed bytes of an open file called `name`, from its start.

    A file without a byte has no decompressed bytes; the decompressors of bz2 and xz call it cut. A file of several bz2 streams,
    gzip members, xz streams or zstd frames is read to its end, as one.
    """
    if not file.read(1):
        return io.BytesIO()
    file.seek(0)
    opened: IO[bytes] = _OPENERS.get(PurePosixPath(name).suffix, _OPENERS[""])(file)
    return opened

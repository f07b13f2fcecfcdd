"""The comment at the head of a SQL dump, which names the database that it was made from: at Wikimedia, the wiki."""

import re
from typing import BinaryIO

from spark_jobs.dumps.stream_decompression import DECOMPRESSION_ERRORS, open_decompressed

_HEAD_BYTES = 4096
_DATABASE = re.compile(rb"^-- Host: .*\bDatabase: (\S+)\s*$", re.MULTILINE)


def read_database(file: BinaryIO, name: str) -> str | None:
    r"""The database that an open SQL dump says it is of; None where it does not say, or cannot be read so far.

    >>> import io
    >>> read_database(io.BytesIO(b"-- MySQL dump 10.19\n--\n-- Host: 10.64.0.1    Database: elwiki\n"), "x.sql")
    'elwiki'
    """
    try:
        head = open_decompressed(file, name).read(_HEAD_BYTES)
    except DECOMPRESSION_ERRORS:  # whoever reads the table will say more
        return None
    match = _DATABASE.search(head)
    return None if match is None else match[1].decode("utf-8", errors="replace")

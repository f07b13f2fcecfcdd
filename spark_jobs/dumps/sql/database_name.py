"""The comment at the head of a SQL dump that names its database: at Wikimedia, the wiki id."""

import re
from typing import BinaryIO

from spark_jobs.dumps.compressed_files import DECOMPRESSION_ERRORS, open_decompressed

_HEAD_BYTES = 4096
_DATABASE = re.compile(rb"^-- Host: .*\bDatabase: (\S+)\s*$", re.MULTILINE)


def read_database(file: BinaryIO, name: str) -> str | None:
    r"""The database that an open SQL dump names in its head; None if it names none or its head cannot be read.

    >>> import io
    >>> read_database(io.BytesIO(b"-- MySQL dump 10.19\n--\n-- Host: 10.64.0.1    Database: elwiki\n"), "x.sql")
    'elwiki'
    """
    try:
        head = open_decompressed(file, name).read(_HEAD_BYTES)
    except DECOMPRESSION_ERRORS:  # reading the table will raise with the details
        return None
    match = _DATABASE.search(head)
    return None if match is None else match[1].decode("utf-8", errors="replace")

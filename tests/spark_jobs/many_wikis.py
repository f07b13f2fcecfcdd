"""Dumps of any number of wikis, made of the sample's pages."""

import bz2
import gzip
import io
import itertools
from pathlib import Path

from spark_jobs.dumps.stream_starts import scan_streams

SOURCE = "eswiki"
DATE = "20240101"


def make_dumps(sample: Path, folder: Path, streams: dict[str, int]) -> None:
    """Write a dump for each wiki: the head of the sample's, said to be of that wiki, and as many of its streams of pages.

    More than there are is as many times all of them, so that a wiki may be as large as is wanted; repeated pages are pages.
    """
    data = (sample / "dumps" / f"{SOURCE}-{DATE}-pages-articles-multistream.xml.bz2").read_bytes()
    starts = [*scan_streams(io.BytesIO(data)), len(data)]
    head, *pages, tail = [data[start:end] for start, end in itertools.pairwise(starts)]
    sql = gzip.decompress((sample / "dumps" / f"{SOURCE}-{DATE}-langlinks.sql.gz").read_bytes())
    for wiki, count in streams.items():
        own = bz2.compress(bz2.decompress(head).replace(b"<dbname>eswiki<", b"<dbname>%s<" % wiki.encode()))
        body = (pages * (-(-count // len(pages))))[:count]
        (folder / f"{wiki}-{DATE}-pages-articles-multistream.xml.bz2").write_bytes(b"".join([own, *body, tail]))
        (folder / f"{wiki}-{DATE}-langlinks.sql.gz").write_bytes(gzip.compress(sql.replace(b"eswiki", wiki.encode())))


def damage_last_stream(folder: Path, wiki: str) -> bytes:
    """Make a stream of a wiki's dump unreadable; returns the bytes as they were."""
    path = folder / f"{wiki}-{DATE}-pages-articles-multistream.xml.bz2"
    data = path.read_bytes()
    start = scan_streams(io.BytesIO(data))[-2]
    path.write_bytes(data[: start + 60] + b"\xff" * 10 + data[start + 70 :])
    return data

"""Dumps of any number of wikis, made from the pages of the sample."""

import bz2
import gzip
import io
import itertools
from pathlib import Path

from spark_jobs.dumps.stream_starts import scan_streams

SOURCE = "eswiki"
DATE = "20240101"


def make_dumps(sample: Path, folder: Path, streams: dict[str, int]) -> None:
    """Write a dump for each wiki: the sample's head with the name of the wiki, and the given number of its streams of pages.

    If the number is larger than the sample, the streams repeat, so that a wiki can have any size. Repeated pages count as pages.
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
    """Make the last stream of pages of a dump unreadable; returns the undamaged bytes."""
    path = folder / f"{wiki}-{DATE}-pages-articles-multistream.xml.bz2"
    data = path.read_bytes()
    start = scan_streams(io.BytesIO(data))[-2]
    path.write_bytes(data[: start + 60] + b"\xff" * 10 + data[start + 70 :])
    return data

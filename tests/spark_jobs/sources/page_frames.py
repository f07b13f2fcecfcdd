"""Frames of the data source `mediawiki`, their plans, and the pages of a dump parsed without it."""

import contextlib
import io
import re

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.dumps.page_cutting import split_pages
from spark_jobs.dumps.page_parsing import parse_page
from spark_jobs.dumps.stream_decompression import StreamChunk

DUMP = "eswiki-20240101-pages-articles-multistream.xml.bz2"


COLUMNS = ["page_id", "namespace", "title", "redirect", "revision_id", "timestamp", "model", "text"]


def pages(session: SparkSession, path: object, **options: object) -> DataFrame:
    return session.read.format("mediawiki").options(**options).load(path if isinstance(path, list) else str(path))  # type: ignore[arg-type]


def parse_directly(xml: bytes) -> list[tuple]:
    """The pages of a dump as rows of the first columns, in its order."""
    found = [parse_page(page.xml) for page in split_pages([StreamChunk(0, xml)])]
    return [tuple(getattr(page, name) for name in COLUMNS) for page in found]


def values(frame: DataFrame, columns: list[str]) -> list[tuple]:
    """Rows as tuples, in the order of the file. Through Arrow, which keeps the zone of timestamps."""
    places = ["file", "stream_offset", "page_offset"]
    table: pa.Table = frame.select(*dict.fromkeys([*places, *columns])).toArrow()
    ordered = table.sort_by([(name, "ascending") for name in places])
    return [tuple(row[name] for name in columns) for row in ordered.to_pylist()]


def plan_of(frame: DataFrame) -> tuple[str, bool]:
    """The filters that the source applies, as `explain("formatted")` lists them, and whether Spark filters too."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        frame.explain("formatted")
    plan = printed.getvalue()
    pushed = re.search(r"^PushedFilters: \[(.*)\]$", plan, re.MULTILINE)
    return "" if pushed is None else pushed[1], re.search(r"^\(\d+\) Filter", plan, re.MULTILINE) is not None

"""Columns and options of the data source `mediawiki`."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from spark_jobs.dumps.page_cutting import MAX_PAGE_BYTES
from spark_jobs.dumps.stream_decompression import MAX_STREAM_BYTES
from spark_jobs.sources.source_options import ReadMode, check_names, read_flag, read_mode, read_names, read_numbers, read_size

PAGE_SCHEMA = pa.schema(
    [
        ("page_id", pa.int64()),
        ("namespace", pa.int32()),
        ("title", pa.string()),
        ("redirect", pa.string()),
        ("revision_id", pa.int64()),
        ("timestamp", pa.timestamp("us", tz="UTC")),
        ("model", pa.string()),
        ("text", pa.string()),
        ("file", pa.string()),
        ("stream_offset", pa.int64()),
        ("page_offset", pa.int64()),
        ("_corrupt_record", pa.string()),
        ("_corrupt_reason", pa.string()),
    ]
)
"""All columns of the source, in their order."""
OPTION_NAMES = (
    "path",
    "paths",
    "columns",
    "mode",
    "namespaces",
    "bytesPerPartition",
    "maxPageBytes",
    "maxStreamBytes",
    "pushFilters",
)
FILTERED_COLUMNS = ("namespace", "page_id")
"""Columns whose filters are applied before a page is parsed."""
_BYTES_PER_PARTITION = 32 * 2**20


@dataclass(frozen=True)
class MediaWikiOptions:
    """The parsed options of a read; see `MediaWikiSource`."""

    columns: tuple[str, ...]
    mode: ReadMode
    namespaces: frozenset[int] | None
    bytes_per_partition: int
    max_page_bytes: int
    max_stream_bytes: int
    push_filters: bool = False

    @classmethod
    def of(cls, options: Mapping[str, str]) -> "MediaWikiOptions":
        """Parse the options. Raises `SourceError` for an unknown option or a malformed value."""
        named = check_names(options, OPTION_NAMES)
        return cls(
            columns=read_names("columns", named.get("columns"), PAGE_SCHEMA.names, PAGE_SCHEMA.names),
            mode=read_mode(named.get("mode")),
            namespaces=read_numbers("namespaces", named.get("namespaces")),
            bytes_per_partition=read_size("bytesPerPartition", named.get("bytesPerPartition"), _BYTES_PER_PARTITION),
            max_page_bytes=read_size("maxPageBytes", named.get("maxPageBytes"), MAX_PAGE_BYTES),
            max_stream_bytes=read_size("maxStreamBytes", named.get("maxStreamBytes"), MAX_STREAM_BYTES),
            push_filters=read_flag("pushFilters", named.get("pushFilters")),
        )

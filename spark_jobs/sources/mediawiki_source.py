"""The data source `mediawiki`: pages of XML dumps as rows."""

import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from spark_jobs.common.storage import Location
from spark_jobs.dumps.stream_decompression import MAX_STREAM_BYTES, StreamError, find_boundaries, read_whole
from spark_jobs.dumps.export_head import namespaces_by_name, read_head
from spark_jobs.dumps.page_cutting import MAX_PAGE_BYTES, HistoryError, Page, PageError, RawPage, name_page, parse_page, read_pages
from spark_jobs.sources.source_options import (
    Mode,
    SourceError,
    check_names,
    find_files,
    read_mode,
    read_names,
    read_numbers,
    read_size,
    refuse_twice,
)

_SCHEMA = pa.schema(
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
_OPTIONS = ("path", "paths", "columns", "mode", "namespaces", "bytesPerPartition", "maxPageBytes", "maxStreamBytes")
_BYTES_PER_PARTITION = 32 * 2**20
# As in a build: the rest of a page that the compressor cut lies in the next streams, and 32 of them hold any page.
_STREAMS_BEYOND = 32
_BATCH_ROWS = 1000
_BATCH_CHARACTERS = 8 * 2**20
_CORRUPT_BYTES = 64 * 2**10
_PAGES = re.compile(r"\.xml(?:-p\d+p\d+)?(?:\.(?:bz2|gz|xz|zst))?$")
_DUMPS = re.compile(r"-pages-(?:articles|meta-current)(?:-multistream)?\d*\.xml(?:-p\d+p\d+)?(?:\.(?:bz2|gz|xz|zst))?$")
_FORM = re.compile(
    r"(?P<dump>[a-z][a-z0-9_]*-\d{8})-pages-(?P<kind>articles|meta-current)(?P<multistream>-multistream)?(?P<part>\d*)"
    r"\.xml(?P<range>-p\d+p\d+)?(?P<codec>\.\w+|)"
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MediaWikiOptions:
    """The options of a read, understood."""

    columns: tuple[str, ...]
    mode: Mode
    namespaces: frozenset[int] | None
    bytes_per_partition: int
    max_page_bytes: int
    max_stream_bytes: int

    @classmethod
    def of(cls, options: Mapping[str, str]) -> "MediaWikiOptions":
        """Raises `SourceError` for an option or a value that there is none of."""
        named = check_names(options, _OPTIONS)
        return cls(
            columns=read_names("columns", named.get("columns"), _SCHEMA.names, _SCHEMA.names),
            mode=read_mode(named.get("mode")),
            namespaces=read_numbers("namespaces", named.get("namespaces")),
            bytes_per_partition=read_size("bytesPerPartition", named.get("bytesPerPartition"), _BYTES_PER_PARTITION),
            max_page_bytes=read_size("maxPageBytes", named.get("maxPageBytes"), MAX_PAGE_BYTES),
            max_stream_bytes=read_size("maxStreamBytes", named.get("maxStreamBytes"), MAX_STREAM_BYTES),
        )


@dataclass
class PagesPartition(InputPartition):
    """The streams that begin in bytes `begin` to `end` of a bz2 file, or a file of another kind as a whole.

    `namespaces` are those of the file's head, for exports that name none in their pages.
    """

    file: Location
    begin: int
    end: int
    size: int
    namespaces: dict[str, int] | None


class MediaWikiSource(DataSource):
    """`spark.read.format("mediawiki")`: one row for each page of MediaWiki XML dumps at its only revision.

        spark.read.format("mediawiki").option("namespaces", "0").option("columns", "title,text").load("dumps/jawiki-*.xml.bz2")

    Options (names without regard to case; any other is an error):

    - `path`: a file, a folder or a glob, local or a URI of `spark_jobs.common.storage.Location` (hdfs, s3). Files end in .xml, .xml.bz2,
      .xml.gz, .xml.xz or .xml.zst. Of a folder, all files named `…-pages-articles…` or `…-pages-meta-current…` are read, and an
      error names two that hold the same pages.
    - `columns`: those wanted, in this order, separated by commas; all by default. A schema given to `.schema()` does the same.
    - `mode`: `PERMISSIVE` (default), `DROPMALFORMED` or `FAILFAST`, see below.
    - `namespaces`: numbers, separated by commas, of the namespaces wanted; all by default.
    - `bytesPerPartition`: compressed bytes of a bz2 file that one task reads, 32m by default. A partition holds the streams that
      begin in its bytes: it scans them for starts, and some that follow, to finish a page that goes on there. The driver reads
      only the heads of the files. What is one stream, and a file of another kind, is read by one task, whatever its size.
    - `maxPageBytes`: 64m by default; a page of more XML is malformed.
    - `maxStreamBytes`: 4g by default; a bz2 stream that gives more, and more than 100 times its own bytes, is malformed. No limit
      holds for other kinds of files, which are read piece by piece.

    Columns: page_id, namespace, title, redirect (the target as MediaWiki resolved it; empty on redirects of exports up to 0.5,
    null on other pages), revision_id, timestamp, model, text; file (name), stream_offset and page_offset (where the page is: the
    compressed offset of its stream, and the offset in that stream's decompressed bytes); _corrupt_record and _corrupt_reason.

    A page that cannot be used (malformed, cut, too long, its text left out) is a row with the first 64 KiB of its XML in
    `_corrupt_record` and the reason in `_corrupt_reason` under PERMISSIVE, with page_id and title where they can be read; a
    stream that cannot be read is such a row without page_offset, its record empty. Such rows are given whatever `namespaces`
    says. Both are dropped under DROPMALFORMED and an error under FAILFAST. A dump of full histories is an error in every mode.

    What it cannot do, because Spark does not tell a Python data source: skip columns that a query does not use (name them in
    `columns`), or skip rows that a filter drops (use `namespaces`): both are done by Spark, after reading. No streaming, no
    writing.
    """

    @classmethod
    def name(cls) -> str:
        """The name of the format."""
        return "mediawiki"

    def schema(self) -> StructType:
        """The chosen columns."""
        return _spark_schema(MediaWikiOptions.of(self.options).columns)

    def reader(self, schema: StructType) -> DataSourceReader:
        """A reader of the columns of `schema`, which must be among ours. Raises `SourceError`."""
        known = _spark_schema(_SCHEMA.names)
        for field in schema.fields:
            if field.name not in known.names:
                raise SourceError(f"schema: {field.name!r} is no column of this source; these are {', '.join(known.names)}")
            if field.dataType != known[field.name].dataType:
                ours = known[field.name].dataType.simpleString()
                raise SourceError(f"schema: column {field.name!r} is {ours}, not {field.dataType.simpleString()}")
        options = dict(self.options)
        return MediaWikiReader(MediaWikiOptions.of(options | {"columns": ",".join(schema.names)}), check_names(options, _OPTIONS))


def _spark_schema(columns: Sequence[str]) -> StructType:
    schema: StructType = from_arrow_schema(pa.schema([_SCHEMA.field(column) for column in columns]))
    return schema


class MediaWikiReader(DataSourceReader):
    """Plans on the driver, reads in tasks."""

    def __init__(self, settings: MediaWikiOptions, options: dict[str, str]) -> None:
        self._settings = settings
        self._options = options

    def partitions(self) -> list[PagesPartition]:
        """Runs of bytes of the bz2 files, whole files of the other kinds. Raises `SourceError` for a file that is no export."""
        files = find_files(self._options, _PAGES, _DUMPS)
        _refuse_same_pages([file.name for file in files])
        found: list[PagesPartition] = []
        for file in files:
            size, namespaces = file.size(), _namespaces_of(file, self._settings.mode)
            step = self._settings.bytes_per_partition if file.name.endswith(".bz2") else max(1, size)
            begins = range(0, max(1, size), step)
            found += [PagesPartition(file, begin, min(begin + step, size), size, namespaces) for begin in begins]
        return found

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The pages of a partition as record batches."""
        if not isinstance(partition, PagesPartition):
            return
        batch = _Batch(partition.file.name, self._settings)
        try:
            for page in _raw_pages(partition, batch, self._settings):
                batch.add(page, partition.namespaces)
                if batch.is_full:
                    yield batch.take()
        except HistoryError as error:
            raise SourceError(f"{partition.file.name}: {error}") from error
        if batch.rows:
            yield batch.take()


def _raw_pages(partition: PagesPartition, batch: "_Batch", settings: MediaWikiOptions) -> Iterator[RawPage]:
    end = partition.end

    def report(error: StreamError) -> None:
        # A stream further on is reported by the partition that owns it.
        if error.offset < end or end == partition.size:
            batch.add_bad(error.reason, error.offset)

    with partition.file.open() as file:
        boundaries: tuple[int, ...] = ()
        if partition.file.name.endswith(".bz2"):
            boundaries = find_boundaries(file, partition.begin, partition.end, partition.size, _STREAMS_BEYOND)
            if not boundaries:
                return
            # Up to the first start that another partition finds: a stream between, with a damaged signature, is found by nobody.
            end = next((start for start in boundaries if start >= partition.end), partition.size)
        limits = settings.max_page_bytes, settings.max_stream_bytes
        yield from read_pages(file, partition.file.name, boundaries, end, report, *limits)


class _Batch:
    """Rows on their way into a record batch."""

    def __init__(self, file: str, settings: MediaWikiOptions) -> None:
        self.rows: list[dict[str, Any]] = []
        self._characters = 0
        self._file = file
        self._settings = settings
        self._schema = pa.schema([_SCHEMA.field(column) for column in settings.columns])

    def add(self, raw: RawPage, namespaces: Mapping[str, int] | None) -> None:
        try:
            if raw.problem is not None:
                raise PageError(raw.problem)
            page = parse_page(raw.xml, namespaces)
        except HistoryError:
            raise
        except PageError as error:
            self.add_bad(str(error), raw.stream_offset, raw)
            return
        if self._settings.namespaces is None or page.namespace in self._settings.namespaces:
            self._append({name: getattr(page, name) for name in Page.__slots__}, raw.stream_offset, raw.page_offset)

    def add_bad(self, reason: str, stream_offset: int, raw: RawPage | None = None) -> None:
        """A page, or without one a stream, that cannot be used."""
        if self._settings.mode == "DROPMALFORMED":
            return
        page_id, title = (None, None) if raw is None else name_page(raw.xml)
        if self._settings.mode == "FAILFAST":
            where = f"{self._file}, stream at compressed byte {stream_offset}"
            where += "" if raw is None else f", <page> at byte {raw.page_offset} of it (page {page_id}, {title!r})"
            raise SourceError(f"{where}: {reason}. To go on without it use mode PERMISSIVE or DROPMALFORMED")
        record = "" if raw is None else raw.xml[:_CORRUPT_BYTES].decode("utf-8", errors="replace")
        row = {"page_id": page_id, "title": title, "_corrupt_record": record, "_corrupt_reason": reason}
        self._append(row, stream_offset, None if raw is None else raw.page_offset)

    def _append(self, row: dict[str, Any], stream_offset: int, page_offset: int | None) -> None:
        self.rows.append(row | {"file": self._file, "stream_offset": stream_offset, "page_offset": page_offset})
        self._characters += len(row.get("text") or row.get("_corrupt_record") or "")

    @property
    def is_full(self) -> bool:
        return len(self.rows) >= _BATCH_ROWS or self._characters >= _BATCH_CHARACTERS

    def take(self) -> pa.RecordBatch:
        arrays = [pa.array([row.get(field.name) for row in self.rows], field.type) for field in self._schema]
        self.rows, self._characters = [], 0
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def _namespaces_of(file: Location, mode: Mode) -> dict[str, int] | None:
    """The namespaces in the file's head; None if the head lies in a stream that cannot be read. Raises `SourceError`."""
    try:
        with file.open() as opened:
            head = read_head(read_whole(opened, file.name), file.name)
    except PageError as error:
        raise SourceError(str(error)) from error
    except StreamError as error:
        if mode == "FAILFAST":
            raise SourceError(f"{file.name}: {error}. To go on without it use mode PERMISSIVE or DROPMALFORMED") from error
        return None
    if head.warning is not None:
        _log.warning(head.warning)
    return namespaces_by_name(head.siteinfo)


def _refuse_same_pages(names: Sequence[str]) -> None:
    """Raise `SourceError` for two files that hold the same pages, in one form or two."""
    refuse_twice(names)
    forms: dict[str, dict[tuple[str | None, ...], str]] = defaultdict(dict)
    for name in names:
        if (match := _FORM.fullmatch(name)) is not None:
            is_part = "part" if match["part"] or match["range"] else None
            forms[match["dump"]].setdefault((match["kind"], match["multistream"], is_part, match["codec"]), name)
    for found in forms.values():
        if len(found) > 1:
            one, other = list(found.values())[:2]
            raise SourceError(
                f"{one} and {other} hold the same pages: choose one with a path such as 'FOLDER/*-multistream*.bz2'"
            )

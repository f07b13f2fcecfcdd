"""The data source `mediawiki`: pages of XML dumps as rows."""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, Filter, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from spark_jobs.common.storage import Location
from spark_jobs.dumps.dump_pages import read_pages
from spark_jobs.dumps.export_head import namespaces_by_name, read_head
from spark_jobs.dumps.page_cutting import RawPage
from spark_jobs.dumps.page_errors import HistoryError, PageError
from spark_jobs.dumps.stream_decompression import StreamError, read_whole
from spark_jobs.dumps.stream_starts import STREAMS_BEYOND, find_boundaries
from spark_jobs.sources.mediawiki_options import FILTERED_COLUMNS, OPTION_NAMES, PAGE_SCHEMA, MediaWikiOptions
from spark_jobs.sources.page_batches import PageBatch
from spark_jobs.sources.pushed_filters import Conditions, take_number_filters
from spark_jobs.sources.source_options import ReadMode, SourceError, check_names
from spark_jobs.sources.source_paths import find_files, refuse_duplicate_names
from spark_jobs.sources.table_options import drop_table_properties, is_of_table, recall_options, remember_options

_PAGES = re.compile(r"\.xml(?:-p[0-9]+p[0-9]+)?(?:\.(?:bz2|gz|xz|zst))?$")
_DUMPS = re.compile(r"-pages-(?:articles|meta-current)(?:-multistream)?[0-9]*\.xml(?:-p[0-9]+p[0-9]+)?(?:\.(?:bz2|gz|xz|zst))?$")
_FORM = re.compile(
    r"(?P<dump>[a-z][a-z0-9_]*-[0-9]{8})-pages-(?P<kind>articles|meta-current)(?P<multistream>-multistream)?(?P<part>[0-9]*)"
    r"\.xml(?P<range>-p[0-9]+p[0-9]+)?(?P<codec>\.\w+|)"
)
_log = logging.getLogger(__name__)


@dataclass
class PagesPartition(InputPartition):
    """The streams that begin in bytes `begin` to `end` of a bz2 file, or a whole file of another kind.

    `namespaces` are those of the file's head, for exports whose pages have no `<ns>`.
    """

    file: Location
    begin: int
    end: int
    size: int
    namespaces: dict[str, int] | None


class MediaWikiSource(DataSource):
    """`spark.read.format("mediawiki")`: one row for each page of MediaWiki XML dumps at its only revision.

        spark.read.format("mediawiki").option("namespaces", "0").option("columns", "title,text").load("dumps/jawiki-*.xml.bz2")

    Options (case is ignored; any other option is an error):

    - `path`: a file, a folder or a glob, local or a URI of `spark_jobs.common.storage.Location` (hdfs, s3). Files end in .xml,
      .xml.bz2, .xml.gz, .xml.xz or .xml.zst. In a folder, all files named `…-pages-articles…` or `…-pages-meta-current…` are
      read; two that hold the same pages are an error.
    - `columns`: the wanted columns in their order, separated by commas; all by default. A schema given to `.schema()` does the
      same.
    - `mode`: `PERMISSIVE` (default), `DROPMALFORMED` or `FAILFAST`, see below.
    - `namespaces`: numbers of the wanted namespaces, separated by commas; all by default. Under DROPMALFORMED, pages of other
      namespaces are not parsed.
    - `pushFilters`: `true` applies the filters of a query that compare `namespace` or `page_id` with numbers before a page is
      parsed; `explain("formatted")` lists them as `PushedFilters`. Under FAILFAST every page is parsed, so that no malformed page
      is missed. Needs `spark.sql.python.filterPushdown.enabled`, and a new `load` for each query and each side of a join: Spark
      4.1 to 4.3 apply the filters of one query to the next one on the same frame. `false` by default.
    - `bytesPerPartition`: compressed bytes of a bz2 file that one task reads, 32m by default. A partition holds the streams that
      begin in its bytes: the task scans them for starts, and some that follow, to finish a page that continues there. The driver
      reads only the heads of the files. A file that is one stream, or of another kind, is read by one task, whatever its size.
    - `maxPageBytes`: 64m by default; a page of more XML is malformed.
    - `maxStreamBytes`: 4g by default; a bz2 stream that gives more, and more than 100 times its compressed bytes, is malformed.
      Files of other kinds have no limit; they are read piece by piece.

    Columns: page_id, namespace, title, redirect (the target as MediaWiki resolved it; empty on redirects of exports up to 0.5,
    null on other pages), revision_id, timestamp, model, text; file (name), stream_offset and page_offset (the position of the
    page: the compressed offset of its stream, and the offset in that stream's decompressed bytes); _corrupt_record and
    _corrupt_reason.

    A page that cannot be used (malformed, cut, too long, its text left out) is a row with the first 64 KiB of its XML in
    `_corrupt_record` and the reason in `_corrupt_reason` under PERMISSIVE, with page_id and title if they can be read. A stream
    that cannot be read is a row without page_offset and with an empty record. `namespaces` does not filter these rows. Both are
    dropped under DROPMALFORMED and an error under FAILFAST. A dump of full histories is an error in every mode.

    `CREATE TABLE pages USING mediawiki OPTIONS (path 'dumps', namespaces '0')` keeps its options unless it lists columns; choose
    those with the option `columns`.

    Limitations: Spark does not pass the columns of a query to a Python data source, and its filters only with `pushFilters`; it
    applies both after reading. Use `columns` and `namespaces`. Streaming and writing are not supported.
    """

    @classmethod
    def name(cls) -> str:
        """The name of the format."""
        return "mediawiki"

    def schema(self) -> StructType:
        """The chosen columns."""
        options = drop_table_properties(self.options, OPTION_NAMES)
        schema = _spark_schema(MediaWikiOptions.of(options).columns)
        return remember_options(schema, options) if is_of_table(self.options) else schema

    def reader(self, schema: StructType) -> DataSourceReader:
        """A reader of the columns of `schema`. Raises `SourceError` for a column that the source does not have."""
        known = _spark_schema(PAGE_SCHEMA.names)
        for field in schema.fields:
            if field.name not in known.names:
                raise SourceError(f"schema: {field.name!r} is not a column of this source; these are {', '.join(known.names)}")
            if field.dataType != known[field.name].dataType:
                ours = known[field.name].dataType.simpleString()
                raise SourceError(f"schema: column {field.name!r} is {ours}, not {field.dataType.simpleString()}")
        options = check_names(recall_options(schema, self.options), OPTION_NAMES)
        parsed = MediaWikiOptions.of(options | {"columns": ",".join(schema.names)})
        return (FilteringMediaWikiReader if parsed.push_filters else MediaWikiReader)(parsed, options)


def _spark_schema(columns: Sequence[str]) -> StructType:
    schema: StructType = from_arrow_schema(pa.schema([PAGE_SCHEMA.field(column) for column in columns]))
    return schema


class MediaWikiReader(DataSourceReader):
    """Plans partitions on the driver and reads them in tasks."""

    def __init__(self, options: MediaWikiOptions, named: Mapping[str, str]) -> None:
        """`named` are the options as text, for the paths."""
        self._options = options
        self._named = named
        self._conditions: Conditions = {}

    def partitions(self) -> list[PagesPartition]:
        """Ranges of bytes of the bz2 files, and whole files of the other kinds. Raises `SourceError` unless all are exports."""
        files = find_files(self._named, _PAGES, _DUMPS)
        _refuse_same_pages([file.name for file in files])
        found: list[PagesPartition] = []
        for file in files:
            size, namespaces = file.size(), _read_namespaces(file, self._options.mode)
            step = self._options.bytes_per_partition if file.name.endswith(".bz2") else max(1, size)
            begins = range(0, max(1, size), step)
            found += [PagesPartition(file, begin, min(begin + step, size), size, namespaces) for begin in begins]
        return found

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The pages of a partition as record batches."""
        if not isinstance(partition, PagesPartition):
            return
        batch = PageBatch(partition.file.name, self._options, self._conditions)
        try:
            for page in _raw_pages(partition, batch, self._options):
                batch.add(page, partition.namespaces)
                if batch.is_full:
                    yield batch.take()
        except HistoryError as error:
            raise SourceError(f"{partition.file.name}: {error}") from error
        if batch.rows:
            yield batch.take()


class FilteringMediaWikiReader(MediaWikiReader):
    """A reader for one query, which applies its filters on namespace and page id."""

    def pushFilters(self, filters: list[Filter]) -> Iterable[Filter]:  # noqa: N802  (Spark's name)
        """Take the filters on namespace and page id; returns those that Spark must evaluate."""
        self._conditions, left = take_number_filters(filters, FILTERED_COLUMNS)
        return left


def _raw_pages(partition: PagesPartition, batch: PageBatch, options: MediaWikiOptions) -> Iterator[RawPage]:
    end = partition.end

    def report(error: StreamError) -> None:
        # A stream behind the partition is reported by the partition that owns it.
        if error.offset < end or end == partition.size:
            batch.add_corrupt(error.reason, error.offset)

    with partition.file.open() as file:
        boundaries: tuple[int, ...] = ()
        if partition.file.name.endswith(".bz2"):
            boundaries = find_boundaries(file, partition.begin, partition.end, partition.size, STREAMS_BEYOND)
            if not boundaries:
                return
            # Up to the first start that another partition finds: no partition finds a stream between with a damaged signature.
            end = next((start for start in boundaries if start >= partition.end), partition.size)
        limits = options.max_page_bytes, options.max_stream_bytes
        yield from read_pages(file, partition.file.name, boundaries, end, report, *limits)


def _read_namespaces(file: Location, mode: ReadMode) -> dict[str, int] | None:
    """The namespaces in the file's head; None if the head is in a stream that cannot be read. Raises `SourceError`."""
    try:
        with file.open() as opened:
            head = read_head(read_whole(opened, file.name), file.name)
    except PageError as error:
        raise SourceError(str(error)) from error
    except StreamError as error:
        if mode == "FAILFAST":
            raise SourceError(f"{file.name}: {error}. To read the rest, use mode PERMISSIVE or DROPMALFORMED") from error
        return None
    if head.warning is not None:
        _log.warning(head.warning)
    return namespaces_by_name(head.siteinfo)


def _refuse_same_pages(names: Sequence[str]) -> None:
    """Raise `SourceError` for two files that hold the same pages, in one form or two."""
    refuse_duplicate_names(names)
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

"""The data source `mediawiki-sql`: rows of the SQL tables that Wikimedia publishes (langlinks, page, redirect, ...)."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, Filter, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from spark_jobs.common.storage import Location
from spark_jobs.dumps.compressed_files import open_decompressed
from spark_jobs.dumps.sql.insert_rows import SqlValue
from spark_jobs.dumps.sql.sql_cursor import SqlCursor, SqlError
from spark_jobs.dumps.sql.sql_statements import read_create
from spark_jobs.dumps.sql.table_reader import read_rows
from spark_jobs.sources.pushed_filters import take_equalities
from spark_jobs.sources.source_options import SourceError, check_names, read_flag, read_names
from spark_jobs.sources.source_paths import find_files, refuse_duplicate_names
from spark_jobs.sources.table_options import drop_table_properties, is_of_table, recall_options, remember_options
from spark_jobs.sources.where_option import read_conditions

_OPTIONS = ("path", "paths", "columns", "where", "pushFilters")
_TABLES = re.compile(r"\.sql(?:\.(?:gz|bz2|xz|zst))?$")
_NAME = re.compile(r"[a-z][a-z0-9_]*-[0-9]{8}-(?P<table>\w+)\.sql(?:\.\w+)?")
_FILE = pa.field("file", pa.string())


@dataclass
class TablePartition(InputPartition):
    """One file."""

    file: Location


class MediaWikiSqlSource(DataSource):
    """`spark.read.format("mediawiki-sql")`: the rows of a table dump, `…-langlinks.sql.gz` for one.

        spark.read.format("mediawiki-sql").option("where", "ll_lang=en,ja").load("dumps/jawiki-20240101-langlinks.sql.gz")

    Options (case is ignored; any other option is an error):

    - `path`: a file, a folder or a glob, local or a URI of `spark_jobs.common.storage.Location` (hdfs, s3). Files end in .sql,
      .sql.gz, .sql.bz2, .sql.xz or .sql.zst, and hold the same table, of any wikis.
    - `columns`: the wanted columns in their order, separated by commas. Default: all of the table. `file`, the name of the file,
      is an extra column.
    - `where`: conditions `column=value,value`, separated by `;`. A row is read if all of them hold. Values may be in quotes
      as in SQL: `ll_lang='en'; ll_title="Rock, paper"`. Other operators, `AND` and wildcards are errors.
    - `pushFilters`: `true` applies the filters of a query that ask for equality with integers or texts (`=`, `IN`, `IS NULL`)
      while reading, as `where` does; `explain("formatted")` lists them as `PushedFilters`. Its conditions are those of
      `pushFilters` in `MediaWikiSource`.

    Columns and types are those of `CREATE TABLE` in the first file; a file whose table lacks one, or has it with another type, is
    an error (integers are long, floats and decimals double, all else string: see `spark_jobs.dumps.sql.table_reader`).

    ``CREATE TABLE links USING `mediawiki-sql` OPTIONS (path 'dumps/*-langlinks.sql.gz')`` keeps its options unless it lists
    columns; choose those with the option `columns`.

    Each file is one partition, because its rows cannot be found from the middle. Always fail-fast: a malformed row raises with
    its byte offset. Limitations: Spark does not pass the columns of a query to a Python data source, and its filters only with
    `pushFilters`, so it applies both after reading. Use `columns` and `where`.
    """

    @classmethod
    def name(cls) -> str:
        """The name of the format."""
        return "mediawiki-sql"

    def schema(self) -> StructType:
        """The chosen columns with the types of the first file's table. Raises `SourceError`."""
        options = drop_table_properties(self.options, _OPTIONS)
        schema: StructType = from_arrow_schema(_plan(options, None).schema)
        return remember_options(schema, options) if is_of_table(self.options) else schema

    def reader(self, schema: StructType) -> DataSourceReader:
        """A reader of the columns of `schema`. Raises `SourceError` unless they are columns of the table."""
        reader = _plan(recall_options(schema, self.options), schema.names)
        ours: StructType = from_arrow_schema(reader.schema)
        for field, own in zip(schema.fields, ours.fields, strict=True):
            if field.dataType != own.dataType:
                given = field.dataType.simpleString()
                raise SourceError(f"schema: column {own.name!r} is {own.dataType.simpleString()}, not {given}")
        return reader


def _plan(given: Mapping[str, str], columns: Sequence[str] | None) -> "MediaWikiSqlReader":
    options = check_names(given, _OPTIONS)
    files = find_files(options, _TABLES, _TABLES)
    _refuse_other_tables([file.name for file in files])
    table = read_columns(files[0])
    wanted = options.get("columns") if columns is None else ",".join(columns)
    chosen = read_names("columns", wanted, [*table, _FILE.name], list(table))
    fields = [_FILE if name == _FILE.name and name not in table else pa.field(name, table[name]) for name in chosen]
    reader = FilteringMediaWikiSqlReader if read_flag("pushFilters", options.get("pushFilters")) else MediaWikiSqlReader
    return reader(files, pa.schema(fields), table.keys(), read_conditions(options.get("where"), table))


class MediaWikiSqlReader(DataSourceReader):
    """Reads one file in each task."""

    def __init__(
        self, files: Sequence[Location], schema: pa.Schema, table: Collection[str], where: Mapping[str, Sequence[SqlValue]]
    ) -> None:
        """`table`: the columns of the table; `where`: column -> the values that are read."""
        self.schema = schema
        self._files = files
        self._where = dict(where)
        self._filtered = {field.name: kind for field in schema if field.name in table and (kind := _python_type(field.type))}

    def partitions(self) -> list[TablePartition]:
        """One partition for each file."""
        return [TablePartition(file) for file in self._files]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The rows of a file as record batches. Raises `SourceError` with the offset of a malformed row."""
        if not isinstance(partition, TablePartition):
            return
        file, table = partition.file, read_columns(partition.file)
        for field in self.schema:
            if field.name in table and table[field.name] != field.type:
                raise SourceError(f"{file.name}: column {field.name!r} is {table[field.name]}, in the first file {field.type}")
        inner = [field.name for field in self.schema if field.name in table or field.name != _FILE.name]
        try:
            with file.open() as opened:
                # If `file` is the only wanted column, another column must be read to count the rows.
                columns = inner or [next(iter(table))]
                for batch in read_rows(open_decompressed(opened, file.name), file.name, columns, self._where):
                    yield self._arrange(batch, file.name)
        except SqlError as error:
            raise SourceError(str(error)) from error

    def _arrange(self, batch: pa.RecordBatch, name: str) -> pa.RecordBatch:
        arrays = [
            batch.column(field.name) if field.name in batch.schema.names else pa.array([name] * batch.num_rows, pa.string())
            for field in self.schema
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


class FilteringMediaWikiSqlReader(MediaWikiSqlReader):
    """A reader for one query, which applies its equalities."""

    def pushFilters(self, filters: list[Filter]) -> Iterable[Filter]:  # noqa: N802  (Spark's name)
        """Take the equalities on columns of the table; returns the filters that Spark must evaluate."""
        taken, left = take_equalities(filters, self._filtered)
        for column, values in taken.items():
            self._where[column] = [value for value in self._where.get(column, values) if value in values]
        return left


def read_columns(file: Location) -> dict[str, pa.DataType]:
    """Name -> type of the columns of the table in a file. Raises `SourceError`."""
    try:
        with file.open() as opened:
            table = read_create(SqlCursor(open_decompressed(opened, file.name), file.name))
    except SqlError as error:
        raise SourceError(str(error)) from error
    return {name: column.type for name, column in table.stored.items()}


def _python_type(kind: pa.DataType) -> type[int] | type[str] | None:
    """The type of the values that can be compared while reading; None for floats, whose text is not unique."""
    return int if pa.types.is_integer(kind) else str if pa.types.is_string(kind) else None


def _refuse_other_tables(names: Sequence[str]) -> None:
    refuse_duplicate_names(names)
    tables = {match["table"]: name for name in names if (match := _NAME.fullmatch(name)) is not None}
    if len(tables) > 1:
        one, other = list(tables.values())[:2]
        raise SourceError(f"{one} and {other} are different tables: choose one with a path such as 'FOLDER/*-langlinks.sql.gz'")

"""The data source `mediawiki-sql`: rows of the SQL tables that Wikimedia publishes (langlinks, page, redirect, ...)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from spark_jobs.common.storage import Location
from spark_jobs.dumps.compressed_files import open_decompressed
from spark_jobs.dumps.sql.sql_cursor import SqlCursor, SqlError
from spark_jobs.dumps.sql.sql_statements import read_create
from spark_jobs.dumps.sql.table_reader import read_rows
from spark_jobs.sources.source_options import SourceError, check_names, read_names
from spark_jobs.sources.source_paths import find_files, refuse_duplicate_names

_OPTIONS = ("path", "paths", "columns", "where")
_TABLES = re.compile(r"\.sql(?:\.(?:gz|bz2|xz|zst))?$")
_NAME = re.compile(r"[a-z][a-z0-9_]*-\d{8}-(?P<table>\w+)\.sql(?:\.\w+)?")
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
    - `where`: conditions `column=value,value`, separated by `;`. A row is read if all of them hold, which is much faster than a
      filter in Spark. For a value with a comma or a semicolon, filter in Spark.

    Columns and types are those of `CREATE TABLE` in the first file; a file whose table lacks one, or has it with another type, is
    an error (integers are long, floats and decimals double, all else string: see `spark_jobs.dumps.sql.table_reader`).

    Each file is one partition, because its rows cannot be found from the middle. Always fail-fast: a malformed row raises with
    its byte offset. Limitations: Spark does not pass the columns and filters of a query to a Python data source, so it applies
    both after reading. Use `columns` and `where` to skip columns and rows.
    """

    @classmethod
    def name(cls) -> str:
        """The name of the format."""
        return "mediawiki-sql"

    def schema(self) -> StructType:
        """The chosen columns with the types of the first file's table. Raises `SourceError`."""
        schema: StructType = from_arrow_schema(self._plan(None).schema)
        return schema

    def reader(self, schema: StructType) -> DataSourceReader:
        """A reader of the columns of `schema`. Raises `SourceError` unless they are columns of the table."""
        reader = self._plan(schema.names)
        ours: StructType = from_arrow_schema(reader.schema)
        for field, own in zip(schema.fields, ours.fields, strict=True):
            if field.dataType != own.dataType:
                given = field.dataType.simpleString()
                raise SourceError(f"schema: column {own.name!r} is {own.dataType.simpleString()}, not {given}")
        return reader

    def _plan(self, columns: Sequence[str] | None) -> "MediaWikiSqlReader":
        options = check_names(self.options, _OPTIONS)
        files = find_files(options, _TABLES, _TABLES)
        _refuse_other_tables([file.name for file in files])
        table = read_columns(files[0])
        wanted = options.get("columns") if columns is None else ",".join(columns)
        chosen = read_names("columns", wanted, [*table, _FILE.name], list(table))
        fields = [_FILE if name == _FILE.name and name not in table else pa.field(name, table[name]) for name in chosen]
        return MediaWikiSqlReader(files, pa.schema(fields), read_conditions(options.get("where"), table))


class MediaWikiSqlReader(DataSourceReader):
    """Reads one file in each task."""

    def __init__(self, files: Sequence[Location], schema: pa.Schema, where: Mapping[str, list[int | float | str]]) -> None:
        self.schema = schema
        self._files = files
        self._where = where

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


def read_columns(file: Location) -> dict[str, pa.DataType]:
    """Name -> type of the columns of the table in a file. Raises `SourceError`."""
    try:
        with file.open() as opened:
            table = read_create(SqlCursor(open_decompressed(opened, file.name), file.name))
    except SqlError as error:
        raise SourceError(str(error)) from error
    return {name: column.type for name, column in table.stored.items()}


def read_conditions(text: str | None, table: Mapping[str, pa.DataType]) -> dict[str, list[int | float | str]]:
    """Parse the option `where` into values of the columns' types. Raises `SourceError`.

    >>> read_conditions("ll_lang=en,ja; ll_from=7", {"ll_from": pa.int64(), "ll_lang": pa.string()})
    {'ll_lang': ['en', 'ja'], 'll_from': [7]}
    """
    found: dict[str, list[int | float | str]] = {}
    for condition in (text or "").split(";"):
        if not condition.strip():
            continue
        column, equals, values = condition.partition("=")
        column = column.strip()
        if not equals or column not in table:
            raise SourceError(f"where: {condition!r} is not column=value,value with a column among {', '.join(table)}")
        if column in found:
            raise SourceError(f"where: {column!r} occurs twice; write its values behind one =")
        kind = table[column]
        convert = int if pa.types.is_integer(kind) else float if pa.types.is_floating(kind) else str
        try:
            found[column] = [convert(value.strip()) for value in values.split(",")]
        except ValueError as error:
            raise SourceError(f"where: {condition!r}: column {column!r} is {kind}: {error}") from error
    return found


def _refuse_other_tables(names: Sequence[str]) -> None:
    refuse_duplicate_names(names)
    tables = {match["table"]: name for name in names if (match := _NAME.fullmatch(name)) is not None}
    if len(tables) > 1:
        one, other = list(tables.values())[:2]
        raise SourceError(f"{one} and {other} are different tables: choose one with a path such as 'FOLDER/*-langlinks.sql.gz'")

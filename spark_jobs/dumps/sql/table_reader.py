r"""Rows of the SQL tables that Wikimedia publishes as mysqldump output (langlinks, page, redirect, page_props, ...).

The reader tokenizes bytes by MySQL's rules for literals and never guesses. Column names and types come from the table's own
`CREATE TABLE`, so tables of any age are read by name. Types:

    integer types, year   int64
    float, decimal types  float64
    any other type        string: MySQL's escapes resolved, `''` read as one quote, `0x` literals as their bytes
                          (https://dev.mysql.com/doc/refman/8.0/en/string-literals.html)
    NULL                  null

Every column that is not a number is text, since Wikimedia keeps all text in binary columns (`varbinary`, `blob`). Bytes that
are not UTF-8 become U+FFFD: old rows were cut in mid-character. A column of other bytes (none in the tables named above) loses
them.

A file holds one table. Bytes between `VALUES` and the statement's `;` that are not a row, and any statement that could change
rows in another way, raise `SqlError` with their offset in the decompressed bytes. A truncated file raises too, unless it is
uncompressed and was cut exactly between two statements.

Columns that the database computes (`GENERATED`) are not in a dump and cannot be read.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.dumps.compressed_files import open_decompressed
from spark_jobs.dumps.sql.insert_rows import RowPattern, SqlValue, make_row_pattern, read_statement, rows_to_batch
from spark_jobs.dumps.sql.sql_cursor import SqlCursor, SqlError
from spark_jobs.dumps.sql.sql_statements import InsertStatement, SqlColumn, SqlTable, next_insert, read_create

_BATCH_ROWS = 65_536
_BATCH_BYTES = 16 * 2**20


def read_table(
    path: str | Path,
    columns: Sequence[str] | None = None,
    where: Mapping[str, Collection[SqlValue]] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Read a table dump (`.sql`, `.sql.gz`, `.sql.bz2`) from a local path as Arrow record batches of up to 65,536 rows.

    `columns` chooses columns by name (default: all, in the order of the table). `where` keeps the rows whose column holds one of
    the given values, for every column that it names; the value None means NULL. Excluded rows cost little:

        for batch in read_table("jawiki-langlinks.sql.gz", ["ll_from", "ll_title"], where={"ll_lang": ["en", "de"]}): ...

    A table without matching rows gives no batch. Raises `SqlError` for an unknown column, for values of another type than the
    column, and for bytes that are not a row; the rows before them may have been given already.
    """
    with Path(path).open("rb") as file:
        yield from read_rows(open_decompressed(file, str(path)), str(path), columns, where)


def read_rows(
    file: IO[bytes],
    name: str,
    columns: Sequence[str] | None = None,
    where: Mapping[str, Collection[SqlValue]] | None = None,
) -> Iterator[pa.RecordBatch]:
    """`read_table` for an open file of decompressed bytes; `name` is for messages."""
    cursor = SqlCursor(file, name)
    table = read_create(cursor)
    wanted = list(columns) if columns is not None else list(table.stored)
    if not wanted:
        raise SqlError(f"{name}: no column is chosen; choose some of {', '.join(table.stored)}")
    kept = {column: _values(_find(table, column, name), values, name) for column, values in (where or {}).items()}
    needed = {_find(table, column, name).name for column in wanted} | kept.keys()
    patterns: dict[bytes, RowPattern] = {}
    pending: list[pa.RecordBatch] = []
    rows_waiting = bytes_waiting = 0
    while (insert := next_insert(cursor, table)) is not None:
        if insert.head not in patterns:
            _check_columns(insert, needed, cursor)
            patterns[insert.head] = make_row_pattern(insert, needed, {key: array.to_pylist() for key, array in kept.items()})
        pattern = patterns[insert.head]
        for rows in read_statement(cursor, pattern):
            try:
                batch = _select(rows_to_batch(rows, pattern.captured), wanted, kept)
            except SqlError as error:
                raise cursor.error(f"{error}, in the rows before this") from error
            if batch.num_rows:
                pending.append(batch)
                rows_waiting, bytes_waiting = rows_waiting + batch.num_rows, bytes_waiting + batch.nbytes
            if rows_waiting >= _BATCH_ROWS or bytes_waiting >= _BATCH_BYTES:
                yield from _join(pending)
                pending, rows_waiting, bytes_waiting = [], 0, 0
    yield from _join(pending)


def _find(table: SqlTable, column: str, name: str) -> SqlColumn:
    if column in table.stored:
        return table.stored[column]
    if any(column == other.name for other in table.columns):
        raise SqlError(f"{name}: column {column!r} is computed by the database and is not in the dump")
    raise SqlError(f"{name} has no column {column!r}; its columns are {', '.join(table.stored)}")


def _values(column: SqlColumn, values: Collection[SqlValue], name: str) -> pa.Array:
    """The values of a condition, as an array of the column's type."""
    try:
        if isinstance(values, str | bytes) or any(isinstance(value, bytes) for value in values):
            raise TypeError("expected a list of values")
        return pa.array(list(values), column.type)
    except (TypeError, ValueError, OverflowError) as error:
        raise SqlError(f"{name}: where {column.name} ({column.type}) in {values!r}: {error}") from error


def _check_columns(insert: InsertStatement, needed: Collection[str], cursor: SqlCursor) -> None:
    listed = [column.name for column in insert.columns]
    missing = [column for column in needed if column not in listed]
    if missing:
        raise cursor.error(f"INSERT lists columns {', '.join(listed)}, without {missing[0]}, in the statement before this")


def _select(batch: pa.RecordBatch, wanted: Sequence[str], kept: Mapping[str, pa.Array]) -> pa.RecordBatch:
    for column, values in kept.items():
        batch = batch.filter(pc.is_in(batch.column(column), value_set=values))
    return batch.select(wanted)


def _join(batches: Sequence[pa.RecordBatch]) -> list[pa.RecordBatch]:
    if not batches:
        return []
    joined: list[pa.RecordBatch] = pa.Table.from_batches(batches).combine_chunks().to_batches(max_chunksize=_BATCH_ROWS)
    return [batch for batch in joined if batch.num_rows]

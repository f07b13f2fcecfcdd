r"""Rows of the SQL tables that Wikimedia publishes as mysqldump output (langlinks, page, redirect, page_props, ...).

The reader is a tokenizer over bytes that knows MySQL's literals; it never guesses. Column names and types come from the
table's own `CREATE TABLE`, so tables of any age read by name. What a column becomes:

    integer types         int64
    float, decimal types  float64
    any other type        string, with MySQL's backslash escapes resolved and `''` read as one quote
                          (https://dev.mysql.com/doc/refman/8.0/en/string-literals.html); bytes that are not UTF-8
                          become U+FFFD, because Wikimedia's columns are binary and old rows were cut in mid-character
    NULL                  null

Anything else between `VALUES` and the statement's `;` is a `SqlError` with its offset in the decompressed bytes.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from spark_jobs.dumps.streams import DECOMPRESSION_ERRORS, open_decompressed

_READ_BYTES = 4 * 2**20
_MAX_ROW_BYTES = 64 * 2**20
_BATCH_ROWS = 65_536

_CREATE = re.compile(rb"CREATE TABLE `(?P<table>\w+)` \((?P<body>.*?)\n\) ", re.DOTALL)
_COLUMN = re.compile(rb"^\s*`(?P<name>\w+)` (?P<type>\w+)", re.MULTILINE)
_INSERT = re.compile(rb"INSERT INTO `\w+` (?:\((?P<columns>[^)]*)\) )?VALUES\s*")
_INTEGERS = frozenset({b"tinyint", b"smallint", b"mediumint", b"int", b"bigint"})
_FLOATS = frozenset({b"float", b"double", b"decimal"})
# The possessive `*+` keeps a string that is cut at the end of the buffer from being tried in every shorter way.
_STRING_LITERAL = rb"(?:_binary )?'([^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+)'"
_INTEGER_LITERAL = rb"(-?\d+)"
_FLOAT_LITERAL = rb"(-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
_ESCAPE = re.compile(rb"\\(.)|''", re.DOTALL)
_ESCAPED = {b"0": b"\0", b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"Z": b"\x1a"}


class SqlError(ValueError):
    """The dump holds something that is no row of its table; the message gives the file, the offset and the bytes."""


@dataclass(frozen=True)
class _Table:
    columns: tuple[str, ...]
    types: tuple[pa.DataType, ...]
    row: re.Pattern[bytes]


def unescape(literal: bytes) -> str:
    r"""The text of a MySQL string literal, given without its outer quotes.

    >>> unescape(rb"O\'Brien ''x'' \\ \n"), unescape(rb"104-2,3,(6),(7),11")
    ("O'Brien 'x' \\ \n", '104-2,3,(6),(7),11')
    """
    if b"\\" in literal or b"'" in literal:
        literal = _ESCAPE.sub(lambda match: b"'" if match[1] is None else _ESCAPED.get(match[1], match[1]), literal)
    return literal.decode("utf-8", errors="replace")


def read_table(
    path: str | Path,
    columns: Sequence[str] | None = None,
    where: Mapping[str, Collection[str]] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Read a table dump (`.sql`, `.sql.gz`, `.sql.bz2`) from a local path as Arrow record batches of up to 65,536 rows.

    `columns` chooses columns by name (default: all, in the order of the table); `where` keeps the rows whose text column
    holds one of the given values. Raises `SqlError` for an unknown column and for anything that is no row.
    """
    with Path(path).open("rb") as file:
        yield from read_rows(open_decompressed(file, str(path)), str(path), columns, where)


def read_rows(
    file: IO[bytes],
    name: str,
    columns: Sequence[str] | None = None,
    where: Mapping[str, Collection[str]] | None = None,
) -> Iterator[pa.RecordBatch]:
    """`read_table` for an open file of decompressed bytes; `name` stands in messages."""
    cursor = _Cursor(file, name)
    table = _read_create(cursor)
    wanted = tuple(columns) if columns is not None else table.columns
    filters = {column: frozenset(values) for column, values in (where or {}).items()}
    unknown = [column for column in (*wanted, *filters) if column not in table.columns]
    if unknown:
        raise SqlError(f"{name} has no column {unknown[0]!r}; its columns are {', '.join(table.columns)}")
    positions = [table.columns.index(column) for column in wanted]
    kinds = [table.types[position] for position in positions]
    tests = [(table.columns.index(column), values) for column, values in filters.items()]
    schema = pa.schema(list(zip(wanted, kinds, strict=True)))
    rows: list[tuple[Any, ...]] = []
    for groups in _iterate_rows(cursor, table):
        if not all((literal := groups[position]) is not None and unescape(literal) in values for position, values in tests):
            continue
        rows.append(tuple(_value(groups[position], kind) for position, kind in zip(positions, kinds, strict=True)))
        if len(rows) == _BATCH_ROWS:
            yield _batch(rows, schema)
            rows = []
    if rows:
        yield _batch(rows, schema)


def _value(literal: bytes | None, kind: pa.DataType) -> Any:
    if literal is None:
        return None
    if pa.types.is_string(kind):
        return unescape(literal)
    return int(literal) if pa.types.is_integer(kind) else float(literal)


def _batch(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


class _Cursor:
    """A growing window on the file: `buffer[position:]` is what has not been read yet."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.name = name
        self.buffer = b""
        self.position = 0
        self._file = file
        self._base = 0

    def more(self) -> bool:
        """Forget what was read and append the next bytes; false at the end of the file."""
        try:
            data = self._file.read(_READ_BYTES)
        except DECOMPRESSION_ERRORS as error:
            raise SqlError(f"{self.name} cannot be decompressed to its end ({error}): is it a whole download?") from error
        self._base += self.position
        self.buffer = self.buffer[self.position :] + data
        self.position = 0
        return bool(data)

    def error(self, what: str) -> SqlError:
        at = self._base + self.position
        return SqlError(f"{self.name}, decompressed byte {at}: {what}: {self.buffer[self.position : self.position + 80]!r}")


def _read_create(cursor: _Cursor) -> _Table:
    while (match := _CREATE.search(cursor.buffer)) is None:
        if len(cursor.buffer) > _MAX_ROW_BYTES or not cursor.more():
            raise cursor.error("no CREATE TABLE statement found; expected a table dump made by mysqldump")
    cursor.position = match.end()
    found = [(column["name"].decode(), column["type"].lower()) for column in _COLUMN.finditer(match["body"])]
    if not found:
        raise cursor.error("the CREATE TABLE statement has no columns")
    literals, types = [], []
    for _, kind in found:
        is_integer, is_float = kind in _INTEGERS, kind in _FLOATS
        literals.append(_INTEGER_LITERAL if is_integer else _FLOAT_LITERAL if is_float else _STRING_LITERAL)
        types.append(pa.int64() if is_integer else pa.float64() if is_float else pa.string())
    row = rb"\s*\((?:NULL|" + rb"),(?:NULL|".join(literals) + rb")\)\s*([,;])"
    return _Table(tuple(name for name, _ in found), tuple(types), re.compile(row, re.DOTALL))


def _iterate_rows(cursor: _Cursor, table: _Table) -> Iterator[tuple[bytes | None, ...]]:
    """The groups of each row: the bytes of each column's literal, None for NULL."""
    while _next_insert(cursor, table):
        separator: bytes | None = b","
        while separator == b",":
            match = table.row.match(cursor.buffer, cursor.position)
            if match is None:
                if len(cursor.buffer) - cursor.position > _MAX_ROW_BYTES or not cursor.more():
                    raise cursor.error(f"expected a row of {len(table.columns)} columns ({', '.join(table.columns)})")
                continue
            cursor.position = match.end()
            *values, separator = match.groups()
            yield tuple(values)


def _next_insert(cursor: _Cursor, table: _Table) -> bool:
    """Move behind the next `INSERT ... VALUES`; false when there is none."""
    while True:
        match = _INSERT.search(cursor.buffer, cursor.position)
        if match is not None:
            cursor.position = match.end()
            if match["columns"] is not None:
                listed = tuple(column.strip(b" `").decode() for column in match["columns"].split(b","))
                if listed != table.columns:
                    raise cursor.error(f"INSERT lists columns {listed}, CREATE TABLE {table.columns}")
            return True
        # Keep the beginning of a statement that the next bytes complete.
        start = cursor.buffer.rfind(b"\n", cursor.position)
        cursor.position = max(cursor.position, start)
        if not cursor.more():
            return False

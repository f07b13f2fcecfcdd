"""The statements of a mysqldump file: the columns of its table, and where its rows begin.

Allowed between statements are blanks, comments (`--`, `#`, `/* */`, which includes mysqldump's conditional `/*!40000 ... */`) and
the statements that change no row (SET, LOCK TABLES, ALTER TABLE ...). Anything else is a `SqlError`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from spark_jobs.dumps.sql.sql_cursor import MAX_STATEMENT_BYTES, SqlCursor, SqlError

_IGNORE_CASE = re.DOTALL | re.IGNORECASE
_QUOTED = rb"""'(?:[^'\\]|\\.|'')*+'|"(?:[^"\\]|\\.|"")*+"|`[^`]*+`"""
_NAME = rb"`([^`]+)`|(\w+)"
_TABLE_NAME = rb"(?:`[^`]+`\.|\w+\.)?(?:" + _NAME + rb")"
_BLANK = re.compile(rb"(?:[\s;]++|(?:--|#)[^\n]*+\n|/\*[^*]*+(?:\*(?!/)[^*]*+)*+\*/)*+")
_LAST_LINE = re.compile(rb"(?:--|#)[^\n]*+\Z")
_KEYWORD = re.compile(rb"(?:CREATE\s++[a-z]++|(?!CREATE)[a-z]++)(?=[\s`(;])", _IGNORE_CASE)
_WHOLE = re.compile(rb"(?:[^;'\"`]++|" + _QUOTED + rb")*+;", re.DOTALL)
_CREATE = re.compile(rb"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?" + _TABLE_NAME + rb"\s*\(", _IGNORE_CASE)
_INSERT = re.compile(
    rb"(?:INSERT|REPLACE)\s+(?:(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY)\s+)?(?:IGNORE\s+)?INTO\s+"
    + _TABLE_NAME
    + rb"\s*(?:\(((?:[^)`]|`[^`]*`)*)\))?\s*VALUES",
    _IGNORE_CASE,
)
_PIECE = re.compile(_QUOTED + rb"|[(),]|[^'\"`(),]++", re.DOTALL)
_QUOTED_TEXT = re.compile(_QUOTED, re.DOTALL)
_COLUMN = re.compile(rb"\s*(?:" + _NAME + rb")\s+(\w+)(.*)", re.DOTALL)
_GENERATED = re.compile(rb"\bAS\s*\(", re.IGNORECASE)
# Statements of a dump that leave the rows as they are.
_HARMLESS = frozenset(b"SET USE LOCK UNLOCK DROP ALTER START BEGIN COMMIT".split()) | {b"CREATE DATABASE", b"CREATE SCHEMA"}
# First words of the definitions that are not columns, where the name is not quoted.
_KEYS = frozenset(b"PRIMARY KEY UNIQUE INDEX CONSTRAINT FULLTEXT SPATIAL CHECK FOREIGN PERIOD".split())
_INTEGERS = frozenset(b"tinyint smallint mediumint int integer bigint year bool boolean".split())
_FLOATS = frozenset(b"float double real decimal numeric".split())


@dataclass(frozen=True)
class SqlColumn:
    """A column of `CREATE TABLE`; a `generated` one is computed by the database and never dumped."""

    name: str
    type: pa.DataType
    generated: bool = False


@dataclass(frozen=True)
class SqlTable:
    """A table and its columns, in the order of `CREATE TABLE`."""

    name: str
    columns: tuple[SqlColumn, ...]

    @cached_property
    def stored(self) -> dict[str, SqlColumn]:
        """The columns whose values are in the dump, by name."""
        return {column.name: column for column in self.columns if not column.generated}


@dataclass(frozen=True)
class InsertStatement:
    """An `INSERT` whose rows come next: its `head` up to `VALUES`, and the columns of its rows."""

    head: bytes
    columns: tuple[SqlColumn, ...]


def read_create(cursor: SqlCursor) -> SqlTable:
    """The table of the first `CREATE TABLE`; moves the cursor behind that statement."""
    if _next_keyword(cursor) != b"CREATE TABLE":
        if cursor.is_empty:
            raise SqlError(f"{cursor.name} is empty; download it again")
        raise cursor.error("no CREATE TABLE statement before this; expected a table dump made by mysqldump")
    start = cursor.take(_CREATE, "CREATE TABLE `name` (")
    body = cursor.take(_WHOLE, "the rest of CREATE TABLE up to ';'")[0]
    columns = tuple(column for definition in _definitions(body) if (column := _column(definition)) is not None)
    if not columns:
        raise cursor.error("the CREATE TABLE statement before this has no columns")
    return SqlTable(_name(start[1], start[2]), columns)


def next_insert(cursor: SqlCursor, table: SqlTable) -> InsertStatement | None:
    """The next `INSERT`, or None at the end of the file; moves the cursor behind its `VALUES`."""
    keyword = _next_keyword(cursor)
    if keyword is None:
        return None
    if keyword == b"CREATE TABLE":
        raise cursor.error(f"a second table behind `{table.name}`; expected one table: split the file")
    if keyword not in (b"INSERT", b"REPLACE"):
        raise cursor.error("expected INSERT INTO, a comment or a statement that changes no row")
    match = cursor.take(_INSERT, "INSERT INTO `table` (columns) VALUES")
    if (name := _name(match[1], match[2])) != table.name:
        raise cursor.error(f"INSERT INTO `{name}` before this; expected rows of `{table.name}`")
    if match[3] is None:
        return InsertStatement(match[0], table.columns)
    listed = [_name(quoted, bare) for quoted, bare in re.findall(_NAME, match[3])]
    if not listed or len(set(listed)) < len(listed) or not set(listed) <= table.stored.keys():
        raise cursor.error(f"INSERT lists columns {', '.join(listed)}; CREATE TABLE has {', '.join(table.stored)}")
    return InsertStatement(match[0], tuple(table.stored[name] for name in listed))


def _next_keyword(cursor: SqlCursor) -> bytes | None:
    """First word of the next statement that is not harmless, in capitals (two words for CREATE); moves the cursor before it.

    None at the end of the file.
    """
    while True:
        blank = _BLANK.match(cursor.buffer, cursor.position)
        cursor.position = blank.end() if blank else cursor.position
        match = _KEYWORD.match(cursor.buffer, cursor.position)
        if match is not None:
            keyword = b" ".join(match[0].upper().split())
            if keyword not in _HARMLESS:
                return keyword
            cursor.take(_WHOLE, "the rest of the statement up to ';'")
        elif len(cursor.buffer) - cursor.position > MAX_STATEMENT_BYTES or not cursor.read_more():
            if cursor.position == len(cursor.buffer) or _LAST_LINE.match(cursor.buffer, cursor.position):
                return None
            raise cursor.error("expected a statement or a comment of a table dump")


def _definitions(body: bytes) -> Iterator[bytes]:
    """The parts of `body` between its commas, up to the parenthesis that closes it."""
    depth, begin = 0, 0
    for piece in _PIECE.finditer(body):
        if piece[0] == b"(":
            depth += 1
        elif piece[0] in (b")", b",") and depth == 0:
            yield body[begin : piece.start()]
            begin = piece.end()
        if piece[0] == b")":
            depth -= 1
            if depth < 0:
                return


def _column(definition: bytes) -> SqlColumn | None:
    """The column that is defined by a part of `CREATE TABLE`; None for keys and constraints."""
    match = _COLUMN.match(definition)
    if match is None or (match[2] or b"").upper() in _KEYS:
        return None
    kind = match[3].lower()
    arrow_type = pa.int64() if kind in _INTEGERS else pa.float64() if kind in _FLOATS else pa.string()
    return SqlColumn(_name(match[1], match[2]), arrow_type, _GENERATED.search(_QUOTED_TEXT.sub(b"", match[4])) is not None)


def _name(quoted: bytes | None, bare: bytes | None) -> str:
    return (quoted or bare or b"").decode("utf-8", errors="replace")

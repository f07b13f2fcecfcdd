r"""The rows of an `INSERT`: one regular expression that reads all rows of a window, and their columns in Arrow.

One `split` reads a window: the pattern matches row after row up to the end of the window, and captures the literals of the
wanted columns. A possessive group inside the pattern skips rows whose bytes prove that a condition excludes them, so Python sees
only the rows that are kept and a few undecided ones: `'en'` and `'\en'` are the same language code. A filter on the values
removes the rest afterwards.

A column of text has two groups. The first is the text between the quotes, if nothing in it is escaped. The second is the whole
literal if it is written in any other way (`'O\'Brien'`, `_binary 'x'`, `0x4F`). A number has one group. NULL matches none of
them.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import pyarrow as pa

from spark_jobs.dumps.sql.sql_cursor import SqlCursor, SqlError
from spark_jobs.dumps.sql.sql_literals import read_literal
from spark_jobs.dumps.sql.sql_statements import InsertStatement, SqlColumn

SqlValue = str | int | float | None
Literals = list[bytes | None]

_MAX_ROW_BYTES = 64 * 2**20
_MAX_ALTERNATIVES = 256
"""Most values that the pattern looks for; it tries one after the other."""

_NULL = rb"(?i:NULL)"
# A string without escapes.
_PLAIN = rb"'([^'\\]*+)'(?!')"
# A string up to the first quote that no backslash precedes, and that is not doubled: faster, since the pattern engine looks for
# one character at a time. Escapes before it are passed over.
_PASSED = rb"'[^']*+(?<!\\)'(?!')"
# The possessive `*+` prevents the engine from trying every shorter match of a string that is cut at the end of the window.
_SPECIAL = rb"(?i:_binary\s*+)?'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'|0[xX][0-9A-Fa-f]++|[xX]'(?:[0-9A-Fa-f]{2})*+'"
_INTEGER = rb"-?\d++"
_FLOAT = rb"-?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?"


@dataclass(frozen=True)
class RowPattern:
    """The pattern of the rows of `insert`, and the columns that it captures, in the order of the row."""

    insert: InsertStatement
    regex: re.Pattern[bytes]
    captured: tuple[SqlColumn, ...]


def make_row_pattern(insert: InsertStatement, wanted: Collection[str], where: Mapping[str, Collection[SqlValue]]) -> RowPattern:
    """The pattern that captures the columns `wanted` and skips rows whose column in `where` has none of the values."""
    next_row = rb"(?:,\s*+|\s*+;\s*+" + re.escape(insert.head) + rb"\s*+)"
    captured = tuple(column for column in insert.columns if column.name in wanted)
    row = _row([_capture(column) if column in captured else _literal(column) for column in insert.columns])
    skipped = []
    for excluded in insert.columns:
        if excluded.name in where and (other := _other_literal(excluded, where[excluded.name])) is not None:
            literals = [other if column is excluded else _literal(column) for column in insert.columns]
            skipped.append(_row(literals) + next_row)
    skip = b"(?:" + b"|".join(skipped) + b")*+" if skipped else b""
    # The last two groups are the bytes behind the last row, and bytes that are not, or not yet, a whole row.
    regex = rb"\s*+" + skip + rb"(?:" + row + rb"(?:" + next_row + rb"|\s*+(;.*+))|(.*+))"
    return RowPattern(insert, re.compile(regex, re.DOTALL), captured)


def _row(literals: Sequence[bytes]) -> bytes:
    return rb"\(" + b",".join(literals) + rb"\)"


def _number(column: SqlColumn) -> bytes:
    return _INTEGER if pa.types.is_integer(column.type) else _FLOAT


def _literal(column: SqlColumn) -> bytes:
    text = pa.types.is_string(column.type)
    default = b"|(?i:DEFAULT)" if column.generated else b""
    return rb"(?:" + (_PASSED + b"|" + _SPECIAL if text else _number(column)) + b"|" + _NULL + default + b")"


def _capture(column: SqlColumn) -> bytes:
    if pa.types.is_string(column.type):
        return rb"(?:" + _PLAIN + rb"|(" + _SPECIAL + rb")|" + _NULL + rb")"
    return rb"(?:(" + _number(column) + b")|" + _NULL + b")"


def _other_literal(column: SqlColumn, values: Collection[SqlValue]) -> bytes | None:
    """A pattern of literals that certainly differ from all of the values; None where a simple pattern does not exist."""
    if len(values) > _MAX_ALTERNATIVES or pa.types.is_floating(column.type):
        return None
    null = b"" if None in values else b"|" + _NULL
    present = [str(value) for value in values if value is not None]
    if pa.types.is_string(column.type):
        if any("\ufffd" in value for value in present):
            return None  # any byte that is not UTF-8 becomes this character
        # A value with a quote or a backslash is never written plainly.
        alternatives = [re.escape(value.encode()) for value in present if "'" not in value and "\\" not in value]
        exclude = rb"(?!'(?:" + b"|".join(alternatives) + rb")')" if alternatives else b""
        return b"(?:" + exclude + rb"'[^'\\]*+'(?!')" + null + b")"
    alternatives = [value.removeprefix("-").encode() for value in present]
    exclude = rb"(?!-?0*(?:" + b"|".join(alternatives) + rb")(?!\d))" if alternatives else b""
    return b"(?:" + exclude + _INTEGER + null + b")"


def read_statement(cursor: SqlCursor, pattern: RowPattern) -> Iterator[list[Literals]]:
    """The groups of all rows up to the `;` behind them, a window at a time; moves the cursor to the `;`.

    Each list holds, group by group, the literals of the rows of a window; None where a group did not match.
    """
    groups = pattern.regex.groups
    while True:
        # Matches adjoin, so the pieces between them are empty, and split gives the groups, row after row, in one list. This is
        # much faster than a tuple for every row, which the garbage collector visits.
        flat = pattern.regex.split(cursor.buffer[cursor.position :])
        del flat[-groups - 2 :]  # the empty match at the end of the window
        *_, after, rest = flat or (None, None)
        if rest is not None:
            del flat[-groups - 1 :]
        cursor.position = len(cursor.buffer) - len(after or rest or b"")
        if flat:
            yield [flat[group :: groups + 1] for group in range(1, groups - 1)]
        if after:
            return
        if len(rest or b"") > _MAX_ROW_BYTES or not cursor.read_more():
            names = ", ".join(column.name for column in pattern.insert.columns)
            raise cursor.error(f"expected a row of {len(pattern.insert.columns)} columns ({names})")


def rows_to_batch(groups: Sequence[Literals], columns: Sequence[SqlColumn]) -> pa.RecordBatch:
    """The rows of a window, given group by group, as Arrow; changes the lists.

    Raises `SqlError` for an integer of more than 64 bits.
    """
    remaining = iter(groups)
    arrays = []
    for column in columns:
        if pa.types.is_string(column.type):
            arrays.append(_text_array(next(remaining), next(remaining)))
        else:
            arrays.append(_number_array(next(remaining), column))
    return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in columns])


def _text_array(texts: Literals, special: Literals) -> pa.Array:
    for index in compress(range(len(special)), special):
        texts[index] = read_literal(special[index] or b"")
    try:
        return pa.array(texts, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:  # bytes that are not UTF-8
        return pa.array([None if text is None else text.decode("utf-8", errors="replace") for text in texts], pa.string())


def _number_array(literals: Literals, column: SqlColumn) -> pa.Array:
    try:
        return pa.array(literals, pa.binary()).cast(pa.string()).cast(column.type)
    except pa.ArrowInvalid as error:
        raise SqlError(f"column {column.name} holds a number that does not fit {column.type}: {error}") from error

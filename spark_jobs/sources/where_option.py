r"""The option `where` of `mediawiki-sql`: conditions `column=value,value`, separated by `;`.

A value is quoted with `'` or `"` as in SQL (a doubled quote is one quote), or written without quotes if it lacks the characters
and words that have a meaning in other languages. So a condition of SQL is an error, not a value that no row has.
"""

import re
from collections.abc import Mapping

import pyarrow as pa

from spark_jobs.sources.source_options import SourceError, parse_integer

_COLUMN = re.compile(r"\s*([^\s=<>!;,'\"`()]+)\s*")
_QUOTED = re.compile(r"""\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)")\s*""")
_PLAIN = re.compile(r"[^,;'\"]*")
_OPERATORS = re.compile(r"==|<=>|<>|!=|<=|>=|[=<>!]|\|\||&&|\b(?:and|or|not|in|like|rlike|ilike|between|is|xor)\b", re.IGNORECASE)
_WILDCARDS = re.compile(r"[%*`()\[\]{}\\]")
_FORM = "column=value,value; column=value"


def read_conditions(text: str | None, table: Mapping[str, pa.DataType]) -> dict[str, list[int | float | str]]:
    """Parse the option into values of the columns' types. Raises `SourceError`, which names the part that it cannot use.

    >>> read_conditions("ll_lang=en,'ja'; ll_from=7", {"ll_from": pa.int64(), "ll_lang": pa.string()})
    {'ll_lang': ['en', 'ja'], 'll_from': [7]}
    """
    found: dict[str, list[int | float | str]] = {}
    rest = (text or "").strip()
    while rest := rest.lstrip("; \t\n"):
        column, rest = _read_column(rest, table)
        if column in found:
            raise SourceError(f"where: {column!r} occurs twice; write its values behind one =")
        values, rest = _read_values(column, rest)
        found[column] = [_convert(column, value, table[column]) for value in values]
    return found


def _read_column(text: str, table: Mapping[str, pa.DataType]) -> tuple[str, str]:
    """The column of the next condition, and the text behind its `=`."""
    match = _COLUMN.match(text)
    condition = text.partition(";")[0]
    if match is None or match[1] not in table:
        raise SourceError(f"where: {condition!r} does not begin with a column; write {_FORM}; columns are {', '.join(table)}")
    rest = text[match.end() :]
    operator = _OPERATORS.match(rest)
    if operator is None or operator[0] != "=":
        wrong = "no =" if operator is None else f"the operator {operator[0]!r}"
        raise SourceError(f"where: {condition!r} has {wrong}; write {_FORM}, or filter in Spark")
    return match[1], rest[1:]


def _read_values(column: str, text: str) -> tuple[list[str], str]:
    """The values of a column, and the text behind them, which begins with the `;` of the next condition or is empty."""
    values = []
    while True:
        if (quoted := _QUOTED.match(text)) is not None:
            single, double = quoted.groups()
            values.append(single.replace("''", "'") if single is not None else double.replace('""', '"'))
            rest = text[quoted.end() :]
        else:
            plain = _PLAIN.match(text)
            assert plain is not None
            values.append(_check_plain(column, plain[0].strip(), text))
            rest = text[plain.end() :]
        if rest and rest[0] not in ",;":
            raise SourceError(f"where: {column}: {_excerpt(rest)} behind a value; separate values with , and conditions with ;")
        if not rest.startswith(","):
            return values, rest
        text = rest[1:]


def _check_plain(column: str, value: str, text: str) -> str:
    quote = "quote the value if it is meant as text"
    if not value:
        raise SourceError(f"where: {column} has an empty value before {_excerpt(text)}; write '' for the empty text")
    if (operator := _OPERATORS.search(value)) is not None:
        raise SourceError(
            f"where: {column}: {value!r} has {operator[0]!r}, which is not understood; write {_FORM}, filter in Spark, or {quote}"
        )
    if (wildcard := _WILDCARDS.search(value)) is not None:
        raise SourceError(f"where: {column}: {value!r} has {wildcard[0]!r}, which has no meaning here; {quote}")
    if value.upper() == "NULL":
        raise SourceError(
            f"where: {column}: a condition cannot ask for NULL; filter with `{column} IS NULL` in Spark, or {quote}"
        )
    return value


def _excerpt(text: str) -> str:
    return repr(text[:40]) if text else "the end"


def _convert(column: str, value: str, kind: pa.DataType) -> int | float | str:
    if pa.types.is_string(kind):
        return value
    try:
        number = parse_integer(value) if pa.types.is_integer(kind) else float(value)
        pa.scalar(number, kind)
    except (ValueError, OverflowError, pa.ArrowInvalid) as error:
        raise SourceError(f"where: {column}={value}: column {column!r} is {kind}, and {value!r} is not one") from error
    return number

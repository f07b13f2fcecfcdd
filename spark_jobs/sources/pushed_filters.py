"""The filters of a query that a source applies itself, so that it need not parse the excluded rows.

Spark offers the parts of a `WHERE` that compare one column with values. A source takes those that it can decide as Spark would,
null included; Spark evaluates the others after reading. `explain("formatted")` lists the taken ones as `PushedFilters`.

Spark 4.1 to 4.3 keep the filters of a query for later queries on the same frame, table or view: `frame.where("a = 1").count()`
makes a later `frame.count()` count those rows alone, and two sides of a join share the filters of one. So a source takes filters
only if the option `pushFilters` asks for it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from pyspark.sql.datasource import (
    EqualNullSafe,
    EqualTo,
    Filter,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    IsNotNull,
    IsNull,
    LessThan,
    LessThanOrEqual,
)

ColumnValue = int | str | None


@dataclass(frozen=True)
class NumberCondition:
    """The values of an integer column that a query keeps: those from `least` to `most`, and only those of `among` if it is set.

    >>> kept = NumberCondition(least=3, among=frozenset({1, 5}))
    >>> [value for value in (None, 1, 4, 5) if kept.holds(value)]
    [5]
    """

    least: int | None = None
    most: int | None = None
    among: frozenset[int] | None = None

    def holds(self, value: int | None) -> bool:
        """Whether the query keeps a row with this value; a row with null never."""
        return (
            value is not None
            and (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.among is None or value in self.among)
        )


Conditions = Mapping[str, tuple[NumberCondition, ...]]
"""Column -> conditions that must all hold."""


def take_number_filters(filters: Iterable[Filter], columns: Collection[str]) -> tuple[Conditions, list[Filter]]:
    """The conditions on integer `columns`, and the filters that Spark must evaluate."""
    taken: dict[str, tuple[NumberCondition, ...]] = {}
    left = []
    for given in filters:
        column = _column(given)
        condition = _number_condition(given) if column in columns else None
        if column is None or condition is None:
            left.append(given)
        else:
            taken[column] = (*taken.get(column, ()), condition)
    return taken, left


def _column(given: Filter) -> str | None:
    path: tuple[str, ...] = getattr(given, "attribute", ())
    return path[0] if len(path) == 1 else None


def _number_condition(given: Filter) -> NumberCondition | None:
    if isinstance(given, IsNotNull):
        return NumberCondition()
    if isinstance(given, In):
        values = [value for value in given.value if value is not None]  # a comparison with null keeps no row
        return NumberCondition(among=frozenset(values)) if all(type(value) is int for value in values) else None
    value, make = getattr(given, "value", None), _COMPARISONS.get(type(given))
    return make(value) if make is not None and type(value) is int else None


_COMPARISONS: Mapping[type[Filter], Callable[[int], NumberCondition]] = {
    EqualTo: lambda value: NumberCondition(among=frozenset({value})),
    EqualNullSafe: lambda value: NumberCondition(among=frozenset({value})),
    GreaterThan: lambda value: NumberCondition(least=value + 1),
    GreaterThanOrEqual: lambda value: NumberCondition(least=value),
    LessThan: lambda value: NumberCondition(most=value - 1),
    LessThanOrEqual: lambda value: NumberCondition(most=value),
}


def take_equalities(
    filters: Iterable[Filter], types: Mapping[str, type[int] | type[str]]
) -> tuple[dict[str, frozenset[ColumnValue]], list[Filter]]:
    """Column -> the values that its equalities allow (None for null), and the filters that Spark must evaluate.

    Taken are `=`, `<=>`, `IN` and `IS NULL` on the columns of `types` with values of that type, and the `IS NOT NULL` that Spark
    adds to an equality of the same column.
    """
    taken: dict[str, frozenset[ColumnValue]] = {}
    left = []
    for given in filters:
        column = _column(given)
        kind = types.get(column or "")
        allowed = None if kind is None else _allowed_values(given, kind)
        if column is None or allowed is None:
            left.append(given)
        else:
            taken[column] = taken.get(column, allowed) & allowed
    without_null = {column for column, values in taken.items() if None not in values}
    return taken, [given for given in left if not (isinstance(given, IsNotNull) and _column(given) in without_null)]


def _allowed_values(given: Filter, kind: type[int] | type[str]) -> frozenset[ColumnValue] | None:
    if isinstance(given, IsNull):
        return frozenset({None})
    if isinstance(given, In):
        values = [value for value in given.value if value is not None]
    elif isinstance(given, EqualTo | EqualNullSafe):
        values = [given.value]
    else:
        return None
    return frozenset(values) if all(type(value) is kind for value in values) else None

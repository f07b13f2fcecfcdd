"""Columns become those of a schema, and values that do not fit are refused."""

import pyarrow as pa
import pytest

from spark_jobs.contract.arrow_columns import conform
from spark_jobs.contract.table_schemas import NAMES


def test_columns_become_those_of_the_schema() -> None:
    names = [[{"source": "x", "language": "en", "title": "T"}]]
    loose = pa.table({"more": [1], "names": names, "page_id": [1], "title": ["t"]})
    table = conform(loose, NAMES.schema)
    assert table.schema.equals(NAMES.schema, check_metadata=True)
    assert table.to_pylist() == [{"title": "t", "page_id": 1, "names": [{"language": "en", "title": "T", "source": "x"}]}]


def test_slices_and_nulls_survive() -> None:
    schema = pa.schema([("ids", pa.list_(pa.field("element", pa.uint16(), nullable=False)))])
    rows = [{"ids": [1, 2]}, {"ids": None}, {"ids": []}, {"ids": [3]}]
    loose = pa.Table.from_pylist(rows)
    assert conform(loose.slice(1, 3), schema).to_pylist() == rows[1:]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"title": None, "page_id": 1, "names": []}], "title: 1 nulls in a column of type string"),
        ([{"title": "t", "page_id": 1, "names": [None]}], r"names\.element: 1 nulls"),
    ],
)
def test_a_null_where_none_is_allowed_is_refused(rows, message) -> None:
    kind = pa.list_(pa.struct([(name, pa.string()) for name in ("language", "title", "source")]))
    loose = pa.Table.from_pylist(rows, schema=pa.schema([("title", pa.string()), ("page_id", pa.int64()), ("names", kind)]))
    with pytest.raises(ValueError, match=message):
        conform(loose, NAMES.schema)


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid, match="65536"):
        conform(pa.table({"id": [65_536]}), pa.schema([("id", pa.uint16())]))

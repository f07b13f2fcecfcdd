import datetime
import doctest

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spark_jobs.contract.arrow_columns
import spark_jobs.contract.row_hash
from spark_jobs.contract.arrow_columns import conform
from spark_jobs.contract.row_hash import sum_of_rows
from spark_jobs.contract.table_schemas import ARTICLES, AUGMENTED, NAMES

from .row_hash_oracle import row_hash

NAME = pa.struct([("language", pa.string()), ("title", pa.string())])
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("x", pa.float64()),
        ("flag", pa.bool_()),
        ("time", pa.timestamp("ms", tz="UTC")),
        ("text", pa.string()),
        ("names", pa.list_(NAME)),
        ("ids", pa.list_(pa.list_(pa.uint16()))),
    ]
)
TEXT = st.none() | st.text(max_size=5)
ROW = st.fixed_dictionaries(
    {
        "id": st.none() | st.integers(-(2**63), 2**63 - 1),
        "x": st.none() | st.floats(allow_nan=False),
        "flag": st.none() | st.booleans(),
        "time": st.none()
        | st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)).map(
            lambda time: time.replace(microsecond=0, tzinfo=datetime.UTC)
        ),
        "text": TEXT,
        "names": st.none() | st.lists(st.fixed_dictionaries({"language": TEXT, "title": TEXT}), max_size=3),
        "ids": st.none() | st.lists(st.lists(st.integers(0, 65_535), max_size=3), max_size=3),
    }
)


@pytest.mark.parametrize("module", [spark_jobs.contract.row_hash, spark_jobs.contract.arrow_columns])
def test_the_worked_examples_hold(module) -> None:
    assert doctest.testmod(module).failed == 0


@settings(deadline=None)
@given(st.lists(ROW, max_size=6), st.integers(0, 6), st.randoms())
def test_the_hash_is_that_of_the_words_whatever_the_order_and_the_slices(rows, cut, random) -> None:
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    assert f"{sum_of_rows(table):032x}" == row_hash(rows, SCHEMA)
    parts = [table.slice(cut), table.slice(0, cut)]
    assert f"{spark_jobs.contract.row_hash.add_hashes(map(sum_of_rows, parts)):032x}" == row_hash(rows, SCHEMA)
    random.shuffle(rows)
    assert f"{sum_of_rows(pa.Table.from_pylist(rows, schema=SCHEMA)):032x}" == row_hash(rows, SCHEMA)


BASE = {"title": "t", "page_id": 1, "names": [{"language": "en", "title": "T", "source": "langlink"}] * 2}


@pytest.mark.parametrize(
    "change",
    [
        {"title": ""},
        {"page_id": 2},
        {"names": BASE["names"][:1]},
        {"names": []},
        {"names": [{"language": "en", "title": "T", "source": "redirect"}, BASE["names"][0]]},
        {"names": [{"language": "T", "title": "en", "source": "langlink"}] * 2},
    ],
)
def test_any_change_of_a_row_shows(change) -> None:
    assert row_hash([BASE], NAMES.schema) != row_hash([{**BASE, **change}], NAMES.schema)


@pytest.mark.parametrize("table", [NAMES, ARTICLES, AUGMENTED])
def test_an_empty_table_has_the_hash_zero(table) -> None:
    assert sum_of_rows(pa.Table.from_pylist([], schema=table.schema)) == 0


class TestConform:
    def test_columns_become_those_of_the_schema(self) -> None:
        names = [[{"source": "x", "language": "en", "title": "T"}]]
        loose = pa.table({"more": [1], "names": names, "page_id": [1], "title": ["t"]})
        table = conform(loose, NAMES.schema)
        assert table.schema.equals(NAMES.schema, check_metadata=True)
        assert table.to_pylist() == [{"title": "t", "page_id": 1, "names": [{"language": "en", "title": "T", "source": "x"}]}]

    def test_slices_and_nulls_survive(self) -> None:
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
    def test_a_null_where_none_is_allowed_is_refused(self, rows, message) -> None:
        kind = pa.list_(pa.struct([(name, pa.string()) for name in ("language", "title", "source")]))
        loose = pa.Table.from_pylist(rows, schema=pa.schema([("title", pa.string()), ("page_id", pa.int64()), ("names", kind)]))
        with pytest.raises(ValueError, match=message):
            conform(loose, NAMES.schema)

    def test_a_number_that_does_not_fit_is_refused(self) -> None:
        with pytest.raises(pa.ArrowInvalid, match="65536"):
            conform(pa.table({"id": [65_536]}), pa.schema([("id", pa.uint16())]))

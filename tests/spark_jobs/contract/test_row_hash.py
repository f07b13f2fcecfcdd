"""The hash of rows against a second implementation, and its independence of order and slices."""

import datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.contract.row_hash import add_hashes, sum_of_rows
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


@settings(deadline=None)
@given(st.lists(ROW, max_size=6), st.integers(0, 6), st.randoms())
def test_the_hash_matches_the_oracle_for_any_order_and_slices(rows, cut, random) -> None:
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    assert f"{sum_of_rows(table):032x}" == row_hash(rows, SCHEMA)
    parts = [table.slice(cut), table.slice(0, cut)]
    assert f"{add_hashes(map(sum_of_rows, parts)):032x}" == row_hash(rows, SCHEMA)
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
def test_any_change_of_a_row_changes_the_hash(change) -> None:
    assert row_hash([BASE], NAMES.schema) != row_hash([{**BASE, **change}], NAMES.schema)


@pytest.mark.parametrize("table", [NAMES, ARTICLES, AUGMENTED])
def test_an_empty_table_has_the_hash_zero(table) -> None:
    assert sum_of_rows(pa.Table.from_pylist([], schema=table.schema)) == 0

"""The options of a table in Spark's catalog, without the properties that Spark adds."""

import doctest

import pytest
from pyspark.sql.types import LongType, StringType, StructField, StructType

import spark_jobs.sources.table_options
from spark_jobs.sources.source_options import SourceError
from spark_jobs.sources.table_options import drop_table_properties, is_of_table, recall_options, remember_options

OF_TABLE = {"owner": "me", "path": "file:/d", "location": "file:/d", "provider": "mediawiki", "comment": "c", "x": "y"}
SCHEMA = StructType([StructField("a", LongType(), False, {"k": "v"}), StructField("b", StringType())])


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.sources.table_options).failed == 0


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (OF_TABLE, {"path": "file:/d"}),
        (OF_TABLE | {"mode": "FAILFAST", "option.mode": "FAILFAST"}, {"path": "file:/d", "mode": "FAILFAST"}),
        (OF_TABLE | {"modus": "x", "option.modus": "x"}, {"path": "file:/d", "modus": "x"}),
        (OF_TABLE | {"option.owner": "me"}, {"path": "file:/d", "owner": "me"}),
        ({"path": "d", "owner": "me"}, {"path": "d", "owner": "me"}),
        ({"provider": "p", "option.provider": "p"}, {"provider": "p", "option.provider": "p"}),
    ],
)
def test_only_the_properties_of_a_table_are_dropped(options: dict[str, str], kept: dict[str, str]) -> None:
    assert drop_table_properties(options, ["path", "mode"]) == kept


def test_an_option_among_the_properties_is_refused() -> None:
    with pytest.raises(SourceError, match=r"'mode' is an option of this source, not a table property; write it in OPTIONS"):
        drop_table_properties(OF_TABLE | {"mode": "FAILFAST"}, ["path", "Mode"])


def test_a_schema_carries_the_options_and_those_of_a_query_win() -> None:
    carrying = remember_options(SCHEMA, {"path": "dümps", "mode": "FAILFAST"})
    assert [(field.name, field.dataType, field.nullable) for field in carrying] == [
        (field.name, field.dataType, field.nullable) for field in SCHEMA
    ]
    assert carrying["a"].metadata["k"] == "v"
    stored = StructType.fromJson(carrying.jsonValue())
    assert recall_options(stored, {}) == {"path": "dümps", "mode": "FAILFAST"}
    assert recall_options(stored, {"Mode": "PERMISSIVE"}) == {"path": "dümps", "Mode": "PERMISSIVE"}
    assert recall_options(SCHEMA, {"path": "x"}) == {"path": "x"}
    assert not is_of_table({"path": "x"})

"""Folders, types and metadata of the tables."""

import json

import pyarrow as pa
import pytest

from spark_jobs.contract.table_schemas import ARTICLES, RENDERED, TABLES, encoded, id_type_for


@pytest.mark.parametrize(("vocab_size", "id_type"), [(1, "uint16"), (65_536, "uint16"), (65_537, "uint32"), (131_072, "uint32")])
def test_the_smallest_id_type_that_fits_is_taken(vocab_size: int, id_type: str) -> None:
    assert id_type_for(vocab_size) == id_type


def test_a_folder_has_all_partitions_in_their_order() -> None:
    partition = {"wiki": "jawiki", "pivot": "en", "tokenizer": "x-1"}
    assert encoded("uint16").folder(partition) == "encoded/tokenizer=x-1/pivot=en/wiki=jawiki"
    assert ARTICLES.folder(partition) == "articles/wiki=jawiki"
    with pytest.raises(KeyError, match="pivot"):
        encoded("uint16").folder({"wiki": "jawiki", "tokenizer": "x-1"})


@pytest.mark.parametrize("table", [*TABLES.values(), RENDERED], ids=lambda table: table.name)
def test_files_describe_their_table(table) -> None:
    metadata = table.schema.metadata
    assert (metadata[b"leia.schema_version"], metadata[b"leia.table"]) == (b"1.0", table.name.encode())
    assert json.loads(metadata[b"leia.columns"]) == {column.name: column.description for column in table.columns}
    assert set(table.key) <= set(table.schema.names)
    assert not set(table.partitions) & set(table.schema.names)


@pytest.mark.parametrize(("id_type", "arrow_type"), [("uint16", pa.uint16()), ("uint32", pa.uint32())])
def test_only_token_ids_have_the_type_of_the_tokenizer(id_type, arrow_type) -> None:
    schema, other = encoded(id_type).schema, encoded("uint32" if id_type == "uint16" else "uint16").schema
    assert schema.field("input_ids").type.value_type == schema.field("name_ids").type.value_type == arrow_type
    assert [name for name in schema.names if schema.field(name).type != other.field(name).type] == ["input_ids", "name_ids"]

"""Batches of `augmented` to rows of `encoded`."""

import pyarrow as pa
import pytest

from spark_jobs.contract.table_schemas import AUGMENTED
from spark_jobs.tokens.article_encoder import ENTITY_COUNTERS, ArticleEncoder
from spark_jobs.tokens.encoded_columns import (
    INPUT_COLUMNS,
    TRAVEL_SCHEMA,
    count_tokens_and_entities,
    encode_batch,
    select_pivot_entities,
)

from ..real_tokenizers import load_byte_fallback_tokenizer


def make_entity(start: int, end: int, **names: str):
    named = [{"language": language, "name": name, "source": "link"} for language, name in sorted(names.items())]
    return {"start": start, "end": end, "target_page_id": None, "names": named}


@pytest.fixture
def augmented_batch() -> pa.RecordBatch:
    """Rows of `augmented` with the columns that the stage reads, as a slice of a larger batch."""
    rows = [
        {"page_id": 9, "text": "not in the batch", "entities": [make_entity(0, 3, en="no")]},
        {
            "page_id": 7,
            "text": "Sol y Luna",
            "entities": [make_entity(0, 3, de="Sonne", en="Sun"), make_entity(6, 10, en="Moon")],
        },
        {"page_id": 8, "text": "", "entities": []},
        {"page_id": 5, "text": "Sol", "entities": [make_entity(0, 3, de="Sonne")]},
        {
            "page_id": 6,
            "text": "Luna y Sol",
            "entities": [make_entity(0, 4, fr="Lune"), make_entity(7, 10, en="Sun", fr="Soleil")],
        },
    ]
    schema = pa.schema([AUGMENTED.schema.field(name) for name in INPUT_COLUMNS])
    return pa.RecordBatch.from_pylist(rows, schema=schema).slice(1)


@pytest.mark.parametrize(
    ("pivot", "expected"),
    [
        ("en", [[(0, 3, "Sun"), (6, 10, "Moon")], [], [], [(7, 10, "Sun")]]),
        ("de", [[(0, 3, "Sonne")], [], [(0, 3, "Sonne")], []]),
        ("ja", [[], [], [], []]),
    ],
)
def test_only_names_in_the_pivot_language_are_taken(augmented_batch, pivot, expected) -> None:
    assert select_pivot_entities(augmented_batch.column("entities"), pivot) == expected
    assert select_pivot_entities(augmented_batch.column("entities").slice(1, 0), pivot) == []


def test_a_batch_becomes_the_rows_of_its_articles(augmented_batch) -> None:
    pytest.importorskip("mistral_common")
    tokenizer = load_byte_fallback_tokenizer()
    batch = encode_batch(augmented_batch, ArticleEncoder(tokenizer), "en")
    assert batch.schema == TRAVEL_SCHEMA
    batch.validate(full=True)
    rows = batch.to_pylist()
    assert [row["page_id"] for row in rows] == [7, 8, 5, 6]
    assert [tokenizer.decode(row["input_ids"]) for row in rows] == ["Sol y Luna", "", "Sol", "Luna y Sol"]
    assert [row["num_tokens"] for row in rows] == [len(row["input_ids"]) for row in rows]
    assert [tokenizer.decode(row["name_ids"]) for row in rows] == ["Sun Moon", "", "", "Sun"]
    assert [len(row["name_lengths"]) for row in rows] == [len(row["entity_start"]) for row in rows] == [2, 0, 0, 1]
    assert count_tokens_and_entities(batch) == {
        "tokens": sum(row["num_tokens"] for row in rows),
        "entities": 3,
        "name_tokens": sum(len(row["name_ids"]) for row in rows),
        **dict.fromkeys(ENTITY_COUNTERS, 0),
    }
    assert set(count_tokens_and_entities(batch.slice(0, 0)).values()) == {0}

"""Batches of `augmented` to batches of `encoded`, Arrow to Arrow: columns stay flat arrays, without a Python object per row."""

from array import array
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spark_jobs.tokens.article_encoder import ENTITY_COUNTERS, ArticleEncoder, Entity

INPUT_COLUMNS = ["page_id", "text", "entities"]
_READ_ROWS = 100
_ARRAYS = ("input_ids", "entity_start", "entity_end", "name_lengths", "name_ids")

# Spark has no unsigned types: ids travel as 32-bit integers and get the type of the table when they are written.
TRAVEL_SCHEMA = pa.schema(
    [("page_id", pa.int64()), ("num_tokens", pa.int32())]
    + [(name, pa.int32()) for name in ENTITY_COUNTERS]
    + [(name, pa.list_(pa.int32())) for name in _ARRAYS]
)
TRAVEL_COLUMNS = ", ".join(
    ["page_id long", "num_tokens int", *(f"{name} int" for name in ENTITY_COUNTERS), *(f"{name} array<int>" for name in _ARRAYS)]
)
"""`TRAVEL_SCHEMA` as a Spark DDL string."""


def encode_file(file: str | Path | pa.NativeFile, encoder: ArticleEncoder, pivot: str) -> Iterator[pa.RecordBatch]:
    """Encode a Parquet file of `augmented`, open or as a path, a few articles at a time."""
    for batch in pq.ParquetFile(file).iter_batches(_READ_ROWS, columns=INPUT_COLUMNS):
        yield encode_batch(batch, encoder, pivot)


def encode_batch(batch: pa.RecordBatch, encoder: ArticleEncoder, pivot: str) -> pa.RecordBatch:
    """Encode the articles of a batch with `INPUT_COLUMNS` of `augmented`, in order, with the names in one pivot language.

    Returns the columns of `encoded` and a column for each of `ENTITY_COUNTERS` (`TRAVEL_SCHEMA`).
    """
    counts = {name: array("i") for name in ENTITY_COUNTERS}
    values = {name: array("i") for name in _ARRAYS}
    lengths = {name: array("i") for name in _ARRAYS}
    for text, entities in zip(
        batch.column("text").to_pylist(), select_pivot_entities(batch.column("entities"), pivot), strict=True
    ):
        article = encoder.encode(text, entities)
        row = {
            "input_ids": article.input_ids,
            "entity_start": article.entity_start,
            "entity_end": article.entity_end,
            "name_lengths": [len(ids) for ids in article.name_ids],
            "name_ids": [token for ids in article.name_ids for token in ids],
        }
        for name, items in row.items():
            values[name] += array("i", items)
            lengths[name].append(len(items))
        for name, count in article.counts.items():
            counts[name].append(count)
    columns = {"page_id": batch.column("page_id"), "num_tokens": _int32(lengths["input_ids"])}
    columns |= {name: _int32(column) for name, column in counts.items()}
    columns |= {name: _lists(values[name], lengths[name]) for name in _ARRAYS}
    return pa.RecordBatch.from_arrays([columns[name] for name in TRAVEL_SCHEMA.names], schema=TRAVEL_SCHEMA)


def select_pivot_entities(entities: pa.ListArray, pivot: str) -> list[list[Entity]]:
    """For each row of the column `entities` of `augmented`: the entities that have a name in `pivot`, in order."""
    flat = entities.flatten()
    names = flat.field("names")
    named = names.flatten()
    chosen = pc.equal(named.field("language"), pivot)
    owners = pc.list_parent_indices(names).filter(chosen)  # the entity that each chosen name belongs to
    found = list(
        map(
            Entity,
            flat.field("start").take(owners).to_pylist(),
            flat.field("end").take(owners).to_pylist(),
            named.field("name").filter(chosen).to_pylist(),
        )
    )
    rows = pc.value_counts(pc.list_parent_indices(entities).take(owners))
    by_row = dict(zip(rows.field("values").to_pylist(), rows.field("counts").to_pylist(), strict=True))
    bounds = accumulate((by_row.get(row, 0) for row in range(len(entities))), initial=0)
    return [found[low:high] for low, high in pairwise(bounds)]


def count_tokens_and_entities(batch: pa.RecordBatch) -> dict[str, int]:
    """Counters of the manifest for a batch of `TRAVEL_SCHEMA`: tokens, entities, name tokens, and `ENTITY_COUNTERS`."""
    sums = {
        "tokens": batch.column("num_tokens"),
        "entities": pc.list_value_length(batch.column("entity_start")),
        "name_tokens": pc.list_value_length(batch.column("name_ids")),
        **{name: batch.column(name) for name in ENTITY_COUNTERS},
    }
    return {name: pc.sum(column).as_py() or 0 for name, column in sums.items()}


def _int32(values: "array[int]") -> pa.Array:
    return pa.Array.from_buffers(pa.int32(), len(values), [None, pa.py_buffer(values)])


def _lists(values: "array[int]", lengths: "array[int]") -> pa.ListArray:
    offsets = array("i", accumulate(lengths, initial=0))
    return pa.ListArray.from_arrays(_int32(offsets), _int32(values))

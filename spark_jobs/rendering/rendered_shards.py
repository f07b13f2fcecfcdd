"""Shards of the table `rendered`, each made from one shard of `augmented` by one task."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spark_jobs.common.link_sampling import choose_links
from spark_jobs.common.storage import Location
from spark_jobs.config import RenderRule
from spark_jobs.contract.table_schemas import RENDERED
from spark_jobs.publishing.json_lines import SUFFIXES, Compression, JsonLinesWriter
from spark_jobs.publishing.shard_writer import PARQUET, ShardReport, ShardWriter
from spark_jobs.rendering.name_placement import render_article
from spark_jobs.tokens.encoded_columns import select_pivot_entities

_COPIED_COLUMNS = ("page_id", "revision_id", "title", "url")
_READ_COLUMNS = [*_COPIED_COLUMNS, "text", "entities"]
_BATCH_ROWS = 1000


def render_shard(
    source: Location, wiki: str, rule: RenderRule, compression: Compression | None, attempts: Location
) -> ShardReport:
    """Write the shard of `rendered` for a shard of `augmented`: JSON lines with the given `compression`, or Parquet if None."""
    writer: ShardWriter | JsonLinesWriter
    if compression is None:
        writer = ShardWriter(attempts, source.name, RENDERED.schema, _BATCH_ROWS)
    else:
        name = source.name.removesuffix(PARQUET) + SUFFIXES[compression]
        writer = JsonLinesWriter(attempts, name, RENDERED.schema, compression, {"wiki": wiki})
    with source.open() as file, writer:
        for batch in pq.ParquetFile(file).iter_batches(_BATCH_ROWS, columns=_READ_COLUMNS):
            rows, counters = render_batch(batch, wiki, rule)
            writer.write(rows)
            writer.counters.update(counters)
    return writer.report


def render_batch(batch: pa.RecordBatch, wiki: str, rule: RenderRule) -> tuple[pa.Table, Counter[str]]:
    """Rows of `rendered` for rows of `augmented`, in their order, and counters.

    Counters: `articles`; `characters` after rendering; `entities` with a name in the pivot language; `names`, those of them whose
    name was inserted.
    """
    entities = select_pivot_entities(batch.column("entities"), rule.pivot)
    counts = np.array([len(row) for row in entities], dtype=np.int64)
    chosen = choose_links(
        seed=rule.seed,
        epoch=rule.epoch,
        wiki=wiki,
        page_id=batch.column("page_id").to_numpy(),
        link_offsets=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)]),
        probability=rule.probability if rule.strategy != "none" else 0.0,
    )
    remaining = iter(chosen.tolist())
    texts = [
        render_article(text, [entity for entity in row if next(remaining)], rule.strategy, rule.tags)
        for text, row in zip(batch.column("text").to_pylist(), entities, strict=True)
    ]
    columns = {name: batch.column(name) for name in _COPIED_COLUMNS}
    table = pa.Table.from_pydict({**columns, "text": pa.array(texts, pa.string())}, schema=RENDERED.schema)
    characters = pc.sum(pc.utf8_length(table["text"])).as_py() or 0
    return table, Counter(articles=len(texts), characters=characters, entities=int(counts.sum()), names=int(chosen.sum()))

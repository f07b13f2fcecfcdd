"""Names into plain text: one article, and a shard of `augmented`. Pure functions and one task's work; knows no Spark."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spark_jobs.common.link_sampling import Strategy, choose
from spark_jobs.common.settings import Settings
from spark_jobs.common.storage import Location
from spark_jobs.contract.table_schemas import RENDERED
from spark_jobs.publishing.json_lines import SUFFIXES, Compression, JsonLinesWriter
from spark_jobs.publishing.shard_files import PARQUET, ShardReport, ShardWriter
from spark_jobs.tokens.article_tokens import Entity
from spark_jobs.tokens.encoded_columns import pivot_entities

_COLUMNS = ["page_id", "revision_id", "title", "url", "text", "entities"]
_ROWS = 1000


class RenderRule(Settings):
    """What decides the text, wiki by wiki: which links get their name, and where it goes."""

    pivot: str = "en"
    """Language of the names; one of those that the corpus was built with."""
    strategy: Strategy = "right"
    """Where a name goes: left of the link's text, right of it, in its place (replace), or nowhere (none)."""
    probability: float = 0.5
    """Share of links that get their name."""
    tags: tuple[str, str] | None = ("<translate>", "</translate>")
    """What stands before and behind a name; null for nothing. `[" (", ")"]` with strategy right gives text (name)."""
    seed: int = 42
    """Another seed draws other links; with the seed of a training run its links are drawn."""
    epoch: int = 0
    """Which pass over the data: a training run draws anew in each, the first is 0."""


def render_article(text: str, entities: Sequence[Entity], strategy: Strategy, tags: tuple[str, str] | None) -> str:
    """The text with the names of all `entities`, which are sorted, disjoint and not empty.

    >>> duck = [Entity(0, 4, "鴨")]
    >>> [render_article("Duck swims", duck, strategy, ("<", ">")) for strategy in ("left", "right", "replace", "none")]
    ['<鴨>Duck swims', 'Duck<鴨> swims', '<鴨> swims', 'Duck swims']
    """
    if strategy == "none":
        return text
    opening, closing = tags or ("", "")
    parts = []
    position = 0
    for start, end, name in entities:
        block = f"{opening}{name}{closing}"
        surface = text[start:end]
        parts += [text[position:start], {"left": block + surface, "right": surface + block, "replace": block}[strategy]]
        position = end
    return "".join([*parts, text[position:]])


def render_batch(batch: pa.RecordBatch, wiki: str, rule: RenderRule) -> tuple[pa.Table, Counter[str]]:
    """Rows of `rendered` for rows of `augmented`, in order, and what was counted.

    Counters: `articles`, `characters` after rendering, `entities` with a name in the pivot language, and `names`, how many of
    them are in the text.
    """
    entities = pivot_entities(batch.column("entities"), rule.pivot)
    counts = np.array([len(row) for row in entities], dtype=np.int64)
    chosen = choose(
        seed=rule.seed,
        epoch=rule.epoch,
        wiki=wiki,
        page_id=batch.column("page_id").to_numpy(),
        link_offsets=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)]),
        probability=rule.probability if rule.strategy != "none" else 0.0,
    )
    drawn = iter(chosen.tolist())
    texts = [
        render_article(text, [entity for entity in row if next(drawn)], rule.strategy, rule.tags)
        for text, row in zip(batch.column("text").to_pylist(), entities, strict=True)
    ]
    columns = {name: batch.column(name) for name in ("page_id", "revision_id", "title", "url")}
    table = pa.Table.from_pydict({**columns, "text": pa.array(texts, pa.string())}, schema=RENDERED.schema)
    characters = pc.sum(pc.utf8_length(table["text"])).as_py() or 0
    return table, Counter(articles=len(texts), characters=characters, entities=int(counts.sum()), names=int(chosen.sum()))


def render_shard(
    source: Location, wiki: str, rule: RenderRule, compression: Compression | None, attempts: Location
) -> ShardReport:
    """Write the shard of `rendered` for a shard of `augmented`: Parquet, or JSON lines with the given `compression`."""
    constants: Mapping[str, str] = {"wiki": wiki}
    writer: ShardWriter | JsonLinesWriter
    if compression is None:
        writer = ShardWriter(attempts, source.name, RENDERED.schema, _ROWS)
    else:
        name = source.name.removesuffix(PARQUET) + SUFFIXES[compression]
        writer = JsonLinesWriter(attempts, name, RENDERED.schema, compression, constants)
    with source.open() as file, writer:
        for batch in pq.ParquetFile(file).iter_batches(_ROWS, columns=_COLUMNS):
            rows, counters = render_batch(batch, wiki, rule)
            writer.write(rows)
            writer.counters.update(counters)
    return writer.report

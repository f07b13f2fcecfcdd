"""Counts of the links of a shard of `augmented` that have no name, by reason or by title. Runs in a task, without Spark.

The reasons themselves are in `linking/unnamed_reasons.py`; `stages/link_counts.py` adds the counts of all shards.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.linking.name_resolution import Pivot
from spark_jobs.linking.unnamed_reasons import find_link_reason

LINK_COLUMNS = [
    *(f"links.list.element.{name}" for name in ("start", "wiki", "target", "fragment")),
    "entities.list.element.start",
    "entities.list.element.names.list.element.language",
]
"""Columns of `augmented` that `count_unnamed_links` reads."""
UNNAMED_COUNTS_SCHEMA = "pivot string, reason string, title string, links long"
"""Columns that `count_unnamed_links` yields, as a Spark schema."""


def count_unnamed_links(batches: Iterable[pa.RecordBatch], pivots: Sequence[Pivot]) -> Iterator[pa.RecordBatch]:
    """Count links without a name by pivot, and by reason or title: by title if the reason depends on the link's target.

    Args:
        batches: `LINK_COLUMNS` of a shard of `augmented`.
        pivots: the languages of the names.

    Yields:
        pivot, reason, title, links: either reason or title is null. Rows may repeat.
    """
    for batch in batches:
        links, entities = batch.column("links"), batch.column("entities")
        link_keys = _span_keys(links)
        flat = links.flatten()
        target = pc.struct_field(flat, "target")
        table = pa.table(
            {
                "wiki": pc.struct_field(flat, "wiki"),
                "is_empty": pc.equal(target, ""),
                "has_fragment": pc.is_valid(pc.struct_field(flat, "fragment")),
                "title": target,
            }
        )
        for pivot in pivots:
            named_keys = _span_keys(entities)[_has_name(entities, pivot.language)]
            yield from _count_by_reason_or_title(table.filter(pa.array(~np.isin(link_keys, named_keys))), pivot)


def _count_by_reason_or_title(unnamed: pa.Table, pivot: Pivot) -> Iterator[pa.RecordBatch]:
    """A batch of the links whose reason follows from the link itself, then a batch of the others."""
    kinds = unnamed.group_by(["wiki", "is_empty", "has_fragment"]).aggregate([([], "count_all")]).to_pylist()
    counts_by_reason: list[tuple[str, int]] = []
    for kind in kinds:
        # The reason depends on whether there is a title and a section, not on their text.
        title, fragment = "" if kind["is_empty"] else "title", "section" if kind["has_fragment"] else None
        reason = find_link_reason(kind["wiki"], title, fragment, pivot)
        if reason is not None:
            counts_by_reason.append((reason, kind["count_all"]))
    yield _make_batch(pivot, [reason for reason, _ in counts_by_reason], None, [count for _, count in counts_by_reason])
    is_open = pc.and_(pc.and_(pc.is_null(unnamed["wiki"]), pc.invert(unnamed["is_empty"])), pc.invert(unnamed["has_fragment"]))
    counts = pc.value_counts(unnamed["title"].combine_chunks().filter(is_open.combine_chunks()))
    yield _make_batch(pivot, None, pc.struct_field(counts, "values"), pc.struct_field(counts, "counts"))


def _make_batch(pivot: Pivot, reasons: list[str] | None, titles: pa.Array | None, counts: Any) -> pa.RecordBatch:
    size = len(counts)
    nulls = pa.nulls(size, pa.string())
    columns = [
        pa.array([pivot.language] * size, pa.string()),
        nulls if reasons is None else pa.array(reasons, pa.string()),
        nulls if titles is None else titles,
        pa.array(counts, pa.int64()),
    ]
    return pa.RecordBatch.from_arrays(columns, names=["pivot", "reason", "title", "links"])


def _span_keys(spans: pa.ListArray) -> npt.NDArray[np.int64]:
    """A number for each span, unique in the batch: index of the article in the upper 32 bits, start in the lower 32."""
    lengths = pc.list_value_length(spans).to_numpy()
    starts = pc.struct_field(spans.flatten(), "start").to_numpy().astype(np.int64)
    keys: npt.NDArray[np.int64] = (np.repeat(np.arange(len(lengths), dtype=np.int64), lengths) << 32) | starts
    return keys


def _has_name(entities: pa.ListArray, language: str) -> npt.NDArray[np.bool_]:
    """For each entity of the batch, whether it has a name in the language."""
    names = pc.struct_field(entities.flatten(), "names")
    of_language = pc.equal(pc.struct_field(names.flatten(), "language"), language)
    indices = pc.list_parent_indices(names).filter(of_language).to_numpy()
    has_name = np.zeros(len(names), dtype=bool)
    has_name[indices] = True
    return has_name

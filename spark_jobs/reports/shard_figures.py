"""What is counted in one shard of `augmented` for a report: lengths, links, names, and a few articles to read. Runs in a Spark
task, knows no Spark."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spark_jobs.common.excerpts import Excerpt, best_excerpts
from spark_jobs.common.storage import Location
from spark_jobs.linking.name_resolution import Pivot
from spark_jobs.linking.unnamed_reasons import find_link_reason
from spark_jobs.reports.histogram import Histogram

_COLUMNS = ["title", "is_disambiguation", "text", "links.list.element.start", "entities"]
_READ_ROWS = 1000
_EXCERPTS_FROM = 1000
"""Articles of a shard from which the ones to read are taken."""

LINK_LEAVES = [
    *(f"links.list.element.{name}" for name in ("start", "wiki", "target", "fragment")),
    "entities.list.element.start",
    "entities.list.element.names.list.element.language",
]
"""What `unnamed_links` reads of `augmented`."""
UNNAMED_SCHEMA = "pivot string, reason string, title string, links long"
"""What it yields, in Spark's words."""


@dataclass(frozen=True)
class Selection:
    """Which articles to show."""

    count: int
    limit: int
    """Code points of each."""


@dataclass
class ShardFigures:
    """Counts of a shard, or of several together; and the articles to read."""

    text_lengths: Histogram = field(default_factory=Histogram)
    """Code points of each article."""
    links: Histogram = field(default_factory=Histogram)
    """Links of each article."""
    name_lengths: Histogram = field(default_factory=Histogram)
    """Code points of each name in the first pivot language, every link counted."""
    excerpts: list[Excerpt] = field(default_factory=list)

    def __add__(self, other: "ShardFigures") -> "ShardFigures":
        return ShardFigures(
            self.text_lengths + other.text_lengths,
            self.links + other.links,
            self.name_lengths + other.name_lengths,
            [*self.excerpts, *other.excerpts],
        )


def shard_figures(shard: Location, pivot: Pivot, selection: Selection) -> ShardFigures:
    """The counts of a shard, and the articles among its first thousand that show the most names; no lists of meanings."""
    figures = ShardFigures()
    with shard.open() as file:
        for number, batch in enumerate(pq.ParquetFile(file).iter_batches(_READ_ROWS, columns=_COLUMNS)):
            figures.text_lengths.add(pc.utf8_length(batch.column("text")).to_numpy())
            figures.links.add(pc.list_value_length(batch.column("links")).to_numpy())
            names = pc.struct_field(batch.column("entities").flatten(), "names").flatten()
            of_pivot = pc.equal(pc.struct_field(names, "language"), pivot.language)
            figures.name_lengths.add(pc.utf8_length(pc.struct_field(names, "name").filter(of_pivot)).to_numpy())
            if number * _READ_ROWS < _EXCERPTS_FROM and selection.count:
                rows = batch.filter(pc.invert(batch.column("is_disambiguation"))).to_pylist()
                figures.excerpts = best_excerpts(rows, selection.count, pivot.language, selection.limit)
    return figures


def unnamed_links(batches: Iterable[pa.RecordBatch], pivots: Sequence[Pivot]) -> Iterator[pa.RecordBatch]:
    """How many links have no name, by pivot and reason; by title where the link's target must tell the reason.

    Args:
        batches: `LINK_LEAVES` of a shard of `augmented`.
        pivots: the languages of the names.

    Yields:
        pivot, reason, title, links: either reason or title is null. Rows may repeat.
    """
    for batch in batches:
        links, entities = batch.column("links"), batch.column("entities")
        places = _places(links)
        every = links.flatten()
        target = pc.struct_field(every, "target")
        table = pa.table(
            {
                "wiki": pc.struct_field(every, "wiki"),
                "is_empty": pc.equal(target, ""),
                "has_fragment": pc.is_valid(pc.struct_field(every, "fragment")),
                "title": target,
            }
        )
        for pivot in pivots:
            unnamed = table.filter(pa.array(~np.isin(places, _places(entities)[_has_name(entities, pivot.language)])))
            yield from _counted(unnamed, pivot)


def _counted(unnamed: pa.Table, pivot: Pivot) -> Iterator[pa.RecordBatch]:
    """The rows of `unnamed_links`: first those of links that tell the reason themselves."""
    kinds = unnamed.group_by(["wiki", "is_empty", "has_fragment"]).aggregate([([], "count_all")]).to_pylist()
    told: list[tuple[str, int]] = []
    for kind in kinds:
        # Whether there is a title and a section decides, not which they are.
        title, fragment = "" if kind["is_empty"] else "title", "section" if kind["has_fragment"] else None
        reason = find_link_reason(kind["wiki"], title, fragment, pivot)
        if reason is not None:
            told.append((reason, kind["count_all"]))
    yield _batch(pivot, [reason for reason, _ in told], None, [count for _, count in told])
    is_open = pc.and_(pc.and_(pc.is_null(unnamed["wiki"]), pc.invert(unnamed["is_empty"])), pc.invert(unnamed["has_fragment"]))
    counts = pc.value_counts(unnamed["title"].combine_chunks().filter(is_open.combine_chunks()))
    yield _batch(pivot, None, pc.struct_field(counts, "values"), pc.struct_field(counts, "counts"))


def _batch(pivot: Pivot, reasons: list[str] | None, titles: pa.Array | None, counts: Any) -> pa.RecordBatch:
    size = len(counts)
    nothing = pa.nulls(size, pa.string())
    columns = [
        pa.array([pivot.language] * size, pa.string()),
        nothing if reasons is None else pa.array(reasons, pa.string()),
        nothing if titles is None else titles,
        pa.array(counts, pa.int64()),
    ]
    return pa.RecordBatch.from_arrays(columns, names=["pivot", "reason", "title", "links"])


def _places(spans: pa.ListArray) -> npt.NDArray[np.int64]:
    """A number for each span that no other span of the batch has: its article's place in the batch, and its start."""
    lengths = pc.list_value_length(spans).to_numpy()
    starts = pc.struct_field(spans.flatten(), "start").to_numpy().astype(np.int64)
    places: npt.NDArray[np.int64] = (np.repeat(np.arange(len(lengths), dtype=np.int64), lengths) << 32) | starts
    return places


def _has_name(entities: pa.ListArray, language: str) -> npt.NDArray[np.bool_]:
    """Of each entity whether it has a name in the language."""
    names = pc.struct_field(entities.flatten(), "names")
    of_language = pc.equal(pc.struct_field(names.flatten(), "language"), language)
    owners = pc.list_parent_indices(names).filter(of_language).to_numpy()
    found = np.zeros(len(names), dtype=bool)
    found[owners] = True
    return found

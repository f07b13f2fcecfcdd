"""Figures of one shard of `augmented` for the build report: lengths, links, names, excerpts. Runs in a task, without Spark."""

from dataclasses import dataclass, field

import pyarrow.compute as pc
import pyarrow.parquet as pq

from spark_jobs.common.excerpts import Excerpt, best_excerpts
from spark_jobs.common.storage import Location
from spark_jobs.linking.name_resolution import Pivot
from spark_jobs.reports.histogram import Histogram

_COLUMNS = ["title", "is_disambiguation", "text", "links.list.element.start", "entities"]
_BATCH_ROWS = 1000
_EXCERPT_ROWS = 1000
"""Articles at the beginning of a shard that excerpts are chosen from."""


@dataclass
class ShardFigures:
    """Histograms and excerpts of one shard, or of several after addition."""

    text_lengths: Histogram = field(default_factory=Histogram)
    """Code points of each article."""
    links: Histogram = field(default_factory=Histogram)
    """Links of each article."""
    name_lengths: Histogram = field(default_factory=Histogram)
    """Code points of each name in the first pivot language, counted for every link."""
    excerpts: list[Excerpt] = field(default_factory=list)

    def __add__(self, other: "ShardFigures") -> "ShardFigures":
        return ShardFigures(
            self.text_lengths + other.text_lengths,
            self.links + other.links,
            self.name_lengths + other.name_lengths,
            [*self.excerpts, *other.excerpts],
        )


def count_shard(shard: Location, pivot: Pivot, excerpts: int, excerpt_characters: int) -> ShardFigures:
    """The figures of a shard, with the excerpts that show the most names.

    Args:
        shard: a file of `augmented`.
        pivot: the language of the names.
        excerpts: how many; they come from the first thousand articles, without disambiguation pages.
        excerpt_characters: code points of each.
    """
    figures = ShardFigures()
    with shard.open() as file:
        for number, batch in enumerate(pq.ParquetFile(file).iter_batches(_BATCH_ROWS, columns=_COLUMNS)):
            figures.text_lengths.add(pc.utf8_length(batch.column("text")).to_numpy())
            figures.links.add(pc.list_value_length(batch.column("links")).to_numpy())
            names = pc.struct_field(batch.column("entities").flatten(), "names").flatten()
            of_pivot = pc.equal(pc.struct_field(names, "language"), pivot.language)
            figures.name_lengths.add(pc.utf8_length(pc.struct_field(names, "name").filter(of_pivot)).to_numpy())
            if number * _BATCH_ROWS < _EXCERPT_ROWS and excerpts:
                rows = batch.filter(pc.invert(batch.column("is_disambiguation"))).to_pylist()
                figures.excerpts = best_excerpts(rows, excerpts, pivot.language, excerpt_characters)
    return figures

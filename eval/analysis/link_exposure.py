"""How often a training corpus linked an item's entity, with an English name to insert or without one.

The join of evaluation items with the `links` table (`spark_jobs/contract/table_schemas.py`). An item's `attributes` name its
entity: `entity` in the item's language, `english` in English. A link belongs to that entity if one of its English names equals
`english`, or, for a link without English names, if its surface equals `entity`. Training draws anew in each epoch whether it
inserts the name at a link; the corpus shows only whether there was a name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_jobs.common.errors import ConfigurationError

NAMED, UNNAMED, ABSENT = "linked, with a name", "linked, no name", "never linked"
EXPOSURE_GROUPS = (NAMED, UNNAMED, ABSENT)


@dataclass
class LinkExposure:
    """Number of links of one entity in the corpus."""

    named: int = 0
    """Links with an English name, which training may insert."""
    unnamed: int = 0

    @property
    def group(self) -> str:
        """One of `EXPOSURE_GROUPS`."""
        return NAMED if self.named else UNNAMED if self.unnamed else ABSENT


def read_link_exposure(corpus: Path, wiki: str, entities: Sequence[Mapping[str, Any]]) -> list[LinkExposure]:
    """The exposure of each entity (its `attributes`) in one wiki of a corpus; one batch of links in memory at a time.

    Raises `ConfigurationError` if the corpus has no links of the wiki.
    """
    import pyarrow.parquet as pq

    folder = corpus / "links" / f"wiki={wiki}"
    paths = sorted(folder.glob("*.parquet"))
    if not paths:
        raise ConfigurationError(f"corpus: {folder} holds no links; build the corpus with python -m spark_jobs.build")
    found = [LinkExposure() for _ in entities]
    by_surface, by_name = index_by_name(entities, "entity"), index_by_name(entities, "english")
    for path in paths:
        for batch in pq.ParquetFile(path).iter_batches(columns=["surface", "names"]):
            count_entity_links(batch.to_pylist(), by_surface, by_name, found)
    return found


def index_by_name(entities: Sequence[Mapping[str, Any]], key: str) -> dict[str, list[int]]:
    """Case-folded value of `key` to the indices of the entities that have it."""
    indices: dict[str, list[int]] = {}
    for index, entity in enumerate(entities):
        indices.setdefault(str(entity[key]).casefold(), []).append(index)
    return indices


def count_entity_links(
    links: Iterable[Mapping[str, Any]],
    by_surface: Mapping[str, Sequence[int]],
    by_name: Mapping[str, Sequence[int]],
    exposures: Sequence[LinkExposure],
) -> None:
    """Count each link in the exposure of the entities that it belongs to."""
    for link in links:
        names = [name["name"].casefold() for name in link["names"] if name["language"] == "en"]
        # The name decides: Paris in Texas has the surface of another city.
        indices = (
            {index for name in names for index in by_name.get(name, ())}
            if names
            else by_surface.get(link["surface"].casefold(), ())
        )
        for index in indices:
            if names:
                exposures[index].named += 1
            else:
                exposures[index].unnamed += 1

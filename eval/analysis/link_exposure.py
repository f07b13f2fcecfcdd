"""How often did the corpus that a model was trained on link an item's entity, and could an English name be inserted there?

The join of evaluation items with the `links` table (`spark_jobs/contract/table_schemas.py`). An item's `attributes` say what its entity is
called: `entity` in the item's language, `english` in English. A link is of that entity if one of its English names is that
name, or, where it has none, if its surface is the entity's name. Whether a name was inserted at a given
link is drawn anew in each epoch of training; what the corpus says is whether there was one to insert.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.results.evaluation_results import ItemRecord
from spark_jobs.common.errors import ConfigurationError

NAMED, UNNAMED, ABSENT = "linked, with a name", "linked, no name", "never linked"
GROUPS = (NAMED, UNNAMED, ABSENT)


@dataclass
class Exposure:
    """Links of one entity in the corpus."""

    named: int = 0
    """With an English name, which training may insert."""
    unnamed: int = 0

    @property
    def group(self) -> str:
        """One of `GROUPS`."""
        return NAMED if self.named else UNNAMED if self.unnamed else ABSENT


def read_exposure(corpus: Path, wiki: str, entities: Sequence[dict[str, Any]]) -> list[Exposure]:
    """The exposure of each entity (its `attributes`) in one wiki of a corpus; a batch of links in memory at a time."""
    import pyarrow.parquet as pq

    folder = corpus / "links" / f"wiki={wiki}"
    paths = sorted(folder.glob("*.parquet"))
    if not paths:
        raise ConfigurationError(f"corpus: {folder} holds no links; build the corpus with python -m spark_jobs.build")
    found = [Exposure() for _ in entities]
    by_surface, by_name = index(entities, "entity"), index(entities, "english")
    for path in paths:
        for batch in pq.ParquetFile(path).iter_batches(columns=["surface", "names"]):
            count_entity_links(batch.to_pylist(), by_surface, by_name, found)
    return found


def index(entities: Sequence[dict[str, Any]], key: str) -> dict[str, list[int]]:
    """Name to the places of the entities that have it."""
    places: dict[str, list[int]] = {}
    for place, entity in enumerate(entities):
        places.setdefault(str(entity[key]).casefold(), []).append(place)
    return places


def count_entity_links(
    links: Iterable[dict[str, Any]],
    by_surface: dict[str, list[int]],
    by_name: dict[str, list[int]],
    found: Sequence[Exposure],
) -> None:
    """Add each link to the entities that it is of."""
    for link in links:
        names = [name["name"].casefold() for name in link["names"] if name["language"] == "en"]
        # A name decides: Paris in Texas has the surface of another city.
        places = (
            {place for name in names for place in by_name.get(name, ())}
            if names
            else by_surface.get(link["surface"].casefold(), ())
        )
        for place in places:
            if names:
                found[place].named += 1
            else:
                found[place].unnamed += 1


def population_bands(records: Sequence[ItemRecord], bands: int = 4) -> list[str]:
    """Each item's band by population, as many items in each: `50 to 98 thousand`."""
    sizes = [int(record.attributes["population"]) for record in records]
    order = sorted(range(len(sizes)), key=lambda place: (sizes[place], place))
    names = [""] * len(sizes)
    for band in range(bands):
        members = order[band * len(order) // bands : (band + 1) * len(order) // bands]
        if members:
            name = f"{sizes[members[0]] / 1000:,.0f} to {sizes[members[-1]] / 1000:,.0f} thousand"
            for place in members:
                names[place] = name
    return names

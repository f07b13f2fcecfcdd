"""Items grouped by the population of their city."""

from collections.abc import Sequence

from eval.results.item_records import ItemRecord


def population_bands(records: Sequence[ItemRecord], bands: int = 4) -> list[str]:
    """The name of each item's band by population, `50 to 98 thousand`; bands hold equal numbers of items."""
    sizes = [int(record.attributes["population"]) for record in records]
    order = sorted(range(len(sizes)), key=lambda index: (sizes[index], index))
    names = [""] * len(sizes)
    for band in range(bands):
        members = order[band * len(order) // bands : (band + 1) * len(order) // bands]
        if members:
            name = f"{sizes[members[0]] / 1000:,.0f} to {sizes[members[-1]] / 1000:,.0f} thousand"
            for index in members:
                names[index] = name
    return names

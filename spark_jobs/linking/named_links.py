"""The links of a batch of articles with their names, as Arrow columns: `name_resolution.resolve_link` for millions of links.

Each distinct title is resolved once. Links whose markup contains a name, or that lead to another wiki, are resolved one by one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.contract.arrow_columns import list_array
from spark_jobs.contract.table_schemas import AUGMENTED, LINKS
from spark_jobs.linking.name_resolution import Pivot, TargetNames, resolve_link

_NAMES = LINKS.schema.field("names").type
_ENTITY = AUGMENTED.schema.field("entities").type.value_type
_UNNAMED_ROW = 0
"""Row of `ResolvedTitles.names` for links without names."""


@dataclass(frozen=True)
class ResolvedTitles:
    """Page ids and names of the titles of a shard. Row 0 of `page_ids` and `names` is for titles that lead to no article."""

    titles: pa.Array
    page_ids: pa.Array
    names: pa.Array
    targets: Mapping[str, TargetNames]
    """The input of `resolve_titles`, for links that are resolved one by one."""


def resolve_titles(targets: Mapping[str, TargetNames], pivots: Sequence[Pivot]) -> ResolvedTitles:
    """Resolve and clean the names of every title once."""
    plain = {"kind": "internal", "wiki": None, "fragment": None, "names": ()}
    resolved = [resolve_link({**plain, "target": title}, targets, pivots)[1] for title in targets]
    page_ids = [None, *(target.page_id for target in targets.values())]
    return ResolvedTitles(
        pa.array(list(targets), pa.string()),
        pa.array(page_ids, pa.int64()),
        pa.array([[], *resolved], _NAMES),
        targets,
    )


@dataclass(frozen=True)
class NamedLinks:
    """The links of some articles in one sequence; `counts[i]` of them belong to article `i`."""

    counts: npt.NDArray[np.int64]
    links: pa.StructArray
    page_ids: pa.Array
    names: pa.Array


def name_links(links: pa.ListArray, titles: ResolvedTitles, pivots: Sequence[Pivot]) -> NamedLinks:
    """Resolve every link of the column `links` of `articles`."""
    every = links.flatten()
    target, wiki, fragment = (pc.struct_field(every, name) for name in ("target", "wiki", "fragment"))
    own = pc.list_value_length(pc.struct_field(every, "names")).to_numpy(zero_copy_only=False) > 0
    is_here = pc.and_(pc.is_null(wiki), pc.not_equal(target, ""))
    found = pc.if_else(is_here, pc.index_in(target, value_set=titles.titles), None)
    rows = pc.fill_null(pc.add(found, 1), _UNNAMED_ROW).to_numpy().astype(np.int64)
    named = np.where(fragment.is_null().to_numpy(zero_copy_only=False), rows, _UNNAMED_ROW)
    alone = np.flatnonzero(own | wiki.is_valid().to_numpy(zero_copy_only=False))
    resolved = [resolve_link(link, titles.targets, pivots)[1] for link in every.take(alone).to_pylist()]
    named[alone] = len(titles.names) + np.arange(len(alone))
    names = pa.concat_arrays([titles.names, pa.array(resolved, _NAMES)]).take(pa.array(named))
    return NamedLinks(pc.list_value_length(links).to_numpy().astype(np.int64), every, titles.page_ids.take(pa.array(rows)), names)


def build_entities_column(named: NamedLinks) -> pa.Array:
    """The column `entities`: for each article, its links that have a name."""
    has_name = pc.list_value_length(named.names).to_numpy() > 0
    upto = np.concatenate([[0], np.cumsum(has_name)])
    ends = np.cumsum(named.counts)
    kept = pa.array(has_name)
    start, end = (pc.struct_field(named.links, name).filter(kept) for name in ("start", "end"))
    values = [start, end, named.page_ids.filter(kept), named.names.filter(kept)]
    entities = pa.StructArray.from_arrays(values, fields=list(_ENTITY))
    return list_array(upto[ends] - upto[ends - named.counts], entities, AUGMENTED.schema.field("entities").type)


def build_links_table(page_ids: pa.Array, texts: pa.Array, named: NamedLinks) -> pa.Table:
    """The rows of the table `links` for articles with these page ids and texts."""
    starts, ends = (pc.struct_field(named.links, name) for name in ("start", "end"))
    surfaces = _cut_surfaces(texts.to_pylist(), named.counts.tolist(), starts.to_pylist(), ends.to_pylist())
    owners = page_ids.take(pa.array(np.repeat(np.arange(len(page_ids)), named.counts)))
    columns = [owners, starts, ends, pa.array(surfaces, pa.string()), named.page_ids, named.names]
    return pa.Table.from_arrays(columns, schema=LINKS.schema)


def _cut_surfaces(texts: Sequence[str], counts: Sequence[int], starts: Sequence[int], ends: Sequence[int]) -> list[str]:
    surfaces: list[str] = []
    first = 0
    for text, count in zip(texts, counts, strict=True):
        last = first + count
        surfaces += [text[start:end] for start, end in zip(starts[first:last], ends[first:last], strict=True)]
        first = last
    return surfaces


def count_links(named: NamedLinks) -> Counter[str]:
    """Numbers of links, of links that lead to an article, and of links with a name, by language and by source."""
    counters: Counter[str] = Counter(links=len(named.links), links_with_target=len(named.page_ids) - named.page_ids.null_count)
    entries: Any = named.names.flatten()
    labels = pc.binary_join_element_wise(pc.struct_field(entries, "language"), pc.struct_field(entries, "source"), ".")
    for entry in pc.value_counts(labels).to_pylist():
        counters[f"links_with_name.{entry['values']}"] += entry["counts"]
        counters[f"links_with_name.{entry['values'].partition('.')[0]}"] += entry["counts"]
    return counters

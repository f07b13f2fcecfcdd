"""Rows of `articles` as an Arrow table, built column by column.

A page has hundreds of links, and a Python object for each would cost more time than reading the wikitext.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from spark_jobs.contract.arrow_columns import list_array
from spark_jobs.contract.table_schemas import ARTICLES
from spark_jobs.wikitext import Link, Section

_SCHEMA = ARTICLES.schema
_SECTION = _SCHEMA.field("sections").type.value_type
_LINK = _SCHEMA.field("links").type.value_type
_NAMES = _LINK.field("names").type


class Article(NamedTuple):
    """A row of `articles`; a redirect has a `redirect_title` and neither text, sections nor links."""

    page_id: int
    revision_id: int
    timestamp: datetime | None
    title: str
    url: str
    redirect_title: str | None = None
    redirect_fragment: str | None = None
    is_disambiguation: bool = False
    text: str = ""
    sections: Sequence[Section] = ()
    links: Sequence[Link] = ()


def articles_to_table(articles: Sequence[Article]) -> pa.Table:
    """The articles as a table with the schema of `ARTICLES`."""
    *plain, sections, links = zip(*articles, strict=True) if articles else [()] * len(Article._fields)
    columns = [pa.array(values, field.type) for values, field in zip(plain, _SCHEMA, strict=False)]
    return pa.Table.from_arrays([*columns, _sections(sections), _links(links)], schema=_SCHEMA)


def _sections(lists: Sequence[Sequence[Section]]) -> pa.Array:
    return _lists(lists, _struct(_transpose(lists, len(_SECTION)), _SECTION), "sections")


def _links(lists: Sequence[Sequence[Link]]) -> pa.Array:
    *plain, names = _transpose(lists, len(_LINK))
    arrays = [pa.array(column, field.type) for column, field in zip(plain, _LINK, strict=False)]
    present = [sorted(mapping.items()) for mapping in names if mapping]  # type: ignore[attr-defined]
    pairs = _struct([[pair[part] for mapping in present for pair in mapping] for part in (0, 1)], _NAMES.value_type)
    lengths = np.fromiter(map(len, names), dtype=np.int64, count=len(names))  # type: ignore[arg-type]
    arrays.append(list_array(lengths, pairs, _NAMES))
    return _lists(lists, pa.StructArray.from_arrays(arrays, fields=list(_LINK)), "links")


def _transpose(lists: Sequence[Sequence[tuple[object, ...]]], width: int) -> list[list[object]]:
    """The fields of all tuples in all lists, field by field."""
    columns: list[list[object]] = [[] for _ in range(width)]
    for rows in lists:
        if rows:
            for column, more in zip(columns, zip(*rows, strict=True), strict=True):
                column.extend(more)
    return columns


def _struct(values: Sequence[Sequence[object]], kind: pa.StructType) -> pa.Array:
    arrays = [pa.array(column, field.type) for column, field in zip(values, kind, strict=True)]
    return pa.StructArray.from_arrays(arrays, fields=list(kind))


def _lists(lists: Sequence[Sequence[object]], values: pa.Array, column: str) -> pa.Array:
    return list_array(np.fromiter(map(len, lists), dtype=np.int64, count=len(lists)), values, _SCHEMA.field(column).type)

"""Pages of the data source `mediawiki` gathered into record batches, and its rows for pages and streams that cannot be used."""

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from spark_jobs.dumps.page_cutting import RawPage
from spark_jobs.dumps.page_errors import HistoryError, PageError
from spark_jobs.dumps.page_parsing import PageRevision, parse_page, read_id_and_title
from spark_jobs.sources.mediawiki_options import PAGE_SCHEMA, MediaWikiOptions
from spark_jobs.sources.pushed_filters import Conditions, NumberCondition
from spark_jobs.sources.source_options import SourceError

_BATCH_ROWS = 1000
_BATCH_CHARACTERS = 8 * 2**20
_CORRUPT_BYTES = 64 * 2**10
_HEAD = re.compile(rb"<page>\s*+<title>[^<]*+</title>\s*+<ns>(-?[0-9]{1,9})</ns>\s*+<id>([0-9]{1,18})</id>")
_REVISION = b"<revision>"


class PageBatch:
    """The rows of the next record batch."""

    def __init__(self, file: str, options: MediaWikiOptions, conditions: Conditions | None = None) -> None:
        """`conditions` are those that rows must fulfil."""
        self.rows: list[dict[str, Any]] = []
        self._characters = 0
        self._file = file
        self._options = options
        self._conditions = conditions or {}
        self._skipped = self._conditions
        if options.mode == "DROPMALFORMED" and options.namespaces is not None:
            wanted = (*self._conditions.get("namespace", ()), NumberCondition(among=options.namespaces))
            self._skipped = {**self._conditions, "namespace": wanted}
        self._schema = pa.schema([PAGE_SCHEMA.field(column) for column in options.columns])

    def add(self, raw: RawPage, namespaces: Mapping[str, int] | None) -> None:
        """Add a page if it is wanted. Raises `HistoryError`, and `SourceError` as `add_corrupt`."""
        if self._options.mode != "FAILFAST" and raw.problem is None and is_excluded(raw.xml, self._skipped):
            return
        try:
            if raw.problem is not None:
                raise PageError(raw.problem)
            page = parse_page(raw.xml, namespaces)
        except HistoryError:
            raise
        except PageError as error:
            self.add_corrupt(str(error), raw.stream_offset, raw)
            return
        if self._options.namespaces is None or page.namespace in self._options.namespaces:
            self._append({name: getattr(page, name) for name in PageRevision.__slots__}, raw.stream_offset, raw.page_offset)

    def add_corrupt(self, reason: str, stream_offset: int, raw: RawPage | None = None) -> None:
        """Add a page, or without one a stream, that cannot be used. Raises `SourceError` in mode FAILFAST."""
        if self._options.mode == "DROPMALFORMED":
            return
        page_id, title = (None, None) if raw is None else read_id_and_title(raw.xml)
        if self._options.mode == "FAILFAST":
            where = f"{self._file}, stream at compressed byte {stream_offset}"
            where += "" if raw is None else f", <page> at byte {raw.page_offset} of it (page {page_id}, {title!r})"
            raise SourceError(f"{where}: {reason}. To read the rest, use mode PERMISSIVE or DROPMALFORMED")
        record = "" if raw is None else raw.xml[:_CORRUPT_BYTES].decode("utf-8", errors="replace")
        row = {"page_id": page_id, "title": title, "_corrupt_record": record, "_corrupt_reason": reason}
        self._append(row, stream_offset, None if raw is None else raw.page_offset)

    def _append(self, row: dict[str, Any], stream_offset: int, page_offset: int | None) -> None:
        if not _fulfils(row, self._conditions):
            return
        self.rows.append(row | {"file": self._file, "stream_offset": stream_offset, "page_offset": page_offset})
        self._characters += len(row.get("text") or row.get("_corrupt_record") or "")

    @property
    def is_full(self) -> bool:
        """Whether the batch has enough rows or text."""
        return len(self.rows) >= _BATCH_ROWS or self._characters >= _BATCH_CHARACTERS

    def take(self) -> pa.RecordBatch:
        """The rows as a record batch; the batch is empty afterwards."""
        arrays = [pa.array([row.get(field.name) for row in self.rows], field.type) for field in self._schema]
        self.rows, self._characters = [], 0
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def _fulfils(row: Mapping[str, Any], conditions: Conditions) -> bool:
    return all(condition.holds(row.get(column)) for column, found in conditions.items() for condition in found)


def is_excluded(xml: bytes, conditions: Conditions) -> bool:
    """Whether the head of a page proves that it gives no row: neither as a page nor, if its rest is malformed, as a corrupt one.

    A page of several revisions is never excluded, because it is an error in every mode.

    >>> from spark_jobs.sources.pushed_filters import NumberCondition
    >>> page = b"<page><title>A</title><ns>2</ns><id>7</id><revision>..."
    >>> [is_excluded(page, {"namespace": (NumberCondition(least=n),)}) for n in (2, 3)]
    [False, True]
    """
    if not conditions or (head := _HEAD.match(xml)) is None:
        return False
    row = {"namespace": int(head[1]), "page_id": int(head[2])}
    return not _fulfils(row, conditions) and xml.count(_REVISION) <= 1

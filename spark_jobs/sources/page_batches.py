"""Pages of the data source `mediawiki` gathered into record batches, and its rows for pages and streams that cannot be used."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from spark_jobs.dumps.page_cutting import RawPage
from spark_jobs.dumps.page_errors import HistoryError, PageError
from spark_jobs.dumps.page_parsing import PageRevision, parse_page, read_id_and_title
from spark_jobs.sources.mediawiki_options import PAGE_SCHEMA, MediaWikiOptions
from spark_jobs.sources.source_options import SourceError

_BATCH_ROWS = 1000
_BATCH_CHARACTERS = 8 * 2**20
_CORRUPT_BYTES = 64 * 2**10


class PageBatch:
    """The rows of the next record batch."""

    def __init__(self, file: str, options: MediaWikiOptions) -> None:
        self.rows: list[dict[str, Any]] = []
        self._characters = 0
        self._file = file
        self._options = options
        self._schema = pa.schema([PAGE_SCHEMA.field(column) for column in options.columns])

    def add(self, raw: RawPage, namespaces: Mapping[str, int] | None) -> None:
        """Add a page if its namespace is wanted. Raises `HistoryError`, and `SourceError` as `add_corrupt`."""
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

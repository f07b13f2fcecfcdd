"""Pages and streams of a unit that cannot be used: rows of `rejects` in mode PERMISSIVE, an error in mode FAILFAST."""

from collections.abc import Sequence
from typing import Any

from spark_jobs.dumps.multistream_index import DamagedStream
from spark_jobs.dumps.page_cutting import RawPage
from spark_jobs.dumps.page_errors import HistoryError
from spark_jobs.dumps.page_parsing import PageRevision, read_id_and_title
from spark_jobs.dumps.stream_decompression import StreamError
from spark_jobs.extraction.extract_job import DumpUnit


class ExtractError(RuntimeError):
    """A bad page or stream in mode FAILFAST, or a dump of full histories; the message gives its position and the remedy."""


class RejectCollector:
    """Collects rows of `rejects`. In mode FAILFAST the first one raises `ExtractError` instead."""

    def __init__(self, unit: DumpUnit, mode: str) -> None:
        self.rows: list[dict[str, Any]] = []
        self.streams = DamagedStreamLog(unit.boundaries)
        self._unit = unit
        self._mode = mode

    def add_page(self, stage: str, error: Exception, raw: RawPage, page: PageRevision | None) -> None:
        """Add a page; `page` is None if it could not be parsed."""
        page_id, title = read_id_and_title(raw.xml) if page is None else (page.page_id, page.title)
        place = {"stream_offset": raw.stream_offset, "page_offset": raw.page_offset, "page_id": page_id, "title": title}
        self._add("page", place, stage, str(error))

    def add_stream(self, error: StreamError) -> None:
        """Add a stream. One behind the unit is left to the unit that owns it."""
        # An empty file has one position only, which is its end.
        if self._unit.boundaries and error.offset >= self._unit.end:
            return
        self.streams.note_damage(error.offset)
        place = {"stream_offset": error.offset, "page_offset": None, "page_id": None, "title": None}
        self._add("stream", place, "decompress", error.reason)

    def _add(self, kind: str, place: dict[str, Any], stage: str, reason: str) -> None:
        row = {"unit": kind, "file": self._unit.file.name, **place, "stage": stage, "reason": reason}
        if self._mode == "FAILFAST":
            raise ExtractError(_describe(row))
        self.rows.append(row)


class DamagedStreamLog:
    """The damaged streams of a unit, and the ids of the pages that were read from them before the damage."""

    def __init__(self, boundaries: Sequence[int]) -> None:
        self.damaged: list[DamagedStream] = []
        self._boundaries = boundaries if len(boundaries) > 2 else ()  # one stream may hold a whole wiki, and has no index
        self._offset = -1
        self._seen: list[int | None] = []  # pages of the current stream; None for an id that cannot be read

    def note_page(self, raw: RawPage) -> None:
        """Note a page of the current stream."""
        if not self._boundaries:
            return
        if raw.stream_offset != self._offset:
            self._offset, self._seen = raw.stream_offset, []
        self._seen.append(read_id_and_title(raw.xml)[0])

    def note_damage(self, offset: int) -> None:
        """Note that the stream at `offset` cannot be read to its end."""
        if self._boundaries:
            end = next((boundary for boundary in self._boundaries if boundary > offset), self._boundaries[-1])
            seen = self._seen if offset == self._offset else []
            ids = frozenset(page for page in seen if page is not None)
            self.damaged.append(DamagedStream(offset, end, ids, seen.count(None)))


def make_history_error(unit: DumpUnit, error: HistoryError) -> ExtractError:
    """The error for a dump of full histories, in every mode: all of its pages would be rejects."""
    return ExtractError(f"{unit.file.name}: {error}")


def _describe(row: dict[str, Any]) -> str:
    where = f"{row['file']}, stream at compressed byte {row['stream_offset']}"
    if row["page_offset"] is not None:
        where += f", <page> at byte {row['page_offset']} of it"
    if row["title"] is not None:
        where += f" (page {row['page_id']}, {row['title']!r})"
    return (
        f"{where}: {row['stage']}: {row['reason']}. To build without it, use --set mode=PERMISSIVE: it becomes a row of `rejects`"
    )

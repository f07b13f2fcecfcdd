"""The pages that are lost with the damaged streams of a dump, named by its index file if it has one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from spark_jobs.common.storage import Location
from spark_jobs.dumps.multistream_index import DamagedStream, index_name, match_index, read_index


@dataclass(frozen=True)
class LostPages:
    """Rows of `rejects`, one for each lost page, and a warning about the index, if any."""

    rows: tuple[dict[str, Any], ...]
    warning: str | None


def name_lost_pages(dump: Location, starts: Sequence[int], size: int, damaged: Iterable[DamagedStream]) -> LostPages:
    """Name the pages of a dump file that are lost with its damaged streams.

    `starts` and `size` are the stream offsets of the scan and the bytes of the file; `damaged` is `UnitReport.damaged_streams` of
    all its units. The index beside the file is read only if a stream is damaged. Without an index, and with one that does not
    agree with the dump (see `spark_jobs.dumps.multistream_index`), there are no rows, and the rejects of the streams are the only
    record of the loss.

    The units did not count these pages: add each row to both `pages` and `rejected_pages`.
    """
    damaged = list(damaged)
    name = index_name(dump.name)
    if not damaged or name is None:
        return LostPages((), None)
    index = Location(dump.filesystem, f"{dump.path.rpartition('/')[0]}/{name}", dump.scheme)
    if not index.exists():
        return LostPages((), f"{dump.name} has unreadable streams; with {name} beside it their pages would be named")
    with index.open() as file:
        match = match_index(read_index(file, name), starts, size, damaged)
    rows = tuple(
        {
            "unit": "page",
            "file": dump.name,
            "stream_offset": entry.offset,
            "page_offset": None,
            "page_id": entry.page_id,
            "title": entry.title,
            "stage": "decompress",
            "reason": f"lost with its stream, which cannot be read; named by {name}",
        }
        for entry in match.lost
    )
    return LostPages(rows, None if match.warning is None else f"{name}: {match.warning}")

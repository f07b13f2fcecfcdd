"""The pages that were lost with the unreadable streams of a dump, named by its index file where there is one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from spark_jobs.common.storage import Location
from spark_jobs.dumps.multistream_index import BadStream, index_name, match_index, read_index


@dataclass(frozen=True)
class LostPages:
    """Rows of `rejects`, one a lost page, and what is to be told of the index; None if nothing is."""

    rows: tuple[dict[str, Any], ...]
    warning: str | None


def name_lost_pages(dump: Location, starts: Sequence[int], size: int, bad: Iterable[BadStream]) -> LostPages:
    """Name the pages of a dump file that its unreadable streams took with them.

    `starts` and `size` are the file's streams as the scan found them and its bytes; `bad` is `UnitReport.bad_streams` of all its
    units. The index is looked for beside the file and read only if a stream is bad. Without one, and where it does not agree with
    the dump (`spark_jobs.dumps.multistream_index` has the rule), there are no rows: the streams' own rejects say what is lost.

    Each row is a page more than the units counted: add them to `pages` and to `rejected_pages` alike.
    """
    bad = list(bad)
    name = index_name(dump.name)
    if not bad or name is None:
        return LostPages((), None)
    index = Location(dump.filesystem, f"{dump.path.rpartition('/')[0]}/{name}", dump.scheme)
    if not index.exists():
        return LostPages((), f"{dump.name} has unreadable streams; with {name} beside it their pages would be named")
    with index.open() as file:
        match = match_index(read_index(file, name), starts, size, bad)
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

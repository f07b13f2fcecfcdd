"""The files of a run folder's owner, one for each rank, as another run reads them."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from training.processes.lease_rule import STALE, Lease, WatchedRank, decide_lease
from training.processes.process_identity import ProcessIdentity, has_ended

OWNER = "owner"
"""Folder in the run folder with a file for each rank of the run that owns it."""
_RANK_FILE = re.compile(r"^rank-[0-9]+-[0-9a-f]+\.json$")
_WIDTH = 1024
"""Bytes of a rank's file. It is written over in place, so that no moment finds it empty or absent."""


class RankFile(BaseModel):
    """The content of a rank's file."""

    model_config = ConfigDict(extra="forbid")

    process: ProcessIdentity
    rank: int
    ranks: int
    since: str
    """Time of the start, by the clock of its machine; for messages only."""
    beat: int = 0

    def as_bytes(self) -> bytes:
        """The file: a line of JSON, filled up with blanks to a fixed size."""
        return self.model_dump_json().encode().ljust(_WIDTH - 1) + b"\n"


def rank_file_name(rank: int, token: str) -> str:
    """The name of a rank's file; the token is that of the run.

    >>> rank_file_name(3, "3f2a9c1e")
    'rank-00003-3f2a9c1e.json'
    """
    return f"rank-{rank:05d}-{token}.json"


def is_owner_folder(path: Path) -> bool:
    """Whether a path in a run folder belongs to its owner, and not to the run.

    >>> is_owner_folder(Path("run/owner")), is_owner_folder(Path("run/owner.3f2a9c1e.new")), is_owner_folder(Path("run/model"))
    (True, True, False)
    """
    return path.name == OWNER or (path.name.startswith(f"{OWNER}.") and path.name.endswith(".new"))


def describe_owner(files: Mapping[str, RankFile | None]) -> str:
    """The first rank of an owner, for a message.

    >>> process = ProcessIdentity(host="node-7", kernel="", namespace="", pid=4711, started=0)
    >>> describe_owner({"rank-00000-3f.json": RankFile(process=process, rank=0, ranks=8, since="2026-03-01T09:00:00+00:00")})
    'process 4711 on node-7 (rank 0 of 8, since 2026-03-01T09:00:00+00:00)'
    """
    known = [file for _, file in sorted(files.items()) if file is not None]
    if not known:
        return f"a run whose files cannot be read ({', '.join(sorted(files))})"
    first = known[0]
    return f"process {first.process.pid} on {first.process.host} (rank {first.rank} of {first.ranks}, since {first.since})"


class SeenContent(NamedTuple):
    """The content of a file at the last look, and since when it has had that."""

    content: bytes
    since: float
    changed: bool


class OwnerWatch:
    """Looks at the files of a run folder's owner again and again."""

    def __init__(self, folder: Path, stale: float = STALE) -> None:
        self._owner, self._stale = folder / OWNER, stale
        self._seen: dict[str, SeenContent] = {}

    def look(self) -> tuple[Lease, dict[str, RankFile | None]]:
        """The state of the folder, and the files that decide it by their names: of live ranks, or else all of them."""
        now = time.monotonic()
        files: dict[str, RankFile | None] = {}
        ranks: dict[str, WatchedRank] = {}
        for path in self._list_files():
            try:
                content = path.read_bytes()
            except OSError:  # its rank has just ended
                continue
            before = self._seen.get(path.name, SeenContent(content, now, False))
            seen = before if content == before.content else SeenContent(content, now, True)
            self._seen[path.name], files[path.name] = seen, _parse(content)
            ended = None if (file := files[path.name]) is None else has_ended(file.process)
            ranks[path.name] = WatchedRank(ended, seen.changed, now - seen.since)
        lease = decide_lease(ranks.values(), self._stale)
        if lease is Lease.HELD:
            files = {name: file for name, file in files.items() if decide_lease([ranks[name]], self._stale) is Lease.HELD}
        return lease, files

    def _list_files(self) -> list[Path]:
        try:
            return sorted(path for path in self._owner.iterdir() if _RANK_FILE.match(path.name))
        except OSError:  # there is no owner
            return []


def _parse(content: bytes) -> RankFile | None:
    try:
        return RankFile.model_validate_json(content)
    except ValidationError:
        return None

"""The rule by which a run folder is free, held or abandoned. Pure.

Every rank of the run that owns a folder has a file in it, which it writes again every `BEAT` seconds. Another run that wants the
folder looks at these files again and again, and finds for each rank one of these:

- It has ended: its machine is this one (same boot, same container), and the process is not there any more.
- It lives: its machine is this one, and the process is there; or its file has changed since the first look.
- Its file has not changed for `STALE` seconds, by the clock of this process: it counts as ended. Clocks of machines are never
  compared, and times of files on a shared file system are not used.
- Its file has not changed, but was not watched that long yet.

The folder is held while a rank lives, and abandoned when all have ended.

    >>> ended, lives, silent = WatchedRank(ended=True), WatchedRank(ended=False), WatchedRank(ended=None, unchanged=40.0)
    >>> decide_lease([]).name, decide_lease([ended, lives]).name, decide_lease([ended, ended]).name
    ('FREE', 'HELD', 'ABANDONED')
    >>> decide_lease([ended, silent]).name, decide_lease([silent._replace(unchanged=121.0)]).name
    ('UNKNOWN', 'ABANDONED')
    >>> decide_lease([silent._replace(changed=True)]).name
    'HELD'
"""

from collections.abc import Iterable
from enum import Enum, auto
from typing import NamedTuple

BEAT = 10.0
"""Seconds between two writes of a rank's file."""
STALE = 120.0
"""Seconds without a change after which a rank that cannot be seen counts as ended."""


class WatchedRank(NamedTuple):
    """The result of a look at the file of a rank."""

    ended: bool | None
    """Whether its process has ended; None where that cannot be seen from this machine."""
    changed: bool = False
    """Whether the file has changed since the first look."""
    unchanged: float = 0.0
    """Seconds since the first look, or since the last one that found a change."""


class Lease(Enum):
    """The state of a run folder; see the module's docstring."""

    FREE = auto()
    HELD = auto()
    ABANDONED = auto()
    UNKNOWN = auto()
    """Look again."""


def decide_lease(ranks: Iterable[WatchedRank], stale: float = STALE) -> Lease:
    """The state of a folder with these ranks' files in it."""
    found = list(ranks)
    if not found:
        return Lease.FREE
    left = [rank for rank in found if not rank.ended and (rank.ended is not None or rank.unchanged < stale)]
    if not left:
        return Lease.ABANDONED
    return Lease.HELD if any(rank.ended is False or rank.changed for rank in left) else Lease.UNKNOWN

"""The values that the driver and the tasks of `extract` exchange: a unit of work, its job, and its report."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from spark_jobs.common.storage import Location
from spark_jobs.dumps.multistream_index import DamagedStream
from spark_jobs.publishing.shard_writer import ShardReport
from spark_jobs.wikis import WikiProfile
from spark_jobs.wikitext import Options


@dataclass(frozen=True)
class DumpUnit:
    """A run of streams of one dump file, or a file that only one task can read.

    `boundaries` are the offsets of the unit's bz2 streams and of some that follow, so that a page that continues behind `end`
    can be finished, and last the offset where these end. They are empty for a file that is read as a whole.
    """

    index: int
    file: Location
    end: int
    boundaries: tuple[int, ...]
    xml_bytes_per_shard: int | None = None
    """Bytes of page XML after which the next shard begins; None: the unit is one shard."""


@dataclass(frozen=True)
class ExtractJob:
    """The values that all units of a wiki share."""

    profile: WikiProfile
    base: str
    """Address of the wiki's main page, from siteinfo."""
    mode: Literal["FAILFAST", "PERMISSIVE"]
    options: Options
    attempts: Location
    disambiguations: frozenset[int] | None = None
    """Ids of disambiguation pages, from page_props. None: a page is one if it has one of the profile's templates."""
    namespaces: Mapping[str, int] | None = None
    """Name -> number, from siteinfo: for export versions up to 0.5, whose pages have no `<ns>`. None: these pages are rejects."""


@dataclass(frozen=True)
class UnitReport:
    """The result of a unit: its shards, the rows of `rejects`, counts of both, and the streams that could not be read."""

    file: str
    shards: tuple[ShardReport, ...]
    rejects: tuple[dict[str, Any], ...]
    counters: Counter[str]
    damaged_streams: tuple[DamagedStream, ...] = ()
    """With the pages that were read from them before the damage. Empty for a file of one stream, which has no index."""

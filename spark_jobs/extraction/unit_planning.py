"""The files of a dump cut into units, one for each task.

bz2 packs 4 to 8 bytes of XML into one. So a run of streams makes one shard, and a file that one task reads makes several.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spark_jobs.common.console import console
from spark_jobs.common.storage import Location
from spark_jobs.dumps.stream_starts import STREAMS_BEYOND, group_streams, scan_streams
from spark_jobs.extraction.extract_job import DumpUnit

_LARGE_WHOLE_BYTES = 256 * 2**20
_XML_BYTES_PER_COMPRESSED = 12


@dataclass(frozen=True)
class FileSurvey:
    """The result of one reading of a dump file: its size, its checksum, and the offsets at which bz2 streams begin."""

    file: Location
    bytes: int
    sha256: str
    streams: tuple[int, ...]

    @property
    def input(self) -> dict[str, Any]:
        """The file as an input of the stage, for the manifest."""
        return {"name": self.file.name, "bytes": self.bytes, "sha256": self.sha256}


def survey_file(file: Location) -> FileSurvey:
    """Read a dump file once."""
    digest = hashlib.sha256()
    with file.open() as opened:
        streams = scan_streams(opened, digest.update)
    if not file.name.endswith(".bz2"):
        streams = []
    elif streams and streams[0] > 0:
        streams = [0, *streams]  # the file does not start with a bz2 stream; `read_streams` reports it
    return FileSurvey(file, file.size(), digest.hexdigest(), tuple(streams))


def plan_units(surveys: Sequence[FileSurvey], bytes_per_shard: int) -> list[DumpUnit]:
    """The units of a dump, numbered across its files: runs of bz2 streams, or a whole file of another kind."""
    units: list[DumpUnit] = []
    xml_bytes_per_shard = bytes_per_shard * _XML_BYTES_PER_COMPRESSED
    for survey in surveys:
        boundaries = [*survey.streams, survey.bytes]
        for start, end in group_streams(survey.streams, survey.bytes, bytes_per_shard):
            first, last = bisect_left(boundaries, start), bisect_left(boundaries, end)
            of_unit = tuple(boundaries[first : last + 1 + STREAMS_BEYOND])
            units.append(DumpUnit(len(units), survey.file, end, of_unit, xml_bytes_per_shard))
        if not survey.streams:
            units.append(DumpUnit(len(units), survey.file, survey.bytes, (), xml_bytes_per_shard))
        if len(survey.streams) < 2 and survey.bytes > _LARGE_WHOLE_BYTES:
            console.print(
                f"  warning: {survey.file.name} ({survey.bytes:,} bytes) is one stream, so one task reads all of it; "
                "the multistream form of the same dump is read in parallel",
                style="yellow",
            )
    return units

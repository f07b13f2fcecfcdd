"""Units of a dump file."""

import io

import pytest

from spark_jobs.common.storage import Location
from spark_jobs.dumps.stream_starts import scan_streams
from spark_jobs.extraction.unit_extraction import extract_unit
from spark_jobs.extraction.unit_planning import plan_units, survey_file

from .unit_pages import DUMP


@pytest.mark.parametrize("bytes_per_shard", [6_000, 12_000, 20_000, 10**6])
def test_a_damaged_signature_is_one_reject_wherever_shards_begin_and_end(job, sample, tmp_path, bytes_per_shard) -> None:
    """The scan misses the damaged stream, so the next start that it finds is not the end of the stream before."""
    packed = (sample / "dumps" / DUMP).read_bytes()
    starts = scan_streams(io.BytesIO(packed))
    for bad in starts[1:]:
        data = bytearray(packed)
        data[bad] ^= 0xFF
        path = tmp_path / DUMP
        path.write_bytes(data)
        units = plan_units([survey_file(Location.of(str(path)))], bytes_per_shard)
        reports = [extract_unit(unit, job) for unit in units]
        rejected = [row["stream_offset"] for report in reports for row in report.rejects if row["unit"] == "stream"]
        assert rejected == [bad]

"""Pages that are lost with a damaged stream, named by an index or not."""

import bz2
import io
import itertools
import random
import shutil
from pathlib import Path

import pytest

from spark_jobs.common.storage import Location
from spark_jobs.dumps.multistream_index import index_name
from spark_jobs.dumps.stream_starts import scan_streams
from spark_jobs.extraction.extract_job import DumpUnit, UnitReport
from spark_jobs.extraction.lost_pages import LostPages, name_lost_pages
from spark_jobs.extraction.unit_extraction import extract_unit

from .unit_pages import DUMP, account, page


@pytest.fixture
def damaged(sample: Path, tmp_path: Path) -> tuple[DumpUnit, list[int]]:
    """The sample with a stream that breaks in its middle, as one unit, and its index beside it."""
    data = bytearray((sample / "dumps" / DUMP).read_bytes())
    starts = scan_streams(io.BytesIO(data))
    data[starts[4] + 60 : starts[4] + 70] = b"\xff" * 10
    (tmp_path / DUMP).write_bytes(data)
    shutil.copy(sample / "dumps" / str(index_name(DUMP)), tmp_path)
    return DumpUnit(0, Location.of(str(tmp_path / DUMP)), len(data), (*starts, len(data))), starts


def name_lost(unit: DumpUnit, starts: list[int], report: UnitReport) -> LostPages:
    return name_lost_pages(unit.file, starts, unit.end, report.damaged_streams)


def test_the_pages_of_a_bad_stream_are_named_by_the_index(job, sample, damaged) -> None:
    unit, starts = damaged
    report = extract_unit(unit, job)
    assert account(report)[0] == 93
    lost = name_lost(unit, starts, report)
    assert lost.warning is None
    stream = bz2.decompress((sample / "dumps" / DUMP).read_bytes()[starts[4] : starts[5]]).decode()
    titles = [part.partition("</title>")[0] for part in stream.split("<title>")[1:]]
    assert [row["title"] for row in lost.rows] == titles
    assert {(row["unit"], row["stage"], row["stream_offset"], row["page_offset"]) for row in lost.rows} == {
        ("page", "decompress", starts[4], None)
    }
    assert {row["reason"] for row in lost.rows} == {f"lost with its stream, which cannot be read; named by {index_name(DUMP)}"}


def test_pages_that_were_read_before_the_damage_are_not_lost(job, tmp_path) -> None:
    # bzip2 codes 900,000 bytes in a block; the second block is damaged, and the pages of the first are whole
    letters = random.Random(0)
    texts = [page(number, title=f"T{number}", text=letters.randbytes(250_000).hex()) for number in range(1, 5)]
    streams = [bz2.compress(part.encode()) for part in ("<mediawiki>", "".join(texts), "</mediawiki>")]
    starts = list(itertools.accumulate([0, *map(len, streams)]))
    data = bytearray(b"".join(streams))
    data[starts[2] - 60 : starts[2] - 50] = b"\xff" * 10
    (tmp_path / DUMP).write_bytes(data)
    index = "".join(f"{starts[1]}:{number}:T{number}\n" for number in range(1, 5))
    (tmp_path / str(index_name(DUMP))).write_bytes(bz2.compress(index.encode()))
    unit = DumpUnit(0, Location.of(str(tmp_path / DUMP)), len(data), tuple(starts))
    report = extract_unit(unit, job)
    lost = name_lost(unit, starts[:-1], report)
    assert lost.warning is None
    pages, _, rows, rejected = account(report)
    assert rows > 0
    assert {row["page_id"] for row in lost.rows} == set(range(pages + 1, 5))
    assert rejected == 1


def test_a_page_that_is_cut_before_its_id_is_counted_once(job, tmp_path) -> None:
    # as above; the damage is in the title of the second page, which is half a block long
    letters = random.Random(0)
    texts = [page(1, text=letters.randbytes(300_000).hex()), page(2, title=letters.randbytes(400_000).hex()), page(3), page(4)]
    streams = [bz2.compress(part.encode()) for part in ("<mediawiki>", "".join(texts), "</mediawiki>")]
    starts = list(itertools.accumulate([0, *map(len, streams)]))
    data = bytearray(b"".join(streams))
    data[starts[2] - 60 : starts[2] - 50] = b"\xff" * 10
    (tmp_path / DUMP).write_bytes(data)
    index = "".join(f"{starts[1]}:{number}:T{number}\n" for number in range(1, 5))
    (tmp_path / str(index_name(DUMP))).write_bytes(bz2.compress(index.encode()))
    unit = DumpUnit(0, Location.of(str(tmp_path / DUMP)), len(data), tuple(starts))
    report = extract_unit(unit, job)
    assert account(report) == (2, 0, 1, 1)
    assert [row["page_id"] for row in name_lost(unit, starts[:-1], report).rows] == [3, 4]


@pytest.mark.parametrize(
    ("index", "warning"),
    [
        (b"7:1:A\n9:2:B\n", "2 of its 2 offsets do not point at a stream, so it is ignored"),
        (b"<html>404</html>", "line 1: expected offset:page_id:title, found b'<html>404"),
    ],
)
def test_a_wrong_index_is_reported_and_changes_nothing(job, damaged, tmp_path, index, warning) -> None:
    unit, starts = damaged
    (tmp_path / str(index_name(DUMP))).write_bytes(bz2.compress(index))
    lost = name_lost(unit, starts, extract_unit(unit, job))
    assert lost.rows == ()
    assert warning in str(lost.warning)


def test_an_index_of_another_format_is_reported(job, damaged, tmp_path) -> None:
    unit, starts = damaged
    (tmp_path / str(index_name(DUMP))).write_bytes(b"<html>404</html>")
    assert "cannot be decompressed beyond line 0" in str(name_lost(unit, starts, extract_unit(unit, job)).warning)


def test_a_missing_index_is_reported_only_if_a_stream_is_damaged(job, damaged, tmp_path) -> None:
    unit, starts = damaged
    (tmp_path / str(index_name(DUMP))).unlink()
    assert name_lost(unit, starts, extract_unit(unit, job)) == LostPages(
        (), f"{DUMP} has unreadable streams; with {index_name(DUMP)} beside it their pages would be named"
    )
    assert name_lost_pages(unit.file, starts, unit.end, []) == LostPages((), None)

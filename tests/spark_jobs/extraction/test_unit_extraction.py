"""One unit of `extract` on files that are damaged, too large, too old or of the wrong kind; what an index says is lost."""

import bz2
import dataclasses
import io
import itertools
import random
import shutil
from pathlib import Path

import pytest

from spark_jobs.common.storage import Location
from spark_jobs.contract.row_hash import add_hashes
from spark_jobs.dumps.stream_decompression import scan_streams
from spark_jobs.dumps.multistream_index import BadStream, index_name
from spark_jobs.extraction.unit_extraction import ExtractError, ExtractJob, Unit, UnitReport, extract_unit
from spark_jobs.extraction.lost_pages import LostPages, name_lost_pages
from spark_jobs.publishing.shard_files import number_shards, shard_name
from spark_jobs.stages.extract_stage import plan_units, survey
from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import Options

DUMP = "eswiki-20240101-pages-articles-multistream.xml.bz2"
PAGE = "<page><title>{title}</title>{ns}<id>{id}</id><revision><id>2</id><text>{text}</text></revision></page>\n"


@pytest.fixture
def job(tmp_path: Path) -> ExtractJob:
    (tmp_path / "out").mkdir()
    return ExtractJob(
        load_profile("eswiki"), "https://es.wikipedia.org/wiki/X", "PERMISSIVE", Options(), Location.of(str(tmp_path / "out"))
    )


def page(number: int, title: str = "T", ns: str = "<ns>0</ns>", text: str = "x") -> str:
    return PAGE.format(id=number, title=title, ns=ns, text=text)


def whole(path: Path, text: str) -> Unit:
    path.write_text(f"{text}</mediawiki>", encoding="utf-8")
    return Unit(0, Location.of(str(path)), path.stat().st_size, ())


def account(report: UnitReport) -> tuple[int, int, int, int]:
    counts = report.counters
    assert counts["pages"] == counts["other_namespaces"] + sum(shard.rows for shard in report.shards) + counts["rejected_pages"]
    return counts["pages"], counts["other_namespaces"], sum(shard.rows for shard in report.shards), counts["rejected_pages"]


@pytest.mark.parametrize("mode", ["PERMISSIVE", "FAILFAST"])
@pytest.mark.parametrize("revision", [0, 70 * 2**20], ids=["short", "longer than a page may be"])
def test_a_dump_of_histories_is_refused_in_every_mode(job, tmp_path, mode, revision) -> None:
    second = f"<revision><id>3</id><text>{'y' * revision}</text></revision></page>"
    unit = whole(tmp_path / "x.xml", page(1) + page(2).replace("</page>", second) + page(3))
    job = ExtractJob(job.profile, job.base, mode, job.options, job.attempts)
    with pytest.raises(
        ExtractError, match=r"x\.xml: .*a dump of full histories cannot be used; take one of current revisions"
    ) as error:
        extract_unit(unit, job)
    assert "PERMISSIVE" not in str(error.value)  # which would not help


def test_a_page_that_is_too_long_is_one_reject_with_its_name(job, tmp_path) -> None:
    unit = whole(tmp_path / "x.xml", page(1) + page(2, title="Long", text="y" * (65 * 2**20)) + page(3))
    report = extract_unit(unit, job)
    assert account(report) == (3, 0, 2, 1)
    (row,) = report.rejects
    assert (row["unit"], row["page_id"], row["title"], row["stage"]) == ("page", 2, "Long", "xml")
    assert "and pages of up to 67,108,864 are read" in row["reason"]


def test_a_page_that_cannot_be_parsed_is_named_all_the_same(job, tmp_path) -> None:
    report = extract_unit(whole(tmp_path / "x.xml", page(1) + page(2, title="A &amp; B", text="<b>")), job)
    assert [(row["page_id"], row["title"]) for row in report.rejects] == [(2, "A & B")]


def test_an_empty_file_is_a_reject(job, tmp_path) -> None:
    (tmp_path / "x.xml.bz2").write_bytes(b"")
    report = extract_unit(Unit(0, Location.of(str(tmp_path / "x.xml.bz2")), 0, ()), job)
    assert [(row["unit"], row["stage"]) for row in report.rejects] == [("stream", "decompress")]


def test_old_pages_have_the_namespaces_of_the_head(job, tmp_path) -> None:
    unit = whole(tmp_path / "x.xml", page(1, ns="") + page(2, title="Ayuda:A", ns="") + page(3, title="Portal:A", ns=""))
    old = ExtractJob(job.profile, job.base, job.mode, job.options, job.attempts, namespaces={"Ayuda": 12})
    assert account(extract_unit(unit, old)) == (3, 1, 2, 0)


def test_a_decompression_bomb_is_a_reject_and_the_streams_behind_it_are_read(job, tmp_path, monkeypatch) -> None:
    parts = [page(1), "\0" * 2**26, page(2) + "</mediawiki>"]
    data = b"".join(bz2.compress(part.encode()) for part in parts)
    (tmp_path / "x.bz2").write_bytes(data)
    starts = scan_streams(io.BytesIO(data))
    monkeypatch.setattr("spark_jobs.dumps.page_cutting.read_streams.__defaults__", (2**20, 100))
    monkeypatch.setattr("spark_jobs.dumps.page_cutting.read_pages.__defaults__", (2**26, 2**20))
    report = extract_unit(Unit(0, Location.of(str(tmp_path / "x.bz2")), len(data), (*starts, len(data))), job)
    assert account(report) == (2, 0, 2, 0)
    assert [(row["unit"], row["stream_offset"]) for row in report.rejects] == [("stream", starts[1])]
    assert report.bad_streams == (BadStream(starts[1], starts[2]),)


@pytest.fixture
def damaged(sample: Path, tmp_path: Path) -> tuple[Unit, list[int]]:
    """The sample with a stream that breaks in its middle, as one unit, and its index beside it."""
    data = bytearray((sample / "dumps" / DUMP).read_bytes())
    starts = scan_streams(io.BytesIO(data))
    data[starts[4] + 60 : starts[4] + 70] = b"\xff" * 10
    (tmp_path / DUMP).write_bytes(data)
    shutil.copy(sample / "dumps" / str(index_name(DUMP)), tmp_path)
    return Unit(0, Location.of(str(tmp_path / DUMP)), len(data), (*starts, len(data))), starts


def name(unit: Unit, starts: list[int], report: UnitReport) -> LostPages:
    return name_lost_pages(unit.file, starts, unit.end, report.bad_streams)


def test_the_pages_of_a_bad_stream_are_named_by_the_index(job, sample, damaged) -> None:
    unit, starts = damaged
    report = extract_unit(unit, job)
    assert account(report)[0] == 93
    lost = name(unit, starts, report)
    assert lost.warning is None
    stream = bz2.decompress((sample / "dumps" / DUMP).read_bytes()[starts[4] : starts[5]]).decode()
    titles = [part.partition("</title>")[0] for part in stream.split("<title>")[1:]]
    assert [row["title"] for row in lost.rows] == titles
    assert {(row["unit"], row["stage"], row["stream_offset"], row["page_offset"]) for row in lost.rows} == {
        ("page", "decompress", starts[4], None)
    }
    assert {row["reason"] for row in lost.rows} == {f"lost with its stream, which cannot be read; named by {index_name(DUMP)}"}


def test_pages_that_were_read_before_the_fault_are_not_lost(job, tmp_path) -> None:
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
    unit = Unit(0, Location.of(str(tmp_path / DUMP)), len(data), tuple(starts))
    report = extract_unit(unit, job)
    lost = name(unit, starts[:-1], report)
    assert lost.warning is None
    pages, _, rows, rejected = account(report)
    assert rows > 0
    assert {row["page_id"] for row in lost.rows} == set(range(pages + 1, 5))
    assert rejected == 1


def test_a_page_that_is_cut_before_its_id_is_accounted_for_once(job, tmp_path) -> None:
    # as above; the fault falls into the title of the second page, which is half a block long
    letters = random.Random(0)
    texts = [page(1, text=letters.randbytes(300_000).hex()), page(2, title=letters.randbytes(400_000).hex()), page(3), page(4)]
    streams = [bz2.compress(part.encode()) for part in ("<mediawiki>", "".join(texts), "</mediawiki>")]
    starts = list(itertools.accumulate([0, *map(len, streams)]))
    data = bytearray(b"".join(streams))
    data[starts[2] - 60 : starts[2] - 50] = b"\xff" * 10
    (tmp_path / DUMP).write_bytes(data)
    index = "".join(f"{starts[1]}:{number}:T{number}\n" for number in range(1, 5))
    (tmp_path / str(index_name(DUMP))).write_bytes(bz2.compress(index.encode()))
    unit = Unit(0, Location.of(str(tmp_path / DUMP)), len(data), tuple(starts))
    report = extract_unit(unit, job)
    assert account(report) == (2, 0, 1, 1)
    assert [row["page_id"] for row in name(unit, starts[:-1], report).rows] == [3, 4]


@pytest.mark.parametrize(
    ("index", "warning"),
    [
        (b"7:1:A\n9:2:B\n", "2 of its 2 offsets are no stream, so it is not used"),
        (b"<html>404</html>", "line 1: expected offset:page_id:title, found b'<html>404"),
    ],
)
def test_an_index_that_is_wrong_is_told_and_costs_nothing(job, damaged, tmp_path, index, warning) -> None:
    unit, starts = damaged
    (tmp_path / str(index_name(DUMP))).write_bytes(bz2.compress(index))
    lost = name(unit, starts, extract_unit(unit, job))
    assert lost.rows == ()
    assert warning in str(lost.warning)


def test_an_index_that_is_no_bz2_is_told_too(job, damaged, tmp_path) -> None:
    unit, starts = damaged
    (tmp_path / str(index_name(DUMP))).write_bytes(b"<html>404</html>")
    assert "cannot be decompressed beyond line 0" in str(name(unit, starts, extract_unit(unit, job)).warning)


def test_without_an_index_the_remedy_is_told_and_without_damage_nothing_is_read(job, damaged, tmp_path) -> None:
    unit, starts = damaged
    (tmp_path / str(index_name(DUMP))).unlink()
    assert name(unit, starts, extract_unit(unit, job)) == LostPages(
        (), f"{DUMP} has unreadable streams; with {index_name(DUMP)} beside it their pages would be named"
    )
    assert name_lost_pages(unit.file, starts, unit.end, []) == LostPages((), None)


@pytest.mark.parametrize(("limit", "shards"), [(None, 1), (1, 103), (10**9, 1), (20_000, None)])
def test_a_file_that_one_task_reads_becomes_shards_of_a_size_that_its_pages_tell(job, sample, tmp_path, limit, shards) -> None:
    path = tmp_path / "eswiki-20240101-pages-articles.xml"
    path.write_bytes(bz2.decompress((sample / "dumps" / DUMP).read_bytes()))
    unit = Unit(0, Location.of(str(path)), path.stat().st_size, ())
    whole = extract_unit(unit, job)
    report = extract_unit(dataclasses.replace(unit, xml_bytes_per_shard=limit), job)
    assert account(report) == account(whole)
    assert add_hashes(shard.row_hash for shard in report.shards) == whole.shards[0].row_hash
    assert len(report.shards) == shards if shards else 2 < len(report.shards) < 10
    assert [shard.name for shard in number_shards(report.shards)][-1] == shard_name(len(report.shards) - 1)


@pytest.mark.parametrize("bytes_per_shard", [6_000, 12_000, 20_000, 10**6])
def test_a_damaged_signature_is_one_reject_wherever_shards_begin_and_end(job, sample, tmp_path, bytes_per_shard) -> None:
    """The scan does not see such a stream, so nobody may take the next one that it sees for the end of the one before."""
    packed = (sample / "dumps" / DUMP).read_bytes()
    starts = scan_streams(io.BytesIO(packed))
    for bad in starts[1:]:
        data = bytearray(packed)
        data[bad] ^= 0xFF
        path = tmp_path / DUMP
        path.write_bytes(data)
        units = plan_units([survey(Location.of(str(path)))], bytes_per_shard)
        reports = [extract_unit(unit, job) for unit in units]
        rejected = [row["stream_offset"] for report in reports for row in report.rejects if row["unit"] == "stream"]
        assert rejected == [bad]

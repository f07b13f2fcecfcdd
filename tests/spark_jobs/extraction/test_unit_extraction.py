"""One unit of `extract` on files that are damaged, too large, too old or of another format."""

import bz2
import dataclasses
import io
from pathlib import Path

import pytest

from spark_jobs.common.storage import Location
from spark_jobs.contract.row_hash import add_hashes
from spark_jobs.dumps.multistream_index import DamagedStream
from spark_jobs.dumps.stream_starts import scan_streams
from spark_jobs.extraction.extract_job import DumpUnit, ExtractJob
from spark_jobs.extraction.rejected_pages import ExtractError
from spark_jobs.extraction.unit_extraction import extract_unit
from spark_jobs.publishing.shard_writer import number_shards, shard_name

from .unit_pages import DUMP, account, page


def write_whole_dump(path: Path, text: str) -> DumpUnit:
    path.write_text(f"{text}</mediawiki>", encoding="utf-8")
    return DumpUnit(0, Location.of(str(path)), path.stat().st_size, ())


@pytest.mark.parametrize("mode", ["PERMISSIVE", "FAILFAST"])
@pytest.mark.parametrize("revision", [0, 70 * 2**20], ids=["short", "longer than a page may be"])
def test_a_dump_of_histories_is_refused_in_every_mode(job, tmp_path, mode, revision) -> None:
    second = f"<revision><id>3</id><text>{'y' * revision}</text></revision></page>"
    unit = write_whole_dump(tmp_path / "x.xml", page(1) + page(2).replace("</page>", second) + page(3))
    job = ExtractJob(job.profile, job.base, mode, job.options, job.attempts)
    with pytest.raises(
        ExtractError, match=r"x\.xml: .*a dump of full histories cannot be used; take one of current revisions"
    ) as error:
        extract_unit(unit, job)
    assert "PERMISSIVE" not in str(error.value)  # that mode would not help


def test_a_page_that_is_too_long_is_one_reject_with_its_name(job, tmp_path) -> None:
    unit = write_whole_dump(tmp_path / "x.xml", page(1) + page(2, title="Long", text="y" * (65 * 2**20)) + page(3))
    report = extract_unit(unit, job)
    assert account(report) == (3, 0, 2, 1)
    (row,) = report.rejects
    assert (row["unit"], row["page_id"], row["title"], row["stage"]) == ("page", 2, "Long", "xml")
    assert "and pages of up to 67,108,864 are read" in row["reason"]


def test_a_page_that_cannot_be_parsed_has_its_id_and_title(job, tmp_path) -> None:
    report = extract_unit(write_whole_dump(tmp_path / "x.xml", page(1) + page(2, title="A &amp; B", text="<b>")), job)
    assert [(row["page_id"], row["title"]) for row in report.rejects] == [(2, "A & B")]


def test_an_empty_file_is_a_reject(job, tmp_path) -> None:
    (tmp_path / "x.xml.bz2").write_bytes(b"")
    report = extract_unit(DumpUnit(0, Location.of(str(tmp_path / "x.xml.bz2")), 0, ()), job)
    assert [(row["unit"], row["stage"]) for row in report.rejects] == [("stream", "decompress")]


def test_old_pages_have_the_namespaces_of_the_head(job, tmp_path) -> None:
    unit = write_whole_dump(
        tmp_path / "x.xml", page(1, ns="") + page(2, title="Ayuda:A", ns="") + page(3, title="Portal:A", ns="")
    )
    old = ExtractJob(job.profile, job.base, job.mode, job.options, job.attempts, namespaces={"Ayuda": 12})
    assert account(extract_unit(unit, old)) == (3, 1, 2, 0)


def test_a_decompression_bomb_is_a_reject_and_the_next_streams_are_read(job, tmp_path, monkeypatch) -> None:
    parts = [page(1), "\0" * 2**26, page(2) + "</mediawiki>"]
    data = b"".join(bz2.compress(part.encode()) for part in parts)
    (tmp_path / "x.bz2").write_bytes(data)
    starts = scan_streams(io.BytesIO(data))
    monkeypatch.setattr("spark_jobs.dumps.dump_pages.read_streams.__defaults__", (2**20, 100))
    monkeypatch.setattr("spark_jobs.dumps.dump_pages.read_pages.__defaults__", (2**26, 2**20))
    report = extract_unit(DumpUnit(0, Location.of(str(tmp_path / "x.bz2")), len(data), (*starts, len(data))), job)
    assert account(report) == (2, 0, 2, 0)
    assert [(row["unit"], row["stream_offset"]) for row in report.rejects] == [("stream", starts[1])]
    assert report.damaged_streams == (DamagedStream(starts[1], starts[2]),)


@pytest.mark.parametrize(("limit", "shards"), [(None, 1), (1, 103), (10**9, 1), (20_000, None)])
def test_a_file_that_one_task_reads_is_cut_into_shards_by_the_bytes_of_its_pages(job, sample, tmp_path, limit, shards) -> None:
    path = tmp_path / "eswiki-20240101-pages-articles.xml"
    path.write_bytes(bz2.decompress((sample / "dumps" / DUMP).read_bytes()))
    unit = DumpUnit(0, Location.of(str(path)), path.stat().st_size, ())
    whole = extract_unit(unit, job)
    report = extract_unit(dataclasses.replace(unit, xml_bytes_per_shard=limit), job)
    assert account(report) == account(whole)
    assert add_hashes(shard.row_hash for shard in report.shards) == whole.shards[0].row_hash
    assert len(report.shards) == shards if shards else 2 < len(report.shards) < 10
    assert [shard.name for shard in number_shards(report.shards)][-1] == shard_name(len(report.shards) - 1)

"""Every fault of an input or a disk: its message, and that nothing half made is left."""

import bz2
import gzip
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from spark_jobs.common.command_line import EXIT_CONFIGURATION
from spark_jobs.common.console import console
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.config import CorpusSettings
from spark_jobs.contract.table_schemas import Manifest
from spark_jobs.dumps.compressed_streams import scan_streams
from spark_jobs.dumps.multistream_index import index_name
from spark_jobs.extraction.dump_unit import ExtractJob, Unit, UnitReport, extract_unit
from spark_jobs.publishing.input_changes import InputChangedError
from spark_jobs.publishing.publication import PublishError
from spark_jobs.runtime.task_errors import BadInputError, DiskFullError
from spark_jobs.stages import align_stage as align
from spark_jobs.stages import extract_stage as extract
from spark_jobs.stages.build_plan import plan_build
from spark_jobs.stages.build_stages import STAGES, build
from spark_jobs.stages.stage_runs import run_timed

WIKI = "eswiki"
MULTISTREAM = "eswiki-20240101-pages-articles-multistream.xml.bz2"
LANGLINKS = "eswiki-20240101-langlinks.sql.gz"
INDEX = str(index_name(MULTISTREAM))
BAD = 4  # of the sample's streams: the head, then streams of ten pages
PAGES, PAGES_OF_A_STREAM = 103, 10


def permissive(settings: CorpusSettings) -> CorpusSettings:
    return settings.model_copy(update={"mode": "PERMISSIVE"})


def run_extract(spark, settings: CorpusSettings):
    return run_timed(extract.extract_wiki, spark, settings, WIKI)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """A function that gives what was written to the console since it was last called."""
    monkeypatch.setattr(console, "_width", 1000)  # else file names are cut where the lines are
    capsys.readouterr()
    return lambda: capsys.readouterr().err


def published_files(settings: CorpusSettings) -> set[str]:
    """The files of an output folder that a reader sees."""
    folder = Path(settings.output_dir)
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in files if path.parts[0] != "_staging"}


def damage(xml: bytes, old: bytes, new: bytes) -> bytes:
    assert xml.count(old) == 1
    return xml.replace(old, new)


def damage_stream(data: bytes) -> bytes:
    """The sample's dump with one stream that cannot be read."""
    start = scan_streams(io.BytesIO(data))[BAD]
    return data[: start + 60] + b"\xff" * 10 + data[start + 70 :]


def read_rejects(settings: CorpusSettings) -> list[dict[str, Any]]:
    return pq.read_table(Path(settings.output_dir) / "rejects" / f"wiki={WIKI}" / "part-00000.parquet").to_pylist()


def assert_account_closes(articles: Manifest, rejects: list[dict[str, Any]]) -> None:
    """In the counters and, the same, in the account of the one file."""
    (file,) = articles.inputs
    pages = sum(row["unit"] == "page" for row in rejects)
    assert articles.counters["rejected_pages"] == file["rejected_pages"] == pages
    assert articles.counters["other_namespaces"] == file["other_namespaces"]
    assert articles.rows == file["rows"]
    assert articles.counters["pages"] == file["pages"] == file["other_namespaces"] + file["rows"] + pages
    assert file["rejected_streams"] == len(rejects) - pages


@pytest.mark.parametrize(
    ("index", "named", "warning"),
    [
        (INDEX, PAGES_OF_A_STREAM, None),
        (None, 0, f"{MULTISTREAM} has unreadable streams; with {INDEX} beside it their pages would be named"),
        (INDEX.replace("es", "ja", 1), 0, f"{INDEX}: 7 of its 11 offsets are no stream, so it is not used: another dump?"),
    ],
    ids=["its index", "no index", "the index of another dump"],
)
def test_the_pages_of_a_bad_stream_are_named_by_a_right_index_and_told_to_be_lost_without(
    spark, sample, dumps, settings, said, index, named, warning
) -> None:
    data = (sample / "dumps" / MULTISTREAM).read_bytes()
    (dumps / MULTISTREAM).write_bytes(damage_stream(data))
    if index is not None:
        shutil.copy(sample / "dumps" / index, dumps / INDEX)
    articles, rejects = run_extract(spark, permissive(settings)).manifests
    rows = read_rejects(settings)
    assert articles.counters["pages"] == PAGES - PAGES_OF_A_STREAM + named
    assert_account_closes(articles, rows)
    assert rejects.counters == {"decompress": 1 + named}
    start = scan_streams(io.BytesIO(data))[BAD]
    assert [(row["unit"], row["stream_offset"], row["stage"]) for row in rows] == [
        ("stream", start, "decompress"),
        *[("page", start, "decompress")] * named,
    ]
    lines = bz2.decompress((sample / "dumps" / INDEX).read_bytes()).decode().splitlines()
    expected = [line.split(":", 2)[1:] for line in lines if line.startswith(f"{start}:")]
    assert [[str(row["page_id"]), row["title"]] for row in rows[1:]] == (expected if named else [])
    printed = said()
    assert "warning" not in printed if warning is None else f"warning: {warning}" in printed


@pytest.mark.parametrize(
    ("old", "new", "stage", "reason"),
    [
        (b"<title>Sol</title>", b"<title>Sol<title>", "xml", "malformed XML"),
        (b"<title>Sol</title>", b"", "xml", "<page> has no <title>"),
    ],
)
def test_a_bad_page_stops_the_build_or_becomes_a_reject(
    spark, sample, dumps, settings, tmp_path, old, new, stage, reason
) -> None:
    xml = damage(bz2.decompress((sample / "dumps" / MULTISTREAM).read_bytes()), old, new)
    (dumps / "eswiki-20240101-pages-articles.xml").write_bytes(xml)
    with pytest.raises(
        BadInputError, match=rf"pages-articles\.xml, stream at compressed byte 0, <page> at byte \d+ of it.*{reason}"
    ):
        run_extract(spark, settings)
    assert not (tmp_path / "out" / "articles").exists()

    articles, rejects = run_extract(spark, settings.model_copy(update={"mode": "PERMISSIVE"})).manifests
    assert (rejects.rows, rejects.counters) == (1, {stage: 1})
    assert articles.counters["pages"] == xml.count(b"<page>")
    assert articles.counters["pages"] == articles.counters["other_namespaces"] + articles.rows + rejects.rows


@pytest.mark.parametrize("bytes_per_shard", [6_000, 10**6], ids=["a stream a shard", "one shard"])
def test_a_bad_stream_costs_its_own_pages_and_no_others(spark, sample, dumps, settings, bytes_per_shard) -> None:
    data = (sample / "dumps" / MULTISTREAM).read_bytes()
    (dumps / MULTISTREAM).write_bytes(damage_stream(data))
    settings = settings.model_copy(
        update={"mode": "PERMISSIVE", "extract": settings.extract.model_copy(update={"bytes_per_shard": bytes_per_shard})}
    )
    articles, rejects = run_extract(spark, settings).manifests
    assert articles.counters["pages"] == PAGES - PAGES_OF_A_STREAM
    assert (rejects.rows, rejects.counters) == (1, {"decompress": 1})
    (row,) = read_rejects(settings)
    start = scan_streams(io.BytesIO(data))[BAD]
    assert (row["unit"], row["stream_offset"], row["page_offset"]) == ("stream", start, None)


def test_a_flipped_byte_of_a_gzip_dump_is_a_reject_too(spark, sample, dumps, settings) -> None:
    data = bytearray(gzip.compress(bz2.decompress((sample / "dumps" / MULTISTREAM).read_bytes())))
    data[len(data) // 2] ^= 0xFF
    (dumps / "eswiki-20240101-pages-articles.xml.gz").write_bytes(data)
    with pytest.raises(BadInputError, match="cannot be decompressed to its end"):
        run_extract(spark, settings)


def test_a_truncated_dump_keeps_the_whole_pages_before_the_cut(spark, sample, dumps, settings) -> None:
    data = (sample / "dumps" / MULTISTREAM).read_bytes()
    cut = len(data) // 2
    (dumps / MULTISTREAM).write_bytes(data[:cut])
    with pytest.raises(BadInputError, match=r"the file ends before the stream does: is it a whole download"):
        run_extract(spark, settings)
    assert published_files(settings) == set()
    articles, _ = run_extract(spark, permissive(settings)).manifests
    rows = read_rejects(settings)
    last = max(start for start in scan_streams(io.BytesIO(data)) if start < cut)
    assert articles.counters["pages"] == bz2.decompress(data[:last]).count(b"<page>")
    assert [(row["unit"], row["stream_offset"], row["stage"]) for row in rows] == [("stream", last, "decompress")]
    assert_account_closes(articles, rows)


def test_a_dump_that_is_cut_between_two_streams_is_told(spark, sample, dumps, settings) -> None:
    data = (sample / "dumps" / MULTISTREAM).read_bytes()
    *_, before, cut = [start for start in scan_streams(io.BytesIO(data)) if start < len(data)]
    (dumps / MULTISTREAM).write_bytes(data[:cut])
    with pytest.raises(
        BadInputError, match=rf"compressed byte {before}: decompress: the file ends without </mediawiki> after it"
    ):
        run_extract(spark, settings)
    articles, _ = run_extract(spark, permissive(settings)).manifests
    rows = read_rejects(settings)
    assert articles.counters["pages"] == bz2.decompress(data[:cut]).count(b"<page>")
    assert [(row["unit"], row["stream_offset"], row["stage"]) for row in rows] == [("stream", before, "decompress")]
    assert_account_closes(articles, rows)


def test_an_account_that_does_not_close_stops_the_build(spark, sample, dumps, settings, monkeypatch) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)

    def lose_a_page(unit: Unit, job: ExtractJob) -> UnitReport:
        report = extract_unit(unit, job)
        report.counters["pages"] += 1
        return report

    monkeypatch.setattr(extract, "extract_unit", lose_a_page)
    with pytest.raises(
        PublishError, match=rf"{MULTISTREAM}: pages = other namespaces \+ rows \+ rejects does not hold: {{'pages"
    ):
        run_extract(spark, settings)
    assert published_files(settings) == set()


HEAD = b"<mediawiki><siteinfo><dbname>frwiki</dbname></siteinfo></mediawiki>"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "no complete dump of eswiki"),
        (bz2.compress(HEAD), "says that it is a dump of 'frwiki', not of 'eswiki'"),
        (bz2.compress(b"<html>404</html>"), "does not begin with <siteinfo>.*It begins with b'<html>404"),
        (b"<html>404</html>", "cannot be decompressed"),
        (b"", "is it a whole download"),
    ],
    ids=["no pages", "another wiki", "no export", "no bz2", "empty"],
)
def test_a_dump_that_cannot_be_meant_is_refused_before_any_work(spark, dumps, settings, tmp_path, data, message) -> None:
    if data is not None:
        (dumps / MULTISTREAM).write_bytes(data)
    with pytest.raises(ConfigurationError, match=message):
        run_extract(spark, settings)
    assert not (tmp_path / "out" / "articles").exists()


def test_a_folder_that_is_not_there_is_named(spark, settings) -> None:
    with pytest.raises(ConfigurationError, match="dumps_dir: '/nowhere' does not exist"):
        run_extract(spark, settings.model_copy(update={"dumps_dir": "/nowhere"}))


# --- inputs that change, or are of another wiki


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20_000])


@pytest.mark.parametrize(
    ("change", "now"),
    [(append, "37,629 bytes of .* UTC now"), (cut, "20,000 bytes of .* UTC now"), (Path.unlink, "not there now")],
    ids=["appended to", "cut", "removed"],
)
def test_a_dump_that_changes_while_it_is_read_is_not_published(spark, sample, dumps, settings, monkeypatch, change, now) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    survey = extract.survey

    def survey_and_change(file):
        found = survey(file)
        change(dumps / MULTISTREAM)
        return found

    monkeypatch.setattr(extract, "survey", survey_and_change)
    with pytest.raises(
        InputChangedError,
        match=rf"{dumps}/{MULTISTREAM} changed while it was read: 37,625 bytes of .* when the stage began, {now}; nothing "
        "of the stage was published. Run it again when the file is whole",
    ):
        run_extract(spark, settings)
    assert published_files(settings) == set()


def test_langlinks_that_change_while_they_are_read_are_not_published(spark, sample, dumps, settings, monkeypatch) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    run_extract(spark, settings)
    visible = published_files(settings)
    read_langlinks = align.read_langlinks

    def change_and_read(*arguments):
        append(dumps / LANGLINKS)
        return read_langlinks(*arguments)

    monkeypatch.setattr(align, "read_langlinks", change_and_read)
    with pytest.raises(InputChangedError, match=rf"/{LANGLINKS} changed while it was read: 2,164 bytes .* 2,168 bytes"):
        run_timed(align.align_wiki, spark, settings, WIKI)
    assert published_files(settings) == visible


def test_a_table_that_says_it_is_of_another_wiki_is_refused_before_any_work(sample, dumps, settings) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    shutil.copy(sample / "dumps" / LANGLINKS.replace("es", "ja", 1), dumps / LANGLINKS)  # nine in ten of its page ids exist
    with pytest.raises(
        ConfigurationError, match=rf"/{LANGLINKS} says that it is a table of 'jawiki', not of 'eswiki': check the file's name"
    ):
        plan_build(settings)


def test_a_database_of_a_name_of_its_own_is_no_other_wiki(sample, dumps, settings) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    sql = gzip.decompress((dumps / LANGLINKS).read_bytes())
    (dumps / LANGLINKS).write_bytes(gzip.compress(damage(sql, b"Database: eswiki", b"Database: restored")))
    plan_build(settings)


def test_langlinks_of_other_pages_are_told_and_those_of_the_wiki_are_not(spark, sample, dumps, settings, said) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    run_extract(spark, settings)
    assert run_timed(align.align_wiki, spark, settings, WIKI).manifests[0].counters["langlinks_of_articles"] == 55
    assert "WARNING" not in said()

    sql = gzip.decompress((dumps / LANGLINKS).read_bytes())
    others = re.sub(rb"\((\d+),'", lambda match: b"(%d,'" % (int(match[1]) + 10**6), sql)
    (dumps / LANGLINKS).write_bytes(gzip.compress(others))
    assert run_timed(align.align_wiki, spark, settings, WIKI).manifests[0].counters["langlinks_of_articles"] == 0
    assert (
        f"WARNING: of 67 langlinks in {LANGLINKS} only 0 belong to articles of this dump, where at least 20% are expected: "
        "is it the table of this wiki and this day, and is the dump whole?" in said()
    )


# --- full disks


def fill(folder: Path, leave: int) -> Path:
    """A file that takes all of a disk but a few bytes."""
    filler = folder / "filler"
    filler.write_bytes(b"\0" * (shutil.disk_usage(folder).free - leave))
    return filler


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Any]:
    """A function (name, size) -> folder, with a disk of its own of that size."""
    folders: list[Path] = []

    def mount(name: str, size: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("a small disk cannot be mounted here: that needs root and the capability SYS_ADMIN")
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_stops_each_stage_with_a_message_and_a_rerun_goes_on_there(
    spark, corpus, sample, dumps, settings, small_disk
) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    disk = small_disk("disk", "4m")
    settings = settings.model_copy(update={"output_dir": str(disk / "out")})
    done: list[str] = []
    for name, stage in STAGES:
        visible = published_files(settings)
        filler = fill(disk, leave=4096)
        with pytest.raises(
            DiskFullError,
            match=rf"^output_dir: '{disk}/out': No space left on device \([\d,]+ bytes of the stage that was running are in "
            rf"_staging, [\d,]+ bytes are free now\)\. No table was published in part.* run the same command again",
        ):
            build(spark, settings)
        assert published_files(settings) == visible
        filler.unlink()
        assert not run_timed(stage, spark, settings, WIKI).skipped
        done.append(name)
    filler = fill(disk, leave=0)
    with pytest.raises(DiskFullError, match=r"^output_dir: "):  # only the report is left to write
        build(spark, settings)
    filler.unlink()
    report = build(spark, settings)
    assert {entry["stage"] for entry in report["stages"] if entry["skipped"]} == set(done)
    assert not list((disk / "out" / "_staging").iterdir())
    of_this_wiki = {path for path in corpus.rglob("*.*") if f"wiki={WIKI}" in path.parts}
    assert {str(path.relative_to(corpus)) for path in of_this_wiki} == {f for f in published_files(settings) if "wiki=" in f}
    assert [path for path in of_this_wiki if path.read_bytes() != (disk / "out" / path.relative_to(corpus)).read_bytes()] == []


@pytest.mark.slow
def test_a_full_disk_of_sparks_own_files_is_told_apart(sample, dumps, settings, small_disk, tmp_path) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    scratch = small_disk("scratch", "64k")
    conf = {**settings.spark.conf, "spark.local.dir": str(scratch)}
    settings = settings.model_copy(update={"spark": settings.spark.model_copy(update={"master": "local[2]", "conf": conf})})
    (tmp_path / "config.yaml").write_text(settings.to_yaml(), encoding="utf-8")
    command = [sys.executable, "-m", "spark_jobs.build", "--config", str(tmp_path / "config.yaml")]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert result.returncode == EXIT_CONFIGURATION
    assert "Traceback" not in result.stderr
    message = result.stderr.splitlines()[-1]
    assert message.startswith(f"error: spark.local.dir: '{scratch}': No space left on device. Spark's own files")
    assert message.endswith("then run the same command again: it goes on with this stage")
    assert not any(path.endswith(".parquet") for path in published_files(settings) if "names" in path)

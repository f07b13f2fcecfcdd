"""Inputs that are damaged, change during a stage, or are of another wiki: the message, and that no partial table is published."""

import bz2
import gzip
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from spark_jobs.common.console import console
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.config import CorpusSettings
from spark_jobs.contract.manifest import Manifest
from spark_jobs.dumps.multistream_index import index_name
from spark_jobs.dumps.stream_starts import scan_streams
from spark_jobs.extraction.extract_job import DumpUnit, ExtractJob, UnitReport
from spark_jobs.extraction.unit_extraction import extract_unit
from spark_jobs.publishing.input_changes import InputChangedError
from spark_jobs.publishing.publication import PublishError
from spark_jobs.runtime.task_errors import BadInputError
from spark_jobs.stages import align_stage as align
from spark_jobs.stages import extract_stage as extract
from spark_jobs.stages.build_plan import plan_build
from spark_jobs.stages.stage_runs import run_timed

from ..published_files import published_files

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
def read_console(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """A function that returns the console's output since its last call."""
    monkeypatch.setattr(console, "_width", 1000)  # else long file names are cut by line breaks
    capsys.readouterr()
    return lambda: capsys.readouterr().err


def damage(xml: bytes, old: bytes, new: bytes) -> bytes:
    assert xml.count(old) == 1
    return xml.replace(old, new)


def damage_stream(data: bytes) -> bytes:
    """The sample's dump with one stream that cannot be read."""
    start = scan_streams(io.BytesIO(data))[BAD]
    return data[: start + 60] + b"\xff" * 10 + data[start + 70 :]


def read_rejects(settings: CorpusSettings) -> list[dict[str, Any]]:
    return pq.read_table(Path(settings.output_dir) / "rejects" / f"wiki={WIKI}" / "part-00000.parquet").to_pylist()


def assert_pages_add_up(articles: Manifest, rejects: list[dict[str, Any]]) -> None:
    """pages = other namespaces + rows + rejects, in the counters and in the input's entry."""
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
        (
            INDEX.replace("es", "ja", 1),
            0,
            f"{INDEX}: 7 of its 11 offsets do not point at a stream, so it is ignored: another dump?",
        ),
    ],
    ids=["its index", "no index", "the index of another dump"],
)
def test_pages_of_a_bad_stream_are_rejected_by_name_with_a_matching_index_else_the_build_warns(
    spark, sample, dumps, settings, read_console, index, named, warning
) -> None:
    data = (sample / "dumps" / MULTISTREAM).read_bytes()
    (dumps / MULTISTREAM).write_bytes(damage_stream(data))
    if index is not None:
        shutil.copy(sample / "dumps" / index, dumps / INDEX)
    articles, rejects = run_extract(spark, permissive(settings)).manifests
    rows = read_rejects(settings)
    assert articles.counters["pages"] == PAGES - PAGES_OF_A_STREAM + named
    assert_pages_add_up(articles, rows)
    assert rejects.counters == {"decompress": 1 + named}
    start = scan_streams(io.BytesIO(data))[BAD]
    assert [(row["unit"], row["stream_offset"], row["stage"]) for row in rows] == [
        ("stream", start, "decompress"),
        *[("page", start, "decompress")] * named,
    ]
    lines = bz2.decompress((sample / "dumps" / INDEX).read_bytes()).decode().splitlines()
    expected = [line.split(":", 2)[1:] for line in lines if line.startswith(f"{start}:")]
    assert [[str(row["page_id"]), row["title"]] for row in rows[1:]] == (expected if named else [])
    printed = read_console()
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


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        (
            lambda xml: re.sub(rb"<page>.*</page>", b"", xml, flags=re.DOTALL),
            "has no pages, so it gives no article; is it a whole",
        ),
        (lambda xml: re.sub(rb"<ns>\d+</ns>", b"<ns>14</ns>", xml), "gives no article: its 103 pages belong to other namespaces"),
    ],
    ids=["no pages", "no articles"],
)
def test_a_dump_without_articles_is_published_with_a_warning(
    spark, sample, dumps, settings, read_console, change: Callable[[bytes], bytes], warning: str
) -> None:
    xml = change(bz2.decompress((sample / "dumps" / MULTISTREAM).read_bytes()))
    (dumps / "eswiki-20240101-pages-articles.xml").write_bytes(xml)
    articles, rejects = run_extract(spark, settings).manifests
    assert (articles.rows, rejects.rows) == (0, 0)
    assert f"warning: eswiki-20240101-pages-articles.xml {warning}" in read_console()


@pytest.mark.parametrize("name", [LANGLINKS.removesuffix(".gz"), LANGLINKS])
def test_empty_langlinks_are_named_as_empty(spark, sample, dumps, settings, name: str) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    (dumps / LANGLINKS).unlink()
    (dumps / name).touch()
    run_extract(spark, settings)
    with pytest.raises(BadInputError, match=rf"{name} is empty; download it again$"):
        run_timed(align.align_wiki, spark, settings, WIKI)


@pytest.mark.parametrize("bytes_per_shard", [6_000, 10**6], ids=["a stream a shard", "one shard"])
def test_a_bad_stream_loses_its_pages_only(spark, sample, dumps, settings, bytes_per_shard) -> None:
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
    assert_pages_add_up(articles, rows)


def test_a_dump_that_is_cut_between_two_streams_is_refused(spark, sample, dumps, settings) -> None:
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
    assert_pages_add_up(articles, rows)


def test_page_counts_that_do_not_add_up_stop_the_build(spark, sample, dumps, settings, monkeypatch) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)

    def lose_a_page(unit: DumpUnit, job: ExtractJob) -> UnitReport:
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
        (bz2.compress(HEAD), "names 'frwiki' as its wiki, not 'eswiki'"),
        (bz2.compress(b"<html>404</html>"), "does not begin with <siteinfo>.*It begins with b'<html>404"),
        (b"<html>404</html>", "cannot be decompressed"),
        (b"", "is it a whole download"),
    ],
    ids=["no pages", "another wiki", "no export", "no bz2", "empty"],
)
def test_a_file_that_is_not_a_dump_of_the_wiki_is_refused_before_any_work(
    spark, dumps, settings, tmp_path, data, message
) -> None:
    if data is not None:
        (dumps / MULTISTREAM).write_bytes(data)
    with pytest.raises(ConfigurationError, match=message):
        run_extract(spark, settings)
    assert not (tmp_path / "out" / "articles").exists()


def test_a_missing_folder_is_named(spark, settings) -> None:
    with pytest.raises(ConfigurationError, match="dumps_dir: '/nowhere' does not exist"):
        run_extract(spark, settings.model_copy(update={"dumps_dir": "/nowhere"}))


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20_000])


@pytest.mark.parametrize(
    ("change", "now"),
    [(append, "37,629 bytes of .* UTC now"), (cut, "20,000 bytes of .* UTC now"), (Path.unlink, "missing now")],
    ids=["appended to", "cut", "removed"],
)
def test_a_dump_that_changes_while_it_is_read_is_not_published(spark, sample, dumps, settings, monkeypatch, change, now) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    survey = extract.survey_file

    def survey_and_change(file):
        found = survey(file)
        change(dumps / MULTISTREAM)
        return found

    monkeypatch.setattr(extract, "survey_file", survey_and_change)
    with pytest.raises(
        InputChangedError,
        match=rf"{dumps}/{MULTISTREAM} changed while it was read: 37,625 bytes of .* when the stage began, {now}\. "
        "The stage published nothing; run it again when the file is complete",
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


def test_a_table_with_the_name_of_another_wiki_in_its_head_is_refused_before_any_work(sample, dumps, settings) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    shutil.copy(sample / "dumps" / LANGLINKS.replace("es", "ja", 1), dumps / LANGLINKS)  # nine in ten of its page ids exist
    with pytest.raises(
        ConfigurationError, match=rf"/{LANGLINKS} names 'jawiki' as its wiki, not 'eswiki': check the file's name"
    ):
        plan_build(settings)


def test_a_database_with_an_unknown_name_is_accepted(sample, dumps, settings) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    sql = gzip.decompress((dumps / LANGLINKS).read_bytes())
    (dumps / LANGLINKS).write_bytes(gzip.compress(damage(sql, b"Database: eswiki", b"Database: restored")))
    plan_build(settings)


def test_langlinks_that_match_few_articles_give_a_warning(spark, sample, dumps, settings, read_console) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    run_extract(spark, settings)
    assert run_timed(align.align_wiki, spark, settings, WIKI).manifests[0].counters["langlinks_of_articles"] == 55
    assert "WARNING" not in read_console()

    sql = gzip.decompress((dumps / LANGLINKS).read_bytes())
    others = re.sub(rb"\((\d+),'", lambda match: b"(%d,'" % (int(match[1]) + 10**6), sql)
    (dumps / LANGLINKS).write_bytes(gzip.compress(others))
    assert run_timed(align.align_wiki, spark, settings, WIKI).manifests[0].counters["langlinks_of_articles"] == 0
    assert (
        f"WARNING: of 67 langlinks in {LANGLINKS} only 0 belong to articles of this dump, where at least 20% are expected: "
        "is it the table of this wiki and day, and is the dump complete?" in read_console()
    )

"""What a build does with every form of a dump, with faults, and on other numbers of cores."""

import bz2
import gzip
import io
import lzma
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from spark_jobs import align, augment, encode, extract
from spark_jobs.build import build
from spark_jobs.config import CorpusSettings
from spark_jobs.dumps.streams import scan_streams
from spark_jobs.settings import ConfigurationError
from spark_jobs.stage import BadInputError, timed
from spark_jobs.tables import MANIFEST, read_manifest

WIKI = "eswiki"
MULTISTREAM = "eswiki-20240101-pages-articles-multistream.xml.bz2"
LANGLINKS = "eswiki-20240101-langlinks.sql.gz"


@pytest.fixture
def dumps(sample: Path, tmp_path: Path) -> Path:
    """A folder with the sample's langlinks of one wiki, and no pages yet."""
    folder = tmp_path / "dumps"
    folder.mkdir()
    shutil.copy(sample / "dumps" / LANGLINKS, folder)
    return folder


@pytest.fixture
def settings(demo_settings: CorpusSettings, dumps: Path, tmp_path: Path) -> CorpusSettings:
    return demo_settings.model_copy(update={"dumps_dir": str(dumps), "wikis": [WIKI], "output_dir": str(tmp_path / "out")})


def run_extract(spark, settings: CorpusSettings):
    return timed(extract.run, spark, settings, WIKI)


def pack_pbzip2(xml: bytes) -> bytes:
    """Streams cut anywhere, as pbzip2 does."""
    return b"".join(bz2.compress(xml[start : start + 3001]) for start in range(0, len(xml), 3001))


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("eswiki-20240101-pages-articles.xml", bytes),
        ("eswiki-20240101-pages-articles.xml.gz", gzip.compress),
        ("eswiki-20240101-pages-articles.xml.xz", lzma.compress),
        ("eswiki-20240101-pages-articles.xml.bz2", bz2.compress),
        ("eswiki-20240101-pages-articles-multistream.xml.bz2", pack_pbzip2),
    ],
    ids=["plain", "gz", "xz", "one stream", "streams that cut pages"],
)
def test_every_form_of_a_dump_gives_the_same_rows(spark, corpus, sample, dumps, settings, name, pack) -> None:
    (dumps / name).write_bytes(pack(bz2.decompress((sample / "dumps" / MULTISTREAM).read_bytes())))
    articles = run_extract(spark, settings).manifests[0]
    published = read_manifest(corpus / "articles" / f"wiki={WIKI}")
    assert (articles.rows, articles.row_hash, articles.counters) == (published.rows, published.row_hash, published.counters)


def damage(xml: bytes, old: bytes, new: bytes) -> bytes:
    assert xml.count(old) == 1
    return xml.replace(old, new)


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
    data = bytearray((sample / "dumps" / MULTISTREAM).read_bytes())
    starts = scan_streams(io.BytesIO(data))
    bad = 4  # the head, then streams of ten pages
    data[starts[bad] + 60 : starts[bad] + 70] = b"\xff" * 10
    (dumps / MULTISTREAM).write_bytes(data)
    settings = settings.model_copy(
        update={"mode": "PERMISSIVE", "extract": settings.extract.model_copy(update={"bytes_per_shard": bytes_per_shard})}
    )
    articles, rejects = run_extract(spark, settings).manifests
    assert articles.counters["pages"] == 103 - 10
    assert (rejects.rows, rejects.counters) == (1, {"decompress": 1})
    row = pq.read_table(Path(settings.output_dir) / "rejects" / f"wiki={WIKI}" / "part-00000.parquet").to_pylist()[0]
    assert (row["unit"], row["stream_offset"], row["page_offset"]) == ("stream", starts[bad], None)


def test_a_flipped_byte_of_a_gzip_dump_is_a_reject_too(spark, sample, dumps, settings) -> None:
    data = bytearray(gzip.compress(bz2.decompress((sample / "dumps" / MULTISTREAM).read_bytes())))
    data[len(data) // 2] ^= 0xFF
    (dumps / "eswiki-20240101-pages-articles.xml.gz").write_bytes(data)
    with pytest.raises(BadInputError, match="cannot be decompressed to its end"):
        run_extract(spark, settings)


def test_a_truncated_dump_keeps_the_whole_pages_before_the_cut(spark, sample, dumps, settings) -> None:
    data = (sample / "dumps" / MULTISTREAM).read_bytes()
    (dumps / MULTISTREAM).write_bytes(data[: len(data) // 2])
    with pytest.raises(BadInputError, match=r"the file ends before the stream does: is it a whole download"):
        run_extract(spark, settings)
    articles, rejects = run_extract(spark, settings.model_copy(update={"mode": "PERMISSIVE"})).manifests
    assert articles.rows > 10
    assert rejects.rows >= 1
    assert rejects.counters["decompress"] == 1


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


def test_stages_name_the_stage_that_has_yet_to_run(spark, sample, dumps, settings) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    for stage, missing in ((align, "extract"), (augment, "extract"), (encode, "augment")):
        with pytest.raises(ConfigurationError, match=f"run the stage '{missing}' for eswiki first"):
            stage.run(spark, settings, WIKI)


def test_stages_of_different_builds_are_not_mixed(spark, sample, dumps, settings) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    build(spark, settings)
    other = settings.model_copy(update={"extract": settings.extract.model_copy(update={"drop_sections": False})})
    run_extract(spark, other)
    with pytest.raises(ConfigurationError, match="made from other `articles` than those that are there: run the stage 'align'"):
        augment.run(spark, other, WIKI)
    for name in (MULTISTREAM, LANGLINKS):
        shutil.copy(dumps / name, dumps / name.replace("20240101", "20240201"))
    with pytest.raises(ConfigurationError, match="the dump that is chosen now is of 20240201: run the stage 'extract'"):
        align.run(spark, other, WIKI)


def test_formulas_and_tables_are_kept_where_they_are_asked_for(spark, sample, dumps, settings, tmp_path) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)

    def text_of(**wanted: str) -> str:
        run_extract(spark, settings.model_copy(update={"extract": settings.extract.model_copy(update=wanted)}))
        table = pq.read_table(tmp_path / "out" / "articles" / f"wiki={WIKI}", columns=["text"])
        return "\n".join(text for text in table.column("text").to_pylist() if text)

    plain, kept = text_of(), text_of(math="latex", tables="text")
    assert "$E = mc^2$" not in plain
    assert "$E = mc^2$" in kept
    assert len(kept.splitlines()) > len(plain.splitlines())


def test_two_tokenizers_do_not_share_a_name(spark, sample, dumps, settings, corpus, tmp_path) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    build(spark, settings)
    folder = corpus / "encoded" / "tokenizer=mistral-7b-v0.1" / "_tokenizer"
    text = (folder / "tokenizer.json").read_text(encoding="utf-8").replace('"fuse_unk": true', '"fuse_unk": false')
    (tmp_path / "tokenizer.json").write_text(text, encoding="utf-8")
    other = settings.encoding.model_copy(update={"tokenizer": str(tmp_path / "tokenizer.json")})
    with pytest.raises(ConfigurationError, match=r"encode\.name: 'mistral-7b-v0\.1' is taken"):
        encode.run(spark, settings.model_copy(update={"encode": other}), WIKI)


def test_changed_langlinks_rebuild_what_depends_on_them_and_nothing_else(spark, sample, dumps, settings, corpus) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    build(spark, settings)
    sql = gzip.decompress((dumps / LANGLINKS).read_bytes())
    (dumps / LANGLINKS).write_bytes(gzip.compress(sql.replace(b"'Sun'", b"'The Sun'")))
    report = build(spark, settings)
    assert {stage["stage"]: stage["skipped"] for stage in report["stages"]} == {
        "extract": True,
        "align": False,
        "augment": False,
        "encode": False,
    }


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "_build.json"
    }


def test_one_core_gives_the_same_bytes_as_two(corpus, demo_settings, repository, tmp_path) -> None:
    settings = demo_settings.model_copy(update={"output_dir": str(tmp_path / "out")})
    (tmp_path / "config.yaml").write_text(settings.to_yaml(), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "spark_jobs.build",
        "--config",
        str(tmp_path / "config.yaml"),
        "--set",
        "spark.master=local[1]",
    ]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert result.returncode == 0, result.stderr
    one, two = files_of(tmp_path / "out"), files_of(corpus)
    assert one.keys() == two.keys()
    assert {name for name in one if one[name] != two[name]} == set()
    assert sum(name.endswith(MANIFEST) for name in one) == 12

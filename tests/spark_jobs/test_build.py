"""Builds from every form of a dump, with other settings and inputs, and on other numbers of cores."""

import bz2
import gzip
import lzma
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.config import CorpusSettings
from spark_jobs.contract.manifest import MANIFEST, read_manifest
from spark_jobs.stages.align_stage import align_wiki
from spark_jobs.stages.augment_stage import augment_wiki
from spark_jobs.stages.build_stages import build
from spark_jobs.stages.encode_stage import encode_wiki
from spark_jobs.stages.extract_stage import extract_wiki
from spark_jobs.stages.stage_runs import run_timed

from .corpus_files import read_corpus_files

WIKI = "eswiki"
MULTISTREAM = "eswiki-20240101-pages-articles-multistream.xml.bz2"
LANGLINKS = "eswiki-20240101-langlinks.sql.gz"


def run_extract(spark, settings: CorpusSettings):
    return run_timed(extract_wiki, spark, settings, WIKI)


def pack_pbzip2(xml: bytes) -> bytes:
    """Compress as pbzip2 does, in streams that may end anywhere in a page."""
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


def test_formulas_and_tables_are_kept_if_the_settings_say_so(spark, sample, dumps, settings, tmp_path) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)

    def extract_text(**changes: str) -> str:
        run_extract(spark, settings.model_copy(update={"extract": settings.extract.model_copy(update=changes)}))
        table = pq.read_table(tmp_path / "out" / "articles" / f"wiki={WIKI}", columns=["text"])
        return "\n".join(text for text in table.column("text").to_pylist() if text)

    plain, kept = extract_text(), extract_text(math="latex", tables="text")
    assert "$E = mc^2$" not in plain
    assert "$E = mc^2$" in kept
    assert len(kept.splitlines()) > len(plain.splitlines())


def test_a_stage_without_its_input_names_the_stage_to_run_first(spark, sample, dumps, settings) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    stages = ((align_wiki, "extract"), (augment_wiki, "extract"), (encode_wiki, "augment"))
    for stage, missing in stages:
        with pytest.raises(ConfigurationError, match=f"run the stage '{missing}' for eswiki first"):
            stage(spark, settings, WIKI)
    with pytest.raises(ConfigurationError, match="encode: the stage 'encode' needs this section"):
        encode_wiki(spark, settings.model_copy(update={"encode": None}), WIKI)


def test_stages_refuse_inputs_of_different_builds(spark, sample, dumps, settings) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    build(spark, settings)
    other = settings.model_copy(update={"extract": settings.extract.model_copy(update={"drop_sections": False})})
    run_extract(spark, other)
    with pytest.raises(ConfigurationError, match="made from other `articles` than the published ones: run the stage 'align'"):
        augment_wiki(spark, other, WIKI)
    for name in (MULTISTREAM, LANGLINKS):
        shutil.copy(dumps / name, dumps / name.replace("20240101", "20240201"))
    with pytest.raises(ConfigurationError, match="the dump chosen now has the date 20240201: run the stage 'extract'"):
        align_wiki(spark, other, WIKI)


def test_a_second_tokenizer_of_the_same_name_is_refused(spark, sample, dumps, settings, corpus, tmp_path) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    build(spark, settings)
    folder = corpus / "encoded" / "tokenizer=mistral-7b-v0.1" / "_tokenizer"
    text = (folder / "tokenizer.json").read_text(encoding="utf-8").replace('"fuse_unk": true', '"fuse_unk": false')
    (tmp_path / "tokenizer.json").write_text(text, encoding="utf-8")
    other = settings.encoding.model_copy(update={"tokenizer": str(tmp_path / "tokenizer.json")})
    with pytest.raises(ConfigurationError, match=r"encode\.name: 'mistral-7b-v0\.1' is taken"):
        encode_wiki(spark, settings.model_copy(update={"encode": other}), WIKI)


def test_changed_langlinks_rebuild_only_the_stages_that_depend_on_them(spark, sample, dumps, settings, corpus) -> None:
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


@pytest.mark.slow
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
    one, two = read_corpus_files(tmp_path / "out"), read_corpus_files(corpus)
    assert one.keys() == two.keys()
    assert {name for name in one if one[name] != two[name]} == set()
    assert sum(name.endswith(MANIFEST) for name in one) == 12

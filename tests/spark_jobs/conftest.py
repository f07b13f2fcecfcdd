"""One Spark session for all tests, and the sample corpus, built once."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from spark_jobs.common.settings import load_settings
from spark_jobs.common.storage import Location
from spark_jobs.config import CorpusSettings, SparkSettings
from spark_jobs.contract.corpus_tables import corpus_tables, read_manifests
from spark_jobs.reports.page_lookup import PageLookup
from spark_jobs.runtime.spark_session import start_session
from spark_jobs.stages.build_stages import build

WIKIS = ("jawiki", "eswiki")


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    session = start_session(SparkSettings(master="local[2]", conf={"spark.sql.shuffle.partitions": "3"}), "tests")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def demo_settings(repository: Path) -> CorpusSettings:
    """The configuration of `make demo` with absolute paths and small shards, so that every wiki has several."""
    overrides = [
        f"dumps_dir={repository}/tests/sample/dumps",
        "extract.bytes_per_shard=6000",
        "encode.characters_per_shard=15000",
    ]
    return load_settings(CorpusSettings, repository / "conf/corpus/demo.yaml", overrides)


@pytest.fixture(scope="session")
def corpus(spark: SparkSession, demo_settings: CorpusSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built sample corpus. Tests must not change it."""
    folder = tmp_path_factory.mktemp("corpus")
    report = build(spark, demo_settings.model_copy(update={"output_dir": str(folder)}))
    assert report["failures"] == {}
    return folder


@pytest.fixture(scope="session")
def read_rows(corpus: Path) -> Any:
    """A function (table, wiki) -> rows of the sample corpus, in the order of shards."""

    def read(table: str, wiki: str) -> list[dict[str, Any]]:
        inner = f"{table}/tokenizer=mistral-7b-v0.1/pivot=en" if table == "encoded" else table
        files = sorted((corpus / inner / f"wiki={wiki}").glob("*.parquet"))
        return pa.concat_tables([pq.read_table(file, partitioning=None) for file in files]).to_pylist()

    return read


@pytest.fixture(scope="session")
def page_lookups(corpus: Path) -> dict[str, PageLookup]:
    """The tables of each sample wiki, by wiki."""
    place = Location.of(str(corpus))
    tables = {table.name: table for table in corpus_tables(read_manifests(place))}
    return {wiki: PageLookup(place, tables, wiki) for wiki in WIKIS}


@pytest.fixture
def dumps(sample: Path, tmp_path: Path) -> Path:
    """A folder with the sample's langlinks of eswiki and no pages."""
    folder = tmp_path / "dumps"
    folder.mkdir()
    shutil.copy(sample / "dumps" / "eswiki-20240101-langlinks.sql.gz", folder)
    return folder


@pytest.fixture
def settings(demo_settings: CorpusSettings, dumps: Path, tmp_path: Path) -> CorpusSettings:
    """The configuration of a build of eswiki from `dumps` into a temporary folder."""
    return demo_settings.model_copy(update={"dumps_dir": str(dumps), "wikis": ["eswiki"], "output_dir": str(tmp_path / "out")})

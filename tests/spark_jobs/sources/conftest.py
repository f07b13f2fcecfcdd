"""A session with the data sources, and a dump of the sample, packed and as XML."""

import bz2
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from spark_jobs.sources import register


@pytest.fixture(scope="module")
def session(spark: SparkSession) -> SparkSession:
    register(spark)
    return spark


@pytest.fixture
def pushing(session: SparkSession) -> Iterator[SparkSession]:
    """The session, in which Spark offers filters to Python sources."""
    session.conf.set("spark.sql.python.filterPushdown.enabled", "true")
    yield session
    session.conf.unset("spark.sql.python.filterPushdown.enabled")


@pytest.fixture(scope="module")
def dump(sample: Path) -> Path:
    return sample / "dumps" / "eswiki-20240101-pages-articles-multistream.xml.bz2"


@pytest.fixture(scope="module")
def xml(dump: Path) -> bytes:
    return bz2.decompress(dump.read_bytes())

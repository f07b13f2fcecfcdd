"""The job that the tests of units share."""

from pathlib import Path

import pytest

from spark_jobs.common.storage import Location
from spark_jobs.extraction.extract_job import ExtractJob
from spark_jobs.wikis import load_profile
from spark_jobs.wikitext import Options


@pytest.fixture
def job(tmp_path: Path) -> ExtractJob:
    (tmp_path / "out").mkdir()
    return ExtractJob(
        load_profile("eswiki"), "https://es.wikipedia.org/wiki/X", "PERMISSIVE", Options(), Location.of(str(tmp_path / "out"))
    )

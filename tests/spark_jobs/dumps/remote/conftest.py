"""A mirror with one file, and waits that are short."""

import pytest

from spark_jobs.dumps.remote import http_retries

from .fake_mirror import DATA, serving
from .fetched_file import PATH


@pytest.fixture
def server():
    with serving() as running:
        running.files["/" + PATH] = DATA
        yield running


@pytest.fixture(autouse=True)
def short_waits(monkeypatch) -> None:
    monkeypatch.setattr(http_retries, "LONGEST_WAIT", 0.01)

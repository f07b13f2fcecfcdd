"""Fixtures of the tests of plans."""

import pytest


@pytest.fixture
def in_repository(repository, monkeypatch):
    """Run in the root of the repository, from which recipes name their files, and without a launcher."""
    monkeypatch.chdir(repository)
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "120")

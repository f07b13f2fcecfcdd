"""Paths for all tests: the repository, the sample, and real dumps if present."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def sample() -> Path:
    """The sample wikis and evaluation data that ship with the repository."""
    return REPOSITORY / "tests" / "sample"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real dumps, SQL tables and evaluation data beside the checkout; tests that need them are skipped without them."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data not found: {folder} does not exist")
    return folder

"""Paths for all tests: the repository, the sample, and real dumps if present."""

import functools
import re
from pathlib import Path
from typing import Any

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


# --- which tests share a worker of pytest-xdist -------------------------------------------------------------------------------

FIXTURES_OF_GROUPS = {
    "interrupted training runs": r"\blaunch_and_signal\b",
    "spark": r"\b(?:spark|corpus|read_rows|page_lookups|session)\b",
    "other training runs": r"\b(?:launch|finish|finished_run|watched)\b",
}
"""Group to the fixtures that its modules take: the runs of tests/training/conftest.py, and the Spark session with its corpus.

A module belongs to the first group whose fixtures it takes. Two workers make all training runs, so that the ranks of no more than
two runs compete for the CPU.
"""
ROOMS_OF_GROUPS = {
    "interrupted training runs": "tests/training/",
    "spark": "tests/spark_jobs/",
    "other training runs": "tests/training/",
}


@functools.cache
def group_of(file: str) -> str:
    """The group of a test module, which one worker runs: its own, unless it takes fixtures that are expensive to make twice."""
    text = (REPOSITORY / file).read_text(encoding="utf-8")
    for group, fixtures in FIXTURES_OF_GROUPS.items():
        if file.startswith(ROOMS_OF_GROUPS[group]) and re.search(rf"\bdef \w+\([^)]*{fixtures}", text):
            return group
    return file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest groups first, so that the workers end at about the same time."""
    order = {group: place for place, group in enumerate(FIXTURES_OF_GROUPS)}
    items.sort(key=lambda item: order.get(group_of(item.nodeid.partition("::")[0]), len(order)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each worker whole groups, in the order of the collection."""
    from xdist.scheduler import LoadScopeScheduling

    class GroupScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid.partition("::")[0])

    config.option.loadscopereorder = False
    return GroupScheduling(config, log)

"""Fixtures for every test: where the sample lies, and where real dumps lie when they are there."""

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
    """Real dumps, SQL tables and evaluation data beside the checkout; tests that need them are skipped where they are absent."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data not found: {folder} does not exist")
    return folder


RUN_FIXTURES = {"launch", "finish", "finished_run", "launch_and_signal"}
"""Fixtures that start training in processes; `finished_run` is shared by several modules."""


def group_of(item: pytest.Item) -> str:
    """Which tests share a worker of pytest-xdist: those of one Spark session, those of the shared runs, those of a module."""
    fixtures = set(getattr(item, "fixturenames", ()))
    if fixtures & RUN_FIXTURES:
        return "training runs"
    return "spark" if "spark" in fixtures else item.nodeid.partition("::")[0]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group tests for `pytest --dist loadgroup`, and start the two longest groups first."""
    order = {"training runs": 0, "spark": 1}
    groups = {item: group_of(item) for item in items}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: order.get(groups[item], 2))

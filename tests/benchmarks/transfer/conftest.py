"""A small world of the experiment, and access to its modules."""

import importlib

import pytest


@pytest.fixture(autouse=True)
def _repository_is_the_current_folder(repository, monkeypatch):
    monkeypatch.syspath_prepend(str(repository))  # benchmarks/ is not installed
    monkeypatch.chdir(repository)


@pytest.fixture
def load():
    """A function from the name of a module of benchmarks/transfer to the module."""
    return lambda name: importlib.import_module(f"benchmarks.transfer.{name}")


@pytest.fixture
def answers():
    """Relation -> language -> answers, for two relations."""
    return {
        "founded": {"en": ["1500", "1511"], "ja": ["1500", "1511"]},
        "country": {"en": ["Peru", "Chad"], "ja": ["ペルー", "チャド"]},
    }


@pytest.fixture
def cities():
    """The English and Japanese names of 16 cities."""
    return [(f"City{chr(97 + at)}", f"シティ{chr(0x30A2 + 2 * at)}") for at in range(16)]


@pytest.fixture
def world(load, cities, answers):
    return load("world").make_world("ja", cities, answers, seed=1)


@pytest.fixture
def popular(load, cities, answers):
    """A world whose first four cities are popular."""
    return load("world").make_world("ja", cities, answers, seed=1, popular=4)

"""Ranks from the environment of each launcher."""

import pytest

from training.engine.launch_environment import Ranks, read_ranks


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Ranks(0, 0, 1, None)),
        ({"RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8", "LOCAL_SIZE": "4"}, Ranks(5, 1, 8, 4)),
        ({"RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}, Ranks(5, 1, 8, 4)),
        ({"RANK": "9", "LOCAL_RANK": "1", "WORLD_SIZE": "16"}, Ranks(9, 1, 16, None)),
    ],
    ids=["no launcher", "deepspeed", "torchrun", "a launcher without the number of ranks of a machine"],
)
def test_a_rank_reads_its_place_from_the_launchers_environment(monkeypatch, environment, expected):
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert read_ranks() == expected

"""Ranks, their devices and their cores."""

import pytest

from spark_jobs.settings import ConfigurationError
from training.distributed import Ranks, check_device_count, cpu_threads, ranks_of_environment


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Ranks(0, 0, 1, None)),
        ({"RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8", "LOCAL_SIZE": "4"}, Ranks(5, 1, 8, 4)),
        ({"RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}, Ranks(5, 1, 8, 4)),
        ({"RANK": "9", "LOCAL_RANK": "1", "WORLD_SIZE": "16"}, Ranks(9, 1, 16, None)),
    ],
    ids=["no launcher", "deepspeed", "torchrun", "one that does not say how many ranks a machine has"],
)
def test_a_rank_knows_itself_from_the_launchers_environment(monkeypatch, environment, expected):
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ranks_of_environment() == expected


@pytest.mark.parametrize(
    ("ranks", "message"),
    [
        (Ranks(1, 1, 2, 2), "2 ranks on this machine, but it shows 1 cuda device, "),
        (Ranks(0, 0, 2, 2), "2 ranks on this machine, but it shows 1 cuda device, "),  # the first rank finds out too
        (Ranks(9, 1, 16, None), "2 ranks on this machine, but it shows 1 cuda device, "),
    ],
)
def test_more_ranks_than_devices_are_refused_with_the_remedies(ranks, message):
    with pytest.raises(ConfigurationError, match=rf"{message}.*deepspeed --num_accelerators 1.*DS_ACCELERATOR=cpu"):
        check_device_count(ranks, devices=1, kind="cuda")


def test_a_machine_without_devices_is_not_advised_to_start_no_ranks():
    with pytest.raises(ConfigurationError, match=r"^1 rank on this machine, but it shows 0 cuda devices, .* own: look at CUDA_"):
        check_device_count(Ranks(0, 0, 1, None), devices=0, kind="cuda")


@pytest.mark.parametrize(
    ("ranks", "devices"), [(Ranks(0, 0, 1, None), 1), (Ranks(7, 7, 8, 8), 8), (Ranks(3, 0, 4, None), 1), (Ranks(0, 0, 2, 2), 8)]
)
def test_ranks_that_have_a_device_each_are_not_refused(ranks, devices):
    check_device_count(ranks, devices, kind="cuda")


@pytest.mark.parametrize(
    ("ranks", "omp_num_threads", "expected"),
    [
        (Ranks(0, 0, 1, None), None, 8),
        (Ranks(0, 0, 2, 2), None, 4),
        (Ranks(0, 0, 16, 16), None, 1),
        (Ranks(0, 0, 4, None), None, 2),
        (Ranks(0, 0, 1, None), "3", None),
        (Ranks(0, 0, 2, 2), "1", None),
    ],
)
def test_ranks_share_the_cores_unless_omp_num_threads_says_otherwise(ranks, omp_num_threads, expected):
    assert cpu_threads(8, ranks, omp_num_threads) == expected

"""Devices and CPU cores of ranks."""

import pytest

from spark_jobs.common.errors import ConfigurationError
from training.engine.devices import check_device_count, cpu_threads
from training.engine.launch_environment import Ranks


@pytest.mark.parametrize(
    ("ranks", "message"),
    [
        (Ranks(1, 1, 2, 2), "2 ranks on this machine, but it shows 1 cuda device, "),
        (Ranks(0, 0, 2, 2), "2 ranks on this machine, but it shows 1 cuda device, "),  # the first rank raises, too
        (Ranks(9, 1, 16, None), "2 ranks on this machine, but it shows 1 cuda device, "),
    ],
)
def test_more_ranks_than_devices_are_refused_with_the_remedies(ranks, message):
    with pytest.raises(ConfigurationError, match=rf"{message}.*deepspeed --num_accelerators 1.*DS_ACCELERATOR=cpu"):
        check_device_count(ranks, devices=1, kind="cuda")


def test_on_a_machine_without_devices_the_remedy_does_not_start_0_ranks():
    with pytest.raises(
        ConfigurationError, match=r"^1 rank on this machine, but it shows 0 cuda devices, .* needs one: check CUDA_"
    ):
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
def test_ranks_share_the_cores_unless_omp_num_threads_is_set(ranks, omp_num_threads, expected):
    assert cpu_threads(8, ranks, omp_num_threads) == expected

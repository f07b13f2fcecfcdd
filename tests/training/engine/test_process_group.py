"""Ranks, their devices and their cores, and what they exchange."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from spark_jobs.common.errors import ConfigurationError
from training.engine.devices import check_device_count, cpu_threads
from training.engine.interruption import Interruption
from training.engine.launch_environment import Ranks, read_ranks


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
    assert read_ranks() == expected


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


@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_in_bf16_the_sum_of_gradients_reaches_the_optimizer_in_fp32_at_every_stage(repository, tmp_path, ranks):
    script = Path(__file__).with_name("exchanged_gradients.py")
    environment = {**os.environ, "DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(repository)}
    torchrun = [str(Path(sys.executable).with_name("torchrun")), "--standalone", "--nproc-per-node", str(ranks)]
    command = [*torchrun, str(script), str(tmp_path / "gradients.pt")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found = torch.load(tmp_path / "gradients.pt")
    for gradient in found.values():
        some = gradient[gradient != 0]
        assert (some == some.bfloat16().float()).float().mean() < 0.5, "sums of eight bf16 numbers are seldom bf16 numbers"
    assert torch.equal(found[2], found[3])
    if ranks == 1:
        assert torch.equal(found[1], found[2])
    else:  # stages 2 and 3 exchange each micro-batch in bf16: one more rounding, as large as one of the backward pass's own
        assert (found[1] - found[2]).norm() < 2**-8 * found[1].norm()


def test_ranks_that_cannot_reach_each_other_over_gloo_are_told_which_variable_to_set(tmp_path, monkeypatch):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "no0")
    try:
        with (
            pytest.raises(ConfigurationError, match=r"cannot reach each other with gloo .*no0.* GLOO_SOCKET_IFNAME"),
            Interruption(),
        ):
            pass
    finally:
        torch.distributed.destroy_process_group()

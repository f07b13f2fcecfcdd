"""The memory of a run."""

import doctest

import pytest

from training.planning import memory_by_zero_stage
from training.planning.memory_by_zero_stage import configured_offload


def test_the_worked_example_holds():
    assert doctest.testmod(memory_by_zero_stage).failed == 0


@pytest.mark.parametrize(
    ("zero", "offload"),
    [
        ({}, "none"),
        ({"offload_optimizer": {"device": "none"}}, "none"),
        ({"offload_optimizer": {"device": "nvme"}}, "optimizer"),
        ({"offload_optimizer": {"device": "cpu"}, "offload_param": {"device": "cpu"}}, "all"),
    ],
)
def test_the_offload_is_read_from_the_deepspeed_configuration(zero, offload):
    assert configured_offload(zero) == offload

"""Parameters that ZeRO-3 may have partitioned."""

import contextlib

import deepspeed
import pytest
import torch

from training.model.zero3_parameters import count_parameters, gathered, is_partitioned, whole_shape


def partitioned(*shape):
    """A parameter as ZeRO-3 leaves it: an empty tensor that knows its whole shape."""
    parameter = torch.nn.Parameter(torch.empty(0))
    parameter.ds_id, parameter.ds_shape, parameter.ds_numel = 0, torch.Size(shape), torch.Size(shape).numel()
    return parameter


@pytest.mark.parametrize(
    ("parameter", "shape", "size", "is_part"),
    [
        (torch.nn.Parameter(torch.zeros(2, 3)), (2, 3), 6, False),
        (torch.nn.Parameter(torch.zeros(0)), (0,), 0, False),
        (partitioned(4, 5), (4, 5), 20, True),
    ],
    ids=["plain", "empty", "partitioned"],
)
def test_shape_and_size_are_those_of_the_whole_parameter(parameter, shape, size, is_part):
    assert (whole_shape(parameter), count_parameters([parameter]), is_partitioned(parameter)) == (shape, size, is_part)
    assert count_parameters([parameter, parameter]) == 2 * size


@pytest.mark.parametrize(("modify", "rank"), [(False, None), (True, 0)])
def test_only_partitioned_parameters_are_gathered(monkeypatch, modify, rank):
    plain, part, calls = torch.nn.Parameter(torch.zeros(2)), partitioned(3), []

    @contextlib.contextmanager
    def record(parameters, modifier_rank):
        calls.append((parameters, modifier_rank))
        yield

    monkeypatch.setattr(deepspeed.zero, "GatheredParameters", record)
    with gathered([plain], modify):
        assert calls == []
    with gathered([plain, part], modify):
        [(parameters, modifier_rank)] = calls
        assert [id(parameter) for parameter in parameters] == [id(part)]
        assert modifier_rank == rank

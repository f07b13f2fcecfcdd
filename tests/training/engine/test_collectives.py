"""Collectives, with one rank and with two."""

import multiprocessing

import numpy as np
import pytest
import torch

from training.engine.collectives import all_gather_arrays, all_gather_objects, barrier


@pytest.mark.parametrize(
    "values",
    [np.array([1, -2, 3]), np.array([[0.1, np.inf], [-0.0, 1e300]]), np.array([2**64 - 1, 0], dtype=np.uint64)],
    ids=["int64", "float64", "uint64"],
)
def test_gathered_arrays_keep_their_type_and_every_bit(alone, values):
    found = all_gather_arrays(values, torch.device("cpu"))
    assert (found.dtype, found.shape) == (values.dtype, (1, *values.shape))
    assert found.tobytes() == values.tobytes()


def gather_on(rank, meet):
    """Gather on one of two ranks, and check the values of both."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{meet}", rank=rank, world_size=2)
    every_second = np.arange(4, dtype=np.float64)[::2] + rank  # not contiguous
    assert all_gather_arrays(every_second, torch.device("cpu")).tolist() == [[0.0, 2.0], [1.0, 3.0]]
    assert all_gather_objects({"rank": rank}) == [{"rank": 0}, {"rank": 1}]
    barrier()
    torch.distributed.destroy_process_group()


def test_values_of_two_ranks_are_in_the_order_of_ranks_on_both(tmp_path):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=gather_on, args=(rank, tmp_path / "meet")) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]

"""The steps that torch.profiler records."""

import gzip
import json

import pytest
import torch

from training.records.step_profiler import StepProfiler


def profile(folder, steps, made, rank=0):
    """Make that many steps, each with a product of matrices, as a run does."""
    profiler = StepProfiler(steps, folder, rank)
    profiler.step_finished(0, made == 0)
    for step in range(1, made + 1):
        torch.ones(step, 2) @ torch.ones(2, 3)
        profiler.step_finished(step, step == made)


@pytest.mark.parametrize(
    ("steps", "made"), [(None, 3), ((4, 5), 3), ((1, 1), 0)], ids=["no range", "after the end", "a run without steps"]
)
def test_without_a_step_to_record_nothing_is_written(tmp_path, steps, made):
    profile(tmp_path / "profile", steps, made)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("steps", "made", "rows"),
    [((1, 2), 4, [1, 2]), ((2, 3), 4, [2, 3]), ((3, 9), 4, [3, 4])],
    ids=["from the first", "in between", "beyond the end"],
)
def test_the_steps_of_the_range_are_recorded_and_no_others(tmp_path, steps, made, rows):
    profile(tmp_path / "profile", steps, made, rank=1)
    trace = json.loads(gzip.decompress((tmp_path / "profile" / "rank1.json.gz").read_bytes()))
    products = [event["args"]["Input Dims"][0] for event in trace["traceEvents"] if event.get("name") == "aten::mm"]
    assert products == [[row, 2] for row in rows]

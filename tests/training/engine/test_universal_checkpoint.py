"""The conversion of a checkpoint for another number of ranks."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from datetime import timedelta

import psutil
import pytest
import torch

from spark_jobs.common.errors import ConfigurationError
from training.engine import universal_checkpoint
from training.engine.interruption import InterruptedByRequestError, Interruption
from training.engine.launch_environment import Ranks
from training.engine.universal_checkpoint import convert_checkpoint


@pytest.fixture
def broken(tmp_path):
    """A folder that is not a checkpoint of DeepSpeed, beside the leftover of a killed conversion."""
    checkpoint = tmp_path / "checkpoints" / "step-000010"
    checkpoint.mkdir(parents=True)
    (checkpoint.with_name("step-000010.0123abcd.universal") / "zero").mkdir(parents=True)
    return checkpoint


def test_the_error_of_a_failed_conversion_has_the_tools_last_lines_and_nothing_is_left(alone, broken):
    announced = []
    with Interruption() as interruption, pytest.raises(ConfigurationError, match=r"could not convert .*step-000010 (.|\n)*Error"):
        convert_checkpoint(broken, 2, alone, interruption, announced.append)
    assert announced == [f"converting {broken} for another number of ranks, which takes a while for a large model"]
    assert list(broken.parent.iterdir()) == [broken]


def running_sleeps():
    return [process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == ["sleep", "61.5"]]


def signal_when_the_tool_has_a_worker():
    while not running_sleeps():
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGUSR1)


def test_a_request_to_end_during_a_conversion_ends_the_tool_and_nothing_is_left(alone, broken, monkeypatch):
    command = [sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '61.5'])"]
    monkeypatch.setattr(universal_checkpoint, "conversion_command", lambda *_: command)
    with Interruption() as interruption:
        threading.Thread(target=signal_when_the_tool_has_a_worker, daemon=True).start()
        with pytest.raises(InterruptedByRequestError):
            convert_checkpoint(broken, 2, alone, interruption, lambda _: None)
    assert list(broken.parent.iterdir()) == [broken]
    psutil.wait_procs(remaining := running_sleeps(), timeout=10)
    assert not any(process.is_running() for process in remaining)


LIMIT, LONGER = 6.0, 10.0
"""Seconds that a collective may wait, and that a conversion takes."""


def convert_slowly(rank, meet, checkpoint):
    """A rank whose collectives wait for `LIMIT`, with a tool that takes `LONGER` and reports once a second."""
    tool = f"import os, time; time.sleep({LONGER}); os.mkdir(%r)"
    universal_checkpoint.conversion_command = lambda _, universal, stage: [
        sys.executable,
        "-c",
        tool % str(universal),
    ]
    universal_checkpoint.REPORT_EVERY = 1.0
    limit = timedelta(seconds=LIMIT)
    torch.distributed.init_process_group("gloo", init_method=f"file://{meet}", rank=rank, world_size=2, timeout=limit)
    announced = []
    with Interruption() as interruption:
        began = time.monotonic()
        folder = convert_checkpoint(checkpoint, 2, Ranks(rank, rank, 2, 2), interruption, announced.append)
    assert time.monotonic() - began > LIMIT
    assert folder.is_dir()
    assert folder.name.endswith(".universal")
    assert any(line.startswith("still converting: ") for line in announced) is (rank == 0)
    torch.distributed.destroy_process_group()


def test_a_conversion_may_take_longer_than_a_collective_may_wait(broken, tmp_path):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=convert_slowly, args=(rank, tmp_path / "meet", broken)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]

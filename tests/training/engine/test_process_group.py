"""Joining and leaving the process group, each in a separate process: DeepSpeed keeps the group of a process."""

import multiprocessing
import os
import socket

import pytest
import torch

from spark_jobs.common.errors import ConfigurationError
from training.engine import process_group
from training.engine.launch_environment import Ranks
from training.engine.process_group import join_process_group, leave_process_group


def run_in_process(function, **environment):
    """Run a function in a child process on a CPU with these variables of a launcher, and no others; returns its exit code."""

    def run():
        for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
            os.environ.pop(name, None)
        os.environ.update({"DS_ACCELERATOR": "cpu", **environment})
        process_group.prepare_compilation = lambda one_machine, announce: None  # it may take a minute
        function()

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join()
    return process.exitcode


def test_a_port_that_another_run_uses_is_named_with_the_remedy():
    def join():
        with pytest.raises(ConfigurationError, match=rf"cannot meet at 127\.0\.0\.1:{port} .*another one with --master_port"):
            join_process_group(Ranks(0, 0, 2, 2), print)
        assert not torch.distributed.is_initialized()

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ranks = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2"}
        assert run_in_process(join, **ranks, MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port)) == 0


def test_a_process_without_a_launcher_is_a_group_of_one_until_it_leaves():
    def join_and_leave():
        leave_process_group()  # there is no group yet
        join_process_group(Ranks(0, 0, 1, None), print)
        assert (torch.distributed.get_world_size(), torch.distributed.get_rank()) == (1, 0)
        leave_process_group()
        assert not torch.distributed.is_initialized()

    assert run_in_process(join_and_leave) == 0

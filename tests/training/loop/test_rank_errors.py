"""Errors of one rank among many."""

import pytest

from training.loop import rank_errors
from training.loop.rank_errors import is_lost_rank, print_rank_error


@pytest.mark.parametrize(
    ("message", "is_lost"),
    [
        ("mat1 and mat2 shapes cannot be multiplied", False),
        ("CUDA out of memory", False),
        ("", False),
        ("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:41012", True),
        ("Read error [127.0.0.1]: Connection reset by peer", True),
        ("writev [127.0.0.1]:7: Broken pipe", True),
        ("NCCL error: remote process exited or there was a network error", True),
    ],
)
def test_a_collective_that_lost_its_other_end_is_recognised(message, is_lost):
    assert is_lost_rank(RuntimeError(message)) is is_lost


@pytest.mark.parametrize(
    ("rank", "local_rank", "expected", "waits"),
    [
        (0, 0, "error: steps: [0]\n", []),
        (8, 0, "error: steps: [0]\n", []),  # the first rank of the second machine
        (9, 1, "error (found by rank 9): steps: [0]\n", [rank_errors.PATIENCE]),
    ],
)
def test_later_ranks_of_a_machine_wait_and_name_themselves(monkeypatch, capsys, rank, local_rank, expected, waits):
    slept = []
    monkeypatch.setattr(rank_errors.time, "sleep", slept.append)
    for name, value in {"RANK": rank, "LOCAL_RANK": local_rank, "WORLD_SIZE": 16}.items():
        monkeypatch.setenv(name, str(value))
    print_rank_error("steps: [0]")
    assert (capsys.readouterr().err, slept) == (expected, waits)

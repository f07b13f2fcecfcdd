"""Errors of one rank among many: which rank prints them, and how a lost rank is recognised."""

import time

from rich.console import Console

from training.engine.launch_environment import read_ranks

PATIENCE = 10.0
"""Seconds that other ranks of a machine wait for the first one to print an error that all of them found."""

LOST_RANK = (
    "another rank has ended, so this one cannot continue. The output of that rank is above; without any, the system killed it "
    "(the kernel's log shows whether memory ran out). The same command with --set resume=true continues from the last "
    "checkpoint"
)


def is_lost_rank(error: BaseException) -> bool:
    """Whether a collective failed because a rank at its other end has ended (gloo and NCCL)."""
    closed = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "remote process exited")
    return any(text in str(error) for text in closed)


def print_rank_error(error: Exception | str) -> None:
    """Print an error on standard error, with the rank that found it unless that is the first one of its machine.

    A launcher ends all ranks as soon as one has ended. So the other ranks wait: an error that all ranks find is printed once, by
    the first one.
    """
    ranks = read_ranks()
    found_by = ""
    if ranks.local_rank > 0:
        time.sleep(PATIENCE)
        found_by = f" (found by rank {ranks.rank})"
    Console(stderr=True, markup=False, highlight=False, soft_wrap=True).print(f"error{found_by}: {error}", style="bold red")

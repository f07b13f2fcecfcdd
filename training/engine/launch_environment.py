"""The place of a process among all ranks, as the launcher sets it in the environment.

Works under `deepspeed`, `torchrun` or without a launcher (one rank).
"""

import os
from typing import NamedTuple


class Ranks(NamedTuple):
    """The place of this process among all: the launcher's environment variables, or one rank without a launcher."""

    rank: int
    local_rank: int
    size: int
    local_size: int | None
    """Ranks on this machine; None where no launcher sets it."""

    @property
    def main(self) -> bool:
        """Whether this rank writes files and prints."""
        return self.rank == 0


def read_ranks() -> Ranks:
    """Read RANK, LOCAL_RANK, WORLD_SIZE and LOCAL_WORLD_SIZE (deepspeed calls the last LOCAL_SIZE)."""
    rank, local_rank, size = (
        int(os.environ.get(name, default)) for name, default in (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "1"))
    )
    local_size = os.environ.get("LOCAL_WORLD_SIZE", os.environ.get("LOCAL_SIZE"))
    return Ranks(rank, local_rank, size, None if local_size is None else int(local_size))

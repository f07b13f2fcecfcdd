"""Several processes that score one model's batches: their ranks, and the exchange of their answers.

Started by torchrun (`torchrun --nproc-per-node 8 -m eval.run --config ...`), which sets RANK, WORLD_SIZE and LOCAL_RANK.
Batches are formed before they are distributed, so the texts that share a batch, and with them every rounding, do not depend on
the number of ranks (the number of threads on a CPU does change the last bit, and torchrun sets OMP_NUM_THREADS to 1). Answers
are exchanged through gloo, on the CPU, for any device.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class ScoringRanks:
    """The rank of this process among `world_size`, and on its machine (`local_rank`)."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0

    def share(self, batches: Sequence[T]) -> list[T]:
        """This rank's batches: every `world_size`-th. Neighbours cost about the same, since batches are sorted by length.

        >>> ScoringRanks(1, 2).share([10, 11, 12, 13])
        [11, 13]
        """
        return list(batches[self.rank :: self.world_size])

    def gather(self, answers: dict[int, T]) -> dict[int, T]:
        """The answers of all ranks together, on every rank."""
        if self.world_size == 1:
            return answers
        import torch.distributed

        parts: list[dict[int, T] | None] = [None] * self.world_size
        torch.distributed.all_gather_object(parts, answers)
        return {key: answer for part in parts if part is not None for key, answer in part.items()}

    def broadcast(self, value: T) -> T:
        """Rank 0's value, on every rank; all ranks wait for it."""
        if self.world_size == 1:
            return value
        import torch.distributed

        values = [value]
        torch.distributed.broadcast_object_list(values, src=0)
        return values[0]


@contextmanager
def join_ranks() -> Iterator[ScoringRanks]:
    """Connect the ranks that torchrun started; a single rank without torchrun."""
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1:
        yield ScoringRanks()
        return
    import torch.distributed

    # Ranks wait for one another once a task; a slow rank may be hours behind.
    torch.distributed.init_process_group("gloo", timeout=timedelta(days=7))
    try:
        yield ScoringRanks(torch.distributed.get_rank(), world_size, int(os.environ.get("LOCAL_RANK", "0")))
    finally:
        torch.distributed.destroy_process_group()

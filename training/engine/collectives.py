"""The collectives that a run needs. Every rank calls them at the same point."""

from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Value = TypeVar("Value")
Scalar = TypeVar("Scalar", bound=np.generic)


def all_gather_arrays(values: npt.NDArray[Scalar], device: "torch.device") -> npt.NDArray[Scalar]:
    """[ranks, ...] the arrays of all ranks (same shape; 8-byte numbers), in the order of ranks, on every rank."""
    import torch
    import torch.distributed as dist

    own = torch.from_numpy(np.ascontiguousarray(values).view(np.int64)).to(device)
    gathered = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(gathered, own)
    return np.stack([part.cpu().numpy() for part in gathered]).view(values.dtype)


def all_gather_objects(value: Value) -> list[Value]:
    """The values of all ranks, in the order of ranks; for small plain values."""
    import torch.distributed as dist

    found = [value] * dist.get_world_size()
    dist.all_gather_object(found, value)
    return found


def barrier() -> None:
    """Wait for all ranks."""
    import torch.distributed as dist

    dist.barrier()

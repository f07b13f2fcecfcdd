"""Parameters that ZeRO-3 may have partitioned: their whole shape and size, and gathering them."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def whole_shape(parameter: "torch.Tensor") -> tuple[int, ...]:
    """The shape of the whole parameter; ZeRO-3 leaves an empty tensor in its place."""
    return tuple(getattr(parameter, "ds_shape", parameter.shape))


def count_parameters(parameters: "Iterable[torch.Tensor]") -> int:
    """Number of values of the whole parameters."""
    return sum(int(getattr(parameter, "ds_numel", parameter.numel())) for parameter in parameters)


def is_partitioned(parameter: "torch.Tensor") -> bool:
    """Whether each rank holds only a part of the parameter."""
    return hasattr(parameter, "ds_id")


@contextlib.contextmanager
def gathered(parameters: "Sequence[torch.Tensor]", modify: bool = False) -> Iterator[None]:
    """Inside the block parameters are whole under any ZeRO stage; with `modify`, values that rank 0 writes reach every rank."""
    partitioned = [parameter for parameter in parameters if is_partitioned(parameter)]
    if not partitioned:
        yield
        return
    import deepspeed

    with deepspeed.zero.GatheredParameters(partitioned, modifier_rank=0 if modify else None):
        yield

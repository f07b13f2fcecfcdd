"""The device of a rank, and its share of the CPU cores."""

import logging
import os
from typing import TYPE_CHECKING

from spark_jobs.common.errors import ConfigurationError
from training.engine.launch_environment import Ranks

if TYPE_CHECKING:
    import torch


def select_device(ranks: Ranks) -> "torch.device":
    """Make this rank's device the current one and return it; on a CPU, use this rank's share of the cores.

    Raises:
        ConfigurationError: see `check_device_count`.
    """
    import torch
    from deepspeed.accelerator import get_accelerator

    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    accelerator = get_accelerator()
    if accelerator.device_name() == "cpu":
        threads = cpu_threads(len(os.sched_getaffinity(0)), ranks, os.environ.get("OMP_NUM_THREADS"))
        if threads is not None:
            torch.set_num_threads(threads)
    else:
        check_device_count(ranks, accelerator.device_count(), accelerator.device_name())
        accelerator.set_device(ranks.local_rank)
    return torch.device(accelerator.current_device_name())


def check_device_count(ranks: Ranks, devices: int, kind: str) -> None:
    """Refuse more ranks on this machine than it has devices of `kind`. Every rank of the machine raises, not only the last.

    Raises:
        ConfigurationError: when there are too few devices.
    """
    needed = max(ranks.local_rank + 1, ranks.local_size or 0)
    if needed > devices:
        fewer = f"start {devices} with `deepspeed --num_accelerators {devices}`, " if devices else ""
        raise ConfigurationError(
            f"{needed} rank{'' if needed == 1 else 's'} on this machine, but it shows {devices} {kind} "
            f"device{'' if devices == 1 else 's'}, and each rank needs one: {fewer}check CUDA_VISIBLE_DEVICES, "
            "or train on the CPU with DS_ACCELERATOR=cpu"
        )


def cpu_threads(cores: int, ranks: Ranks, omp_num_threads: str | None) -> int | None:
    """Threads that a rank may use of a machine's cores; None (leave it to OpenMP) where OMP_NUM_THREADS is set.

    torchrun sets the variable where it starts several ranks, and `deepspeed --bind_cores_to_rank` always; their values cannot be
    distinguished from a user's, so they hold too.
    """
    return None if omp_num_threads else max(1, cores // (ranks.local_size or ranks.size))

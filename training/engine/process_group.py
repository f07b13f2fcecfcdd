"""Joining and leaving the process group of all ranks."""

import os
import socket
from collections.abc import Callable
from datetime import timedelta

from spark_jobs.common.errors import ConfigurationError
from training.engine.compiled_ops import prepare_compilation
from training.engine.launch_environment import Ranks

COLLECTIVE_TIMEOUT = timedelta(hours=1)
"""How long a collective waits for the slowest rank, unless DEEPSPEED_TIMEOUT (minutes) is set.

DeepSpeed's ten minutes are too few for work that ranks do at different speeds before the first step and at checkpoints: 13.5 GB
of a base model that each machine downloads (at 4 MB/s they take an hour), or a share of a checkpoint that is hashed on busy
storage. When a rank dies, the others end sooner: its launcher sees it.
"""


def join_process_group(ranks: Ranks, announce: Callable[[str], None]) -> None:
    """Join the process group. `announce` prints a line when DeepSpeed will compile first, or when a killed run left a lock.

    Raises:
        ConfigurationError: when the ranks cannot meet, because the port of the launcher is taken.
    """
    import deepspeed
    import torch
    from deepspeed.accelerator import get_accelerator

    if ranks.size == 1 and "MASTER_ADDR" not in os.environ:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    accelerator = get_accelerator()
    if accelerator.device_name() == "cpu":
        prepare_compilation(ranks.size == (ranks.local_size or ranks.size), announce)
    timeout = {} if "DEEPSPEED_TIMEOUT" in os.environ else {"timeout": COLLECTIVE_TIMEOUT}
    try:
        deepspeed.init_distributed(dist_backend=accelerator.communication_backend_name(), verbose=False, **timeout)
    except torch.distributed.DistNetworkError as error:
        raise ConfigurationError(
            f"the ranks cannot meet at {os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')} ({error}): if another "
            "run uses the port, give deepspeed another one with --master_port"
        ) from error


def leave_process_group() -> None:
    """Leave the process group, if this process has joined one."""
    import torch.distributed as dist

    if dist.is_initialized():
        dist.destroy_process_group()

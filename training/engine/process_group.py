"""Ranks: who I am, starting DeepSpeed's process group, its configuration, and the few collectives that a step needs.

Works under `deepspeed`, `torchrun` or no launcher at all (one rank).
"""

import json
import logging
import os
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings
from training.engine import compiled_ops

_OURS = {
    "train_batch_size": "global_batch_size",
    "train_micro_batch_size_per_gpu": "micro_batch_size",
    "gradient_accumulation_steps": "global_batch_size",
    "gradient_clipping": "optimizer.max_gradient_norm",
    "bf16": "model.precision",
    "fp16": "model.precision",
    "data_types": "model.precision",
    "torch_autocast": "model.precision",
    "checkpoint": "checkpoint and resume",
    "optimizer": "optimizer",
    "scheduler": "optimizer.schedule",
}
"""Keys of a DeepSpeed configuration that the training configuration decides, and where."""

_FIXED = {
    "steps_per_print": (2**31, "this job logs for itself: see log.every"),
    # torch's AdamW, also where the optimizer is offloaded: DeepSpeed's own would be compiled, for minutes.
    "zero_allow_untested_optimizer": (True, "the optimizer is torch's AdamW"),
    "zero_force_ds_cpu_optimizer": (False, "the optimizer is torch's AdamW"),
}
"""Keys of a DeepSpeed configuration that are the same in every run: their value, and why."""


COLLECTIVE_TIMEOUT = timedelta(hours=1)
"""How long a collective waits for the slowest rank, unless DEEPSPEED_TIMEOUT (minutes) says otherwise.

DeepSpeed's ten minutes are too few for what ranks do at different speeds before the first step and at checkpoints: 13.5 GB of a
base model that each machine downloads (at 4 MB/s they take an hour), or a share of a checkpoint that is hashed on busy storage.
When a rank dies, the others are ended sooner: its launcher sees it.
"""


class Ranks(NamedTuple):
    """This process among all: values of the launcher's environment variables, or one rank without a launcher."""

    rank: int
    local_rank: int
    size: int
    local_size: int | None
    """Ranks on this machine; None where no launcher says."""

    @property
    def main(self) -> bool:
        """Whether this rank writes and talks."""
        return self.rank == 0


def ranks_of_environment() -> Ranks:
    """Read RANK, LOCAL_RANK, WORLD_SIZE and LOCAL_WORLD_SIZE (deepspeed calls the last LOCAL_SIZE)."""
    rank, local_rank, size = (
        int(os.environ.get(name, default)) for name, default in (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "1"))
    )
    local_size = os.environ.get("LOCAL_WORLD_SIZE", os.environ.get("LOCAL_SIZE"))
    return Ranks(rank, local_rank, size, None if local_size is None else int(local_size))


def deepspeed_config(settings: TrainSettings, accumulation: int) -> dict[str, Any]:
    """DeepSpeed's configuration file completed with what the training configuration decides.

    Without the precision, which may depend on the device: see `with_precision`.

    Raises:
        ConfigurationError: if the file is missing, no JSON object, or sets what the training configuration decides.
    """
    path = settings.deepspeed
    if not path.is_file():
        raise ConfigurationError(
            f"deepspeed: {path} does not exist (current folder: {Path.cwd()}); conf/deepspeed/ has zero0.json to zero3.json"
        )
    try:
        config = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"deepspeed: {path} is not valid JSON: {error}") from error
    if not isinstance(config, dict):
        raise ConfigurationError(f"deepspeed: {path} holds a {type(config).__name__}; expected an object with DeepSpeed's keys")
    for key, ours in _OURS.items():
        if key in config:
            raise ConfigurationError(
                f"deepspeed: {path} sets {key!r}, which {ours!r} of the training configuration decides; remove it from the file"
            )
    for key, (value, why) in _FIXED.items():
        if key in config:
            raise ConfigurationError(
                f"deepspeed: {path} sets {key!r}, which is always {json.dumps(value)} here ({why}); remove it from the file"
            )
    return config | {
        "train_batch_size": settings.global_batch_size,
        "train_micro_batch_size_per_gpu": settings.micro_batch_size,
        "gradient_accumulation_steps": accumulation,
        "gradient_clipping": settings.optimizer.max_gradient_norm,
        **{key: value for key, (value, _) in _FIXED.items()},
    }


def with_precision(config: dict[str, Any], bf16: bool) -> dict[str, Any]:
    """The configuration for fp32, or for bf16 with fp32 master weights and gradients that are accumulated in fp32.

    At stage 1 ranks exchange those sums, once a step, in fp32 too: DeepSpeed (0.19) would round them to bf16 for it, even where
    there is one rank alone. At stages 2 and 3 it exchanges every micro-batch's gradients, in the bf16 that the backward pass made
    them in, before they are added up; `communication_data_type` of DeepSpeed's configuration may say fp32.

    Raises:
        ConfigurationError: for bf16 in ZeRO stage 0, which DeepSpeed (0.19) can accumulate in bf16 only, and where it starts
            Adam's count of steps at one, so that the first updates come out too small; for another `communication_data_type` at
            stage 1.
    """
    if not bf16:
        return config
    stage = zero_stage(config)
    if stage == 0:
        raise ConfigurationError(
            "deepspeed: ZeRO stage 0 in bf16 would add up gradients in bf16, which drops small ones; use "
            "conf/deepspeed/zero1.json or zero2.json, or --set model.precision=fp32"
        )
    exchanged = config.get("communication_data_type", "fp32")
    if stage == 1 and str(exchanged).lower() != "fp32":
        raise ConfigurationError(
            f"deepspeed: communication_data_type is {exchanged!r}, to which ZeRO stage 1 would round the sums of gradients; "
            "remove it (it is fp32 then), or use conf/deepspeed/zero2.json"
        )
    rounding = {"communication_data_type": "fp32"} if stage == 1 else {}
    return config | {"bf16": {"enabled": True}, "data_types": {"grad_accum_dtype": "fp32"}} | rounding


def zero_stage(config: dict[str, Any]) -> int:
    """The ZeRO stage of a DeepSpeed configuration."""
    return int(config.get("zero_optimization", {}).get("stage", 0))


def own_device(ranks: Ranks) -> Any:
    """This rank's device, made the current one; on a CPU, with this rank's share of the cores.

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
    """Refuse more ranks on this machine than it has devices of `kind`; every rank of the machine finds out, not only the last."""
    needed = max(ranks.local_rank + 1, ranks.local_size or 0)
    if needed > devices:
        fewer = f"start {devices} with `deepspeed --num_accelerators {devices}`, " if devices else ""
        raise ConfigurationError(
            f"{needed} rank{'' if needed == 1 else 's'} on this machine, but it shows {devices} {kind} "
            f"device{'' if devices == 1 else 's'}, and each rank needs one of its own: {fewer}look at CUDA_VISIBLE_DEVICES, "
            "or train on the CPU with DS_ACCELERATOR=cpu"
        )


def cpu_threads(cores: int, ranks: Ranks, omp_num_threads: str | None) -> int | None:
    """Threads that a rank may use of a machine's cores; None (leave it to OpenMP) where OMP_NUM_THREADS says how many.

    Of the launchers, torchrun sets the variable where it starts several ranks and `deepspeed --bind_cores_to_rank` always; a
    value from there cannot be told from a person's own, so it holds too.
    """
    return None if omp_num_threads else max(1, cores // (ranks.local_size or ranks.size))


def start(ranks: Ranks, announce: Callable[[str], None]) -> None:
    """Join the process group. `announce` is told when DeepSpeed will compile first, or when a killed run left
    a lock.

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
        compiled_ops.prepare(ranks.size == (ranks.local_size or ranks.size), announce)
    timeout = {} if "DEEPSPEED_TIMEOUT" in os.environ else {"timeout": COLLECTIVE_TIMEOUT}
    try:
        deepspeed.init_distributed(dist_backend=accelerator.communication_backend_name(), verbose=False, **timeout)
    except torch.distributed.DistNetworkError as error:
        raise ConfigurationError(
            f"the ranks cannot meet at {os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')} ({error}): if another "
            "run uses the port, give deepspeed another one with --master_port"
        ) from error


def zero3(config: dict[str, Any]) -> Any:
    """An object to keep alive while a model loads, so that transformers partitions it under ZeRO-3; None for other stages."""
    if zero_stage(config) != 3:
        return None
    from transformers.integrations import HfDeepSpeedConfig

    return HfDeepSpeedConfig(config)


def all_gather_arrays(values: npt.NDArray[Any], device: Any) -> npt.NDArray[Any]:
    """[ranks, ...] the arrays of all ranks (same shape; 8-byte numbers), in the order of ranks, on every rank."""
    import torch
    import torch.distributed as dist

    mine = torch.from_numpy(np.ascontiguousarray(values).view(np.int64)).to(device)
    all_gather_objects = [torch.empty_like(mine) for _ in range(dist.get_world_size())]
    dist.all_gather(all_gather_objects, mine)
    return np.stack([part.cpu().numpy() for part in all_gather_objects]).view(values.dtype)


def all_gather_objects(value: Any) -> list[Any]:
    """What every rank has, in the order of ranks; plain values, small."""
    import torch.distributed as dist

    found: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(found, value)
    return found


def barrier() -> None:
    """Wait for all ranks."""
    import torch.distributed as dist

    dist.barrier()


def stop() -> None:
    """Leave the process group."""
    import torch.distributed as dist

    if dist.is_initialized():
        dist.destroy_process_group()

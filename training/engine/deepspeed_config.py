"""DeepSpeed's configuration: the user's file completed with the keys that the training configuration decides."""

import json
from pathlib import Path
from typing import Any

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.strict_json import read_json
from training.config import TrainSettings

_DECIDED_BY = {
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
"""Keys of a DeepSpeed configuration that the training configuration decides, and its key for each."""

_FIXED = {
    "steps_per_print": (2**31, "this job has its own log: see log.every"),
    # torch's AdamW, also where the optimizer is offloaded: DeepSpeed's own would be compiled, for minutes.
    "zero_allow_untested_optimizer": (True, "the optimizer is torch's AdamW"),
    "zero_force_ds_cpu_optimizer": (False, "the optimizer is torch's AdamW"),
}
"""Keys of a DeepSpeed configuration that are the same in every run: their value, and why."""

DeepSpeedConfig = dict[str, Any]
"""A DeepSpeed configuration as JSON gives it."""


def build_deepspeed_config(settings: TrainSettings, accumulation: int) -> DeepSpeedConfig:
    """DeepSpeed's configuration file completed with the keys that the training configuration decides.

    Without the precision, which may depend on the device: see `with_precision`.

    Raises:
        ConfigurationError: if the file is missing, not a JSON object, or sets a key that the training configuration decides.
    """
    path = settings.deepspeed
    if not path.is_file():
        raise ConfigurationError(
            f"deepspeed: {path} does not exist (current folder: {Path.cwd()}); conf/deepspeed/ has zero0.json to zero3.json"
        )
    try:
        config = read_json(path)
    except ConfigurationError as error:
        raise ConfigurationError(f"deepspeed: {error}") from error
    if not isinstance(config, dict):
        raise ConfigurationError(f"deepspeed: {path} holds a {type(config).__name__}; expected an object with DeepSpeed's keys")
    for key, ours in _DECIDED_BY.items():
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


def with_precision(config: DeepSpeedConfig, bf16: bool) -> DeepSpeedConfig:
    """The configuration for fp32, or for bf16 with fp32 master weights and gradients that are accumulated in fp32.

    At stage 1 ranks exchange those sums, once a step, in fp32 too: DeepSpeed (0.19) would round them to bf16 first, even with one
    rank. At stages 2 and 3 it exchanges every micro-batch's gradients before they are added up, in the bf16 that the backward
    pass made them in; `communication_data_type` of DeepSpeed's configuration may set fp32.

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


def zero_stage(config: DeepSpeedConfig) -> int:
    """The ZeRO stage of a DeepSpeed configuration."""
    return int(config.get("zero_optimization", {}).get("stage", 0))


def activate_zero3_loading(config: DeepSpeedConfig) -> object | None:
    """Have transformers partition models while they load under ZeRO-3; active while the returned object is alive.

    Does nothing and returns None for other stages.
    """
    if zero_stage(config) != 3:
        return None
    from transformers.integrations import HfDeepSpeedConfig

    return HfDeepSpeedConfig(config)  # type: ignore[no-any-return]

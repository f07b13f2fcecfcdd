"""Weights & Biases: whether it can be used, and the run that a training reports to."""

import hashlib
import importlib.util
from typing import Any, Protocol

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings


class WandbRun(Protocol):
    """A run of Weights & Biases."""

    def log(self, data: dict[str, Any], step: int) -> None:
        """Record scalars of a step."""

    def finish(self, exit_code: int) -> None:
        """Send the last lines and close the run."""


def check_wandb(project: str | None) -> None:
    """Refuse `log.wandb` where its package is missing; None passes.

    Raises:
        ConfigurationError: with the remedies.
    """
    if project is not None and importlib.util.find_spec("wandb") is None:
        raise ConfigurationError(
            f"log.wandb: {project!r} needs the package wandb, which is not installed: pip install 'leia-at-scale[wandb]', or "
            "leave log.wandb out; metrics.jsonl, TensorBoard and run.html do not need it"
        )


def start_wandb(settings: TrainSettings) -> WandbRun:
    """Start a run of Weights & Biases, or continue it after a resume: its id is a hash of `output_dir`.

    Raises:
        ConfigurationError: when it cannot be started, because of a missing login or a project without write access.
    """
    import wandb  # type: ignore[import-not-found,unused-ignore]

    name = hashlib.sha256(str(settings.output_dir.resolve()).encode()).hexdigest()[:16]
    try:
        run: WandbRun = wandb.init(
            project=settings.log.wandb,
            id=name,
            resume="allow",
            dir=settings.output_dir,
            name=settings.output_dir.name,
            config=settings.model_dump(mode="json"),
        )
    except wandb.errors.Error as error:
        raise ConfigurationError(
            f"log.wandb: a run of project {settings.log.wandb!r} cannot be started: {str(error).rstrip('.')}. Log in with "
            "`wandb login` or give the key as WANDB_API_KEY; or keep the run on this machine with WANDB_MODE=offline, and send "
            "it later with `wandb sync`"
        ) from error
    return run

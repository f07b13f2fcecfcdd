"""One rank's run, ready for its steps."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

from training.config import TrainSettings
from training.engine.checkpoints import Checkpoints
from training.engine.interruption import Interruption
from training.engine.launch_environment import Ranks
from training.loop.held_out_loss import HeldOutLoss
from training.loop.training_steps import Position
from training.model.protocols import Engine, Tokenizer
from training.processes.run_owner import RunOwner
from training.records.page_updates import PageUpdates
from training.stream.token_stream import Stream

if TYPE_CHECKING:
    import torch


@dataclass
class ActiveRun:
    """State of a run that its steps, measurements and checkpoints share."""

    settings: TrainSettings
    ranks: Ranks
    console: Console
    device: "torch.device"
    tokenizer: Tokenizer
    stream: Stream
    engine: Engine
    position: Position
    held_out: HeldOutLoss | None
    checkpoints: Checkpoints
    fixed_settings: dict[str, Any]
    """All settings of the run, for its checkpoints: see `training.engine.setting_changes`."""
    page: PageUpdates
    interruption: Interruption
    owner: RunOwner
    saved: int = 0
    """Step of the newest checkpoint."""

    @property
    def is_finished(self) -> bool:
        """Whether the last step is done."""
        return self.position.step >= self.settings.steps

    @property
    def tags(self) -> tuple[int, ...]:
        """Token ids of the tags around names; empty without tags."""
        return self.stream.rules.tags or ()

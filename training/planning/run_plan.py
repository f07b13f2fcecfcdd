"""The plan of a training run, computed before it begins from its settings, its stream and its model's shape."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from training.architectures.accelerators import peak_flops
from training.architectures.flops import flops_per_token
from training.architectures.model_shapes import FoundShape
from training.config import TrainSettings, accumulation_steps
from training.engine.learning_rate import learning_rate
from training.planning.memory_by_zero_stage import MemoryRow, memory_rows, trained_parameters, trained_shape
from training.planning.memory_estimate import MemoryEstimate
from training.planning.wiki_parts import WikiPart, expected_wiki_parts
from training.stream.token_stream import Stream


@dataclass(frozen=True)
class RunPlan:
    """Everything that `--dry-run` shows."""

    ranks: int
    micro_batch_size: int
    accumulation: int
    global_batch_size: int
    sequence_length: int
    steps: int
    tokens_per_step: int
    tokens: int
    learning_rates: tuple[float, ...]
    """[steps]."""
    precision: Literal["bf16", "fp32"]
    gradient_checkpointing: bool
    model: FoundShape
    trained: int
    """Parameters that are trained: all, or those of the adapters (LoRA), which the model's own do not include."""
    memory: tuple[MemoryRow, ...]
    flops_per_token: float
    flops: float
    """Of the whole run."""
    gpu: str
    peak: float | None
    """FLOPs per second of a GPU; None if unknown in that precision."""
    mfu: float
    hours: float | None
    """At that MFU."""
    wikis: tuple[WikiPart, ...] | None
    """None without a corpus."""

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain values, for JSON; memory with its totals."""
        content = asdict(self)
        for row, part in zip(self.memory, content["memory"], strict=True):
            for name in ("checkpointed", "plain"):
                memory: MemoryEstimate = getattr(row, name)
                part[name] = memory._asdict() | {"total": memory.total}
        content["model"] = {"source": self.model.source, "context": self.model.context, **asdict(self.model.shape)}
        return content


def make_plan(
    settings: TrainSettings, deepspeed: Mapping[str, Any], ranks: int, model: FoundShape, stream: Stream | None
) -> RunPlan:
    """The plan of a run on `ranks` GPUs; `deepspeed` is its DeepSpeed configuration, `stream` None without a corpus.

    Raises:
        ConfigurationError: for a batch that the ranks cannot share evenly; the message has the nearest values that they can.
    """
    length, options = settings.stream.sequence_length, settings.dry_run
    precision: Literal["bf16", "fp32"] = "fp32" if settings.model.precision == "fp32" else "bf16"
    trained = trained_parameters(settings, model)
    per_token = flops_per_token(trained_shape(settings, model), length, trained)
    tokens_per_step = settings.global_batch_size * length
    tokens = settings.steps * tokens_per_step
    peak = peak_flops(options.gpu, precision)
    return RunPlan(
        ranks=ranks,
        micro_batch_size=settings.micro_batch_size,
        accumulation=accumulation_steps(settings.global_batch_size, settings.micro_batch_size, ranks),
        global_batch_size=settings.global_batch_size,
        sequence_length=length,
        steps=settings.steps,
        tokens_per_step=tokens_per_step,
        tokens=tokens,
        learning_rates=tuple(learning_rate(settings.optimizer, step, settings.steps) for step in range(settings.steps)),
        precision=precision,
        gradient_checkpointing=settings.model.gradient_checkpointing,
        model=model,
        trained=trained,
        memory=tuple(memory_rows(settings, deepspeed, ranks, precision, model)),
        flops_per_token=per_token,
        flops=per_token * tokens,
        gpu=options.gpu,
        peak=peak,
        mfu=options.mfu,
        hours=None if peak is None else per_token * tokens / (peak * options.mfu * ranks) / 3600,
        wikis=None if stream is None else tuple(expected_wiki_parts(stream, settings.steps)),
    )

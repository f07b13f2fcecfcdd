"""The configuration of a training run, and the arithmetic of its batches. Imports neither torch nor deepspeed."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.link_sampling import Strategy
from spark_jobs.common.settings import PathText, Settings

MAX_LANES = 64
"""Default of the most lanes: up to this number of ranks, nothing is read twice."""


class DataSettings(Settings):
    """The encoded corpus to train on."""

    corpus: PathText
    """Folder that holds `encoded/`, as the data engine wrote it: a path, or a URI such as s3://bucket/corpus."""
    tokenizer: str
    """Name of the tokenizer of the shards: `encoded/tokenizer=NAME`."""
    pivot: str = "en"
    """Language of the inserted names: `pivot=LANGUAGE`."""
    wikis: tuple[str, ...] = Field(min_length=1)
    """Wikis to train on, such as [jawiki, eswiki]; their order does not matter."""
    temperature: float = Field(default=1.0, gt=0)
    """Shares of wikis are in proportion to tokens ** (1 / temperature): 1 is their size, higher values make them more alike."""
    weights: dict[str, float] | None = None
    """Share of each wiki in the sequences, such as {jawiki: 3, swwiki: 1}; replaces the temperature."""
    held_out: float = Field(default=0.0, ge=0, lt=1)
    """Share of the articles that never enter the stream, chosen by a hash of (wiki, page_id) that no seed changes."""
    cache: Path = Path("build/cache")
    """Folder on a disk of this machine for arrays that are computed once and mapped by all ranks; may be deleted between runs."""
    attempts: int = Field(default=5, ge=1)
    """Attempts of a read before the run ends; the waits in between grow to 30 seconds."""

    @field_validator("wikis")
    @classmethod
    def _sort_wikis(cls, wikis: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(wikis)) < len(wikis):
            raise ValueError("a wiki is named twice; name each once")
        return tuple(sorted(wikis))

    @model_validator(mode="after")
    def _check_weights(self) -> "DataSettings":
        if self.weights is None:
            return self
        if self.temperature != 1.0:
            raise ValueError("temperature and weights are both given; weights set the shares already, so leave one out")
        if set(self.weights) != set(self.wikis):
            raise ValueError(
                f"weights names {', '.join(sorted(self.weights))}, wikis is {', '.join(self.wikis)}: give each wiki one weight"
            )
        wrong = [wiki for wiki, weight in self.weights.items() if not 0 < weight < float("inf")]
        if wrong:
            raise ValueError(
                f"weights.{wrong[0]} is {self.weights[wrong[0]]}: a weight is above 0; to leave a wiki out, take it out of wikis"
            )
        return self

    @property
    def tokenizer_folder(self) -> str:
        """`encoded/tokenizer=NAME`, below the corpus."""
        return f"encoded/tokenizer={self.tokenizer}"

    def wiki_folder(self, wiki: str) -> str:
        """Folder of a wiki's shards and manifest, below the corpus."""
        return f"{self.tokenizer_folder}/pivot={self.pivot}/wiki={wiki}"


class InsertionSettings(Settings):
    """How names of linked entities are inserted into the text."""

    strategy: Strategy = "right"
    """Where a name goes: left of the link's text, right of it, in its place (replace), or nowhere (none)."""
    probability: float = Field(default=0.5, ge=0, le=1)
    """Share of links that get their name, drawn again in each epoch."""
    tags: bool = True
    """Whether a name is enclosed in <translate> and </translate>. Tags are never predicted."""
    predict_names: bool = True
    """Whether the loss counts the tokens of inserted names."""

    @property
    def uses_tags(self) -> bool:
        """Whether any tag can occur in the stream."""
        return self.tags and self.strategy != "none"


class StreamSettings(Settings):
    """How documents become sequences."""

    sequence_length: int = Field(default=2048, ge=2)
    """Tokens in a sequence."""
    lanes: int | None = Field(default=None, ge=1)
    """Parts of the data that are read side by side, a divisor of global_batch_size; by default the largest one up to 64.
    Nothing is read twice where the number of ranks divides it. A small wiki gets fewer: see training/stream/lanes.py."""
    shuffle_window: int = Field(default=2, ge=1)
    """Row groups of a lane whose documents are shuffled together; that many of each lane are held in memory."""
    bos: bool = True
    """Whether each document begins with the tokenizer's BOS token."""
    eos: bool = False
    """Whether each document ends with the tokenizer's EOS token."""
    mask_documents: bool = False
    """Whether a token sees only its own article: attention is block-diagonal, positions restart, and the first token of an
    article is not predicted from the last of another. The paper's tokens see everything before them in the sequence."""
    workers: int = Field(default=1, ge=0)
    """Threads that prepare batches ahead of the training loop; 0 prepares each when it is needed. Does not change the stream."""
    prefetch: int = Field(default=2, ge=1)
    """Batches that are prepared ahead."""


class LoraSettings(Settings):
    """Low-rank adapters (LoRA) on every linear layer inside the model; the rest is frozen. The exported model has them merged."""

    rank: int = Field(default=16, ge=1)
    """Rank of the adapters' matrices."""
    alpha: float = Field(default=32, gt=0)
    """The adapters' output is scaled by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout of the adapters' input."""


class ModelSettings(Settings):
    """The model to train."""

    path: PathText
    """Hugging Face directory or hub id of a causal language model with safetensors weights and a tokenizer."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """bf16 keeps fp32 master weights; auto is bf16 on accelerators and fp32 on CPU."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time."""
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"] = "auto"
    """Attention implementation of transformers; auto: its default. flash_attention_2 needs the package flash-attn and bf16."""
    other_parts: Literal["keep", "drop"] | None = None
    """For a checkpoint that holds more than a text model, such as a vision tower: keep copies the other parts into the exported
    model unchanged, drop exports the text model alone. Other checkpoints need neither."""
    router_loss: float | None = Field(default=None, ge=0)
    """Weight of the auxiliary loss that balances the experts of a mixture; null: the router_aux_loss_coef of the model's own
    configuration. 0 trains without it. See training/architectures/router_loss.py."""
    lora: LoraSettings | None = None
    """Train adapters instead of the weights; by default all weights are trained."""


class OptimizerSettings(Settings):
    """AdamW and its learning rate."""

    learning_rate: float = Field(default=5e-6, gt=0)
    """Peak learning rate."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """Schedule of the learning rate after warm-up; cosine and linear end at 0."""
    warmup_steps: int = Field(default=0, ge=0)
    """Steps over which the learning rate rises linearly to its peak."""
    betas: tuple[float, float] = (0.9, 0.95)
    """Decay of Adam's two moments."""
    epsilon: float = Field(default=1e-6, gt=0)
    """Added to the root of the second moment."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Decoupled weight decay of matrices; biases and norms have none."""
    max_gradient_norm: float = Field(default=1.0, ge=0)
    """Gradients are scaled down to this global norm; 0 leaves them unchanged."""

    @field_validator("betas")
    @classmethod
    def _check_decays(cls, betas: tuple[float, float]) -> tuple[float, float]:
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError("each beta is a decay in [0, 1)")
        return betas


class GuardSettings(Settings):
    """When a step is skipped, and when the run ends because of that; see training/loop/skip_guard.py for the rule."""

    sigmas: float = Field(default=6.0, gt=0)
    """A loss or gradient norm is a spike if it is this many standard deviations above the mean. The step is skipped."""
    window: int = Field(default=128, ge=2)
    """Last steps that the mean, the deviation and `stop_after` are taken over."""
    min_history: int = Field(default=64, ge=2)
    """Steps with finite values before one of them can be a spike."""
    stop_after: int = Field(default=5, ge=1)
    """The run is saved and ends when the loss or gradient norm of this many steps of the window was not finite. Spikes do not
    count."""


class CheckpointSettings(Settings):
    """When and how many checkpoints are written; a run that is asked to end (SIGTERM, SIGUSR1) writes one in any case."""

    every: int | None = Field(default=10, ge=1)
    """Steps between two checkpoints; null saves on request only. After the last step the model is exported instead."""
    keep: int = Field(default=2, ge=1)
    """Number of newest checkpoints that are kept."""


class EvaluationSettings(Settings):
    """Measurements while the model trains."""

    every: int | None = Field(default=None, ge=1)
    """Steps between two measurements; also before the first step and after the last. null turns them off."""
    sequences: int = Field(default=32, ge=1)
    """Sequences of each wiki's held-out articles (data.held_out) over which the loss is computed, as plain text."""
    tasks: Path | None = None
    """Configuration of eval/run.py: its tasks are scored at each measurement, by a separate process on the exported model."""

    @model_validator(mode="after")
    def _check_tasks(self) -> "EvaluationSettings":
        if self.tasks is not None and self.every is None:
            raise ValueError(f"tasks is {self.tasks}, but every is null, so they would never be scored; set every")
        return self


class LogSettings(Settings):
    """Logs and reports; `metrics.jsonl` always has a line for every step."""

    every: int = Field(default=1, ge=1)
    """Steps between two lines on the console when it is not a terminal."""
    tensorboard: bool = True
    """Whether to write `output_dir/tensorboard`."""
    wandb: str | None = None
    """Project of Weights & Biases to report to (package wandb; WANDB_MODE=offline keeps it on this machine); null: off."""
    profile: tuple[int, int] | None = None
    """First and last step that torch.profiler records, into `output_dir/profile`; null: off."""

    @field_validator("profile")
    @classmethod
    def _check_profile(cls, profile: tuple[int, int] | None) -> tuple[int, int] | None:
        if profile is not None and not 1 <= profile[0] <= profile[1]:
            raise ValueError("give the first and the last step, such as [5, 7]; steps count from 1")
        return profile


class DryRunSettings(Settings):
    """Assumptions of `--dry-run`; training itself does not read them."""

    ranks: int = Field(default=1, ge=1)
    """Number of GPUs, where no launcher sets it."""
    gpu: str = "NVIDIA A100-SXM4-80GB"
    """Their name, as torch.cuda.get_device_name prints it: for peak FLOPs and memory (training/architectures/accelerators.py)."""
    mfu: float = Field(default=0.4, gt=0, le=1)
    """Model FLOPs utilisation for which the hours are computed."""
    json_file: Path | None = None
    """File to which the plan is also written, as JSON."""


class TrainSettings(Settings):
    """A training run: data -> stream -> model -> steps."""

    data: DataSettings
    """The encoded corpus to train on."""
    insertion: InsertionSettings = InsertionSettings()
    """How names of linked entities are inserted into the text."""
    stream: StreamSettings = StreamSettings()
    """How documents become sequences."""
    model: ModelSettings
    """The model to train."""
    optimizer: OptimizerSettings = OptimizerSettings()
    """AdamW and its learning rate."""
    seed: int = Field(default=42, ge=0, lt=2**63)
    """Decides the order of documents, which links get their name, and dropout."""
    steps: int = Field(ge=1)
    """Optimizer steps."""
    global_batch_size: int = Field(ge=1)
    """Sequences in a step, over all ranks: micro_batch_size x accumulation x ranks."""
    micro_batch_size: int = Field(default=1, ge=1)
    """Sequences that a rank puts through the model at once."""
    deepspeed: Path = Path("conf/deepspeed/zero2.json")
    """DeepSpeed's own configuration: the ZeRO stage and its options."""
    output_dir: Path
    """Folder of the run: config.yaml, deepspeed.json, metrics.jsonl, events.jsonl, tensorboard/, checkpoints/, model/,
    run.html, run.json. All ranks must see it, and one run at a time owns it."""
    overwrite: bool = False
    """Start even if output_dir exists: the old folder is kept, renamed to output_dir.1, .2 and so on."""
    resume: bool = False
    """Continue from the newest intact checkpoint in output_dir, or start if there is none. The same command can be repeated until
    the run is finished. Changed settings are logged, and refused if they change the result."""
    elastic: bool = False
    """With resume: allow changes that form sums in another order, so that weights differ in their last bits: the number of ranks,
    micro_batch_size, model.attention, DeepSpeed's offload and its buckets for gradients. The stream is the same."""
    checkpoint: CheckpointSettings = CheckpointSettings()
    """When and how many checkpoints are written."""
    guard: GuardSettings = GuardSettings()
    """When a step is skipped, and when the run ends because of that."""
    evaluation: EvaluationSettings = EvaluationSettings()
    """Measurements while the model trains."""
    log: LogSettings = LogSettings()
    """Logs and reports."""
    dry_run: DryRunSettings = DryRunSettings()
    """Assumptions of `--dry-run`; training itself does not read them."""

    @model_validator(mode="after")
    def _check_warmup(self) -> "TrainSettings":
        if self.optimizer.warmup_steps >= self.steps:
            raise ValueError(
                f"optimizer.warmup_steps ({self.optimizer.warmup_steps}) must be below steps ({self.steps}), "
                "or the learning rate never reaches its peak"
            )
        return self

    @model_validator(mode="after")
    def _check_measurements(self) -> "TrainSettings":
        if self.evaluation.every is not None and self.data.held_out == 0 and self.evaluation.tasks is None:
            raise ValueError(
                "evaluation.every is set, but data.held_out is 0 and evaluation.tasks is null, so there is nothing to measure; "
                "hold out a share such as data.held_out=0.001, or set tasks"
            )
        return self

    @model_validator(mode="after")
    def _check_start(self) -> "TrainSettings":
        if self.overwrite and self.resume:
            raise ValueError("overwrite starts anew and resume continues; set one of them")
        if self.elastic and not self.resume:
            raise ValueError("elastic changes how a run resumes; set resume=true too")
        return self

    @model_validator(mode="after")
    def _check_lanes(self) -> "TrainSettings":
        lanes, batch = self.stream.lanes, self.global_batch_size
        if lanes is not None and batch % lanes:
            divisors = [str(n) for n in range(1, min(batch, 1024) + 1) if batch % n == 0]
            raise ValueError(
                f"stream.lanes ({lanes}) does not divide global_batch_size ({batch}); use one of {', '.join(divisors)}"
            )
        return self

    @property
    def slots(self) -> int:
        """The most lanes that a wiki can have: `stream.lanes`, or the largest divisor of the global batch size up to 64."""
        return self.stream.lanes or max(n for n in range(1, MAX_LANES + 1) if self.global_batch_size % n == 0)


def accumulation_steps(global_batch_size: int, micro_batch_size: int, ranks: int) -> int:
    """Micro-batches that a rank accumulates into one step.

    >>> accumulation_steps(2048, 1, 8)
    256

    Raises:
        ConfigurationError: if the batch cannot be divided evenly (uneven ranks would block ZeRO's collectives).
    """
    unit = micro_batch_size * ranks
    steps, rest = divmod(global_batch_size, unit)
    if rest == 0:
        return steps
    nearest = [str(value) for value in (steps * unit, (steps + 1) * unit) if value]
    others = [f"{count}" for count in _nearest_divisors(global_batch_size, micro_batch_size, ranks)]
    keep = f"; or keep it and start {' or '.join(others)} rank{'' if others == ['1'] else 's'}" if others else ""
    raise ConfigurationError(
        f"global_batch_size: {global_batch_size} is not a multiple of micro_batch_size x ranks = {micro_batch_size} x {ranks} "
        f"= {unit}; the nearest {'value is' if len(nearest) == 1 else 'values are'} {' and '.join(nearest)}{keep}"
    )


def _nearest_divisors(global_batch_size: int, micro_batch_size: int, ranks: int) -> list[int]:
    """The nearest numbers of ranks, below and above, that divide the batch.

    >>> _nearest_divisors(2048, 1, 7)
    [4, 8]
    """
    micro_batches, rest = divmod(global_batch_size, micro_batch_size)
    if rest:
        return []
    below = [n for n in range(ranks, 0, -1) if micro_batches % n == 0][:1]
    above = [n for n in range(ranks, micro_batches + 1) if micro_batches % n == 0][:1]
    return below + above

"""What a training run will do and need, worked out before it begins, from its settings, its stream and its model's shape.

What follows from the configuration is exact: tokens, steps, batches, the learning rate, how many sequences come from each wiki.
Epochs, links and names are expectations: how long an epoch is depends on which links draw their name, and every epoch draws anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from training.config import TrainSettings, accumulation_steps
from training.engine.deepspeed_config import zero_stage
from training.engine.learning_rate import learning_rate
from training.model.accelerators import peak_flops
from training.model.flops import flops_per_token
from training.model.model_shapes import FoundShape, ModelShape
from training.planning.memory_estimate import Memory, Offload, estimate
from training.stream.held_out_articles import is_held_out
from training.stream.source_mixture import Mixture
from training.stream.token_stream import Stream
from training.stream.wiki_plan import WikiPlan

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class WikiPart:
    """A wiki's part in a run."""

    wiki: str
    sequences: int
    """Exact, over all steps."""
    tokens: int
    """Exact: sequences x sequence length, names, tags, BOS and EOS included."""
    share: float
    """Of all tokens."""
    articles: int
    """That take part."""
    epoch_tokens: float
    """Expected in one pass over them, names included."""
    epochs: float
    """Expected passes."""
    links_seen: float
    """Expected links with a name, counted each time they come by."""
    names_inserted: float
    """Expected."""


@dataclass(frozen=True)
class MemoryRow:
    """A way to spread a run's memory."""

    stage: int
    offload: Offload
    checkpointed: Memory
    """With gradient checkpointing."""
    plain: Memory
    """Without."""
    chosen: bool
    """Whether the run's DeepSpeed configuration says so."""


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
    """Parameters that are trained: all, or those of adapters (LoRA), which come to the model's own."""
    memory: tuple[MemoryRow, ...]
    flops_per_token: float
    flops: float
    """Of the whole run."""
    gpu: str
    peak: float | None
    """FLOPs per second of a GPU; None for one that is not known in that precision."""
    mfu: float
    hours: float | None
    """At that MFU."""
    wikis: tuple[WikiPart, ...] | None
    """None where the corpus is not there yet."""

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain values, for JSON; memory with its totals."""
        content = asdict(self)
        for row, part in zip(self.memory, content["memory"], strict=True):
            for name in ("checkpointed", "plain"):
                memory: Memory = getattr(row, name)
                part[name] = memory._asdict() | {"total": memory.total}
        content["model"] = {"source": self.model.source, "context": self.model.context, **asdict(self.model.shape)}
        return content


def make_plan(
    settings: TrainSettings, deepspeed: Mapping[str, Any], ranks: int, model: FoundShape, stream: Stream | None
) -> RunPlan:
    """The plan of a run on `ranks` GPUs; `deepspeed` is its DeepSpeed configuration, `stream` None without a corpus.

    Raises:
        ConfigurationError: for a batch that cannot be dealt to the ranks; the message has the nearest values that can.
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
        wikis=None if stream is None else tuple(wiki_parts(stream, settings.steps)),
    )


def trained_parameters(settings: TrainSettings, model: FoundShape) -> int:
    """All parameters of the model, or those of its adapters."""
    lora = settings.model.lora
    return model.shape.parameters if lora is None else lora.rank * model.linear_features


def trained_shape(settings: TrainSettings, model: FoundShape) -> ModelShape:
    """The shape of what trains: the model's own, or with its adapters."""
    if settings.model.lora is None:
        return model.shape
    return replace(model.shape, parameters=model.shape.parameters + trained_parameters(settings, model))


def memory_rows(
    settings: TrainSettings, deepspeed: Mapping[str, Any], ranks: int, precision: Literal["bf16", "fp32"], model: FoundShape
) -> Iterator[MemoryRow]:
    """Every stage of ZeRO with everything that it can offload. DeepSpeed's buffers are of the run's own configuration."""
    zero = deepspeed.get("zero_optimization", {})
    chosen = (zero_stage(dict(deepspeed)), chosen_offload(zero))
    both = [
        settings.model_copy(update={"model": settings.model.model_copy(update={"gradient_checkpointing": again})})
        for again in (True, False)
    ]
    for stage in range(4):
        for offload in get_args(Offload)[: (1, 2, 2, 3)[stage]]:
            checkpointed, plain = (run_memory(one, zero, ranks, precision, model, stage, offload) for one in both)
            yield MemoryRow(stage, offload, checkpointed, plain, chosen == (stage, offload))


def run_memory(
    settings: TrainSettings,
    zero: Mapping[str, Any],
    ranks: int,
    precision: Literal["bf16", "fp32"],
    model: FoundShape,
    stage: int,
    offload: Offload,
) -> Memory:
    """Memory of one rank of a run, with its adapters; `zero` is for the sizes of DeepSpeed's buffers.

    Raises:
        ValueError: for what ZeRO cannot offload at that stage.
    """
    return estimate(
        trained_shape(settings, model),
        stage=stage,
        ranks=ranks,
        sequence_length=settings.stream.sequence_length,
        micro_batch_size=settings.micro_batch_size,
        precision=precision,
        gradient_checkpointing=settings.model.gradient_checkpointing,
        attention=settings.model.attention,
        offload=offload,
        trained=trained_parameters(settings, model),
        zero=zero,
    )


def chosen_offload(zero: Mapping[str, Any]) -> Offload:
    """What a section `zero_optimization` offloads.

    >>> chosen_offload({"stage": 3, "offload_optimizer": {"device": "cpu"}})
    'optimizer'
    """
    optimizer, parameters = (
        zero.get(name, {}).get("device", "none") != "none" for name in ("offload_optimizer", "offload_param")
    )
    return "all" if parameters and optimizer else "optimizer" if optimizer else "none"


def wiki_parts(stream: Stream, steps: int) -> Iterator[WikiPart]:
    """Each wiki's part in the first `steps` batches.

    With p the probability, n the tokens of all names and tags, r those of replaced text and t all tokens before insertion (BOS
    and EOS included), an epoch is expected to have t + p (n - r) tokens.
    """
    rules = stream.rules
    p = 0.0 if rules.strategy == "none" else rules.probability
    counts = sequences_of_wikis(stream.plan.mixture, rules.slots, steps * rules.global_batch_size // rules.slots)
    for plan, sequences in zip(stream.plan.wikis, counts.tolist(), strict=True):
        articles, links, names, spans = _taking_part(plan)
        grown = names + rules.num_tags * links - (spans if rules.strategy == "replace" else 0)
        epoch_tokens = plan.tokens + p * grown
        tokens = sequences * rules.sequence_length
        epochs = tokens / epoch_tokens if epoch_tokens else 0.0
        yield WikiPart(
            wiki=plan.documents.wiki,
            sequences=sequences,
            tokens=tokens,
            share=tokens / (steps * rules.global_batch_size * rules.sequence_length),
            articles=articles,
            epoch_tokens=epoch_tokens,
            epochs=epochs,
            links_seen=epochs * links,
            names_inserted=epochs * links * p,
        )


def _taking_part(plan: WikiPlan) -> tuple[int, int, int, int]:
    """(articles, links, tokens of their names, tokens that they cover) of what is not held out."""
    d, held_out = plan.documents, plan.rules.held_out
    articles, names, spans = d.page_id, d.name_lengths, d.span_lengths
    if held_out:
        kept = ~is_held_out(d.wiki, d.page_id, held_out)
        links = np.repeat(kept, np.diff(d.link_offsets))
        articles, names, spans = articles[kept], names[links], spans[links]
    return len(articles), len(names), int(names.sum(dtype=np.int64)), int(spans.sum(dtype=np.int64))


def sequences_of_wikis(mixture: Mixture, slots: int, in_slot: int) -> Int64s:
    """[wikis] sequences of each wiki among the first `in_slot` ones of every slot: whole periods, and what remains of one.

    >>> sequences_of_wikis(Mixture(np.array([2, 1]), slots=2), slots=2, in_slot=4).tolist()  # a b a | a   and   b a a | b
    [5, 3]
    """
    periods, rest = divmod(in_slot, mixture.period)
    wiki, _ = mixture.locate(np.arange(slots)[:, None], np.arange(rest))
    counts: Int64s = slots * periods * mixture.quota + np.bincount(wiki.ravel(), minlength=len(mixture.quota))
    return counts

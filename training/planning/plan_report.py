"""The plan of a run on the console: facts, the wikis that it trains on, and the memory of a GPU."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table

from spark_jobs.common.formatting import format_si
from training.architectures.accelerators import memory_bytes
from training.config import TrainSettings
from training.planning.memory_estimate import MARGIN, MemoryEstimate
from training.planning.run_plan import RunPlan

_GIB = 2**30
_OFFLOADED = {"none": "", "optimizer": "optimizer", "all": "all"}


def plan_parts(settings: TrainSettings, plan: RunPlan) -> Iterator[RenderableType]:
    """The parts of the report, in the order of printing."""
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    million = plan.model.shape.parameters / 1e6
    for name, text in {
        "model": f"{settings.model.path}, {million:,.1f} M parameters in {plan.precision}: {plan.model.source}"
        f"{expert_text(plan)}{adapter_text(plan)}",
        "batch": f"micro-batch {plan.micro_batch_size} x accumulation {plan.accumulation} x {plan.ranks} ranks = "
        f"{plan.global_batch_size:,} sequences x {plan.sequence_length:,} tokens = {plan.tokens_per_step:,} tokens a step",
        "run": f"{plan.steps:,} steps = {plan.tokens:,} tokens",
        "optimizer": optimizer_text(settings),
        "learning rate": learning_rate_text(settings, plan),
        "compute": compute_text(plan),
        "a micro-batch": activation_text(plan),
    }.items():
        facts.add_row(name, text)
    yield facts
    if plan.wikis is not None:
        yield wiki_table(settings, plan)
    yield memory_table(plan)


def expert_text(plan: RunPlan) -> str:
    """The parameters that a token uses; empty for a model that uses all."""
    shape = plan.model.shape
    if not shape.unused_parameters:
        return ""
    used = (shape.parameters - shape.unused_parameters) / 1e6
    return f"; a token uses {used:,.1f} M of them, with {shape.experts_per_token} experts in a layer"


def adapter_text(plan: RunPlan) -> str:
    """The number of adapter parameters (LoRA); empty for a run without adapters."""
    if plan.trained == plan.model.shape.parameters:
        return ""
    return f"; {plan.trained / 1e6:,.1f} M parameters of adapters are trained"


def optimizer_text(settings: TrainSettings) -> str:
    """AdamW's values."""
    o = settings.optimizer
    clipped = f"gradients clipped to {o.max_gradient_norm:g}" if o.max_gradient_norm else "gradients not clipped"
    return f"AdamW, betas {o.betas[0]:g} and {o.betas[1]:g}, epsilon {o.epsilon:g}, weight decay {o.weight_decay:g}, {clipped}"


def learning_rate_text(settings: TrainSettings, plan: RunPlan) -> str:
    """The learning rate over the run: a curve, and its values at some steps."""
    rates, optimizer = plan.learning_rates, settings.optimizer
    last = len(rates) - 1
    steps = sorted({round(last * part / 4) for part in range(5)} | {optimizer.warmup_steps})
    points = "\n".join(f"  step {step + 1:>{len(str(last + 1))}}  {rates[step]:.3g}" for step in steps)
    return f"{optimizer.schedule}, {optimizer.warmup_steps} steps of warm-up\n{sparkline(rates)}\n{points}"


def sparkline(values: Sequence[float], width: int = 50) -> str:
    """Values as a row of at most `width` blocks, from 0 to the largest; longer rows are sampled at even distances.

    >>> sparkline([0.0, 0.5, 1.0])
    '▁▅█'
    """
    blocks = "▁▂▃▄▅▆▇█"
    count = min(width, len(values))
    picked = [values[round(place * (len(values) - 1) / max(count - 1, 1))] for place in range(count)]
    top = max(picked)
    return "".join(blocks[round(value / top * (len(blocks) - 1))] for value in picked)


def compute_text(plan: RunPlan) -> str:
    """FLOPs, and hours at the given MFU."""
    assert plan.peak is not None
    speed = plan.peak * plan.mfu / plan.flops_per_token
    return (
        f"{format_si(plan.flops_per_token)}FLOP a token, {format_si(plan.flops_per_token * plan.tokens_per_step)}FLOP a step, "
        f"{format_si(plan.flops)}FLOP in all: {plan.hours:,.2f} hours on {plan.ranks} x {plan.gpu}, if they reach "
        f"{plan.mfu:.0%} of their {format_si(plan.peak)}FLOP/s (MFU), which is {speed:,.0f} tokens/s each"
    )


def activation_text(plan: RunPlan) -> str:
    """The memory of a micro-batch, with and without gradient checkpointing."""
    one = plan.memory[0]
    again, plain = one.checkpointed, one.plain
    used = "uses" if plan.gradient_checkpointing else "does without"
    return (
        f"{_gib(plain.activations)} GiB of activations, or with gradient checkpointing {_gib(again.activations)} GiB and "
        f"{_gib(again.recomputed)} GiB for a layer that is computed again; {_gib(plain.logits)} GiB of logits. "
        f"This run {used} checkpointing"
    )


def wiki_table(settings: TrainSettings, plan: RunPlan) -> Table:
    """The part of each wiki in the run."""
    rules = settings.insertion
    tags = "with" if rules.uses_tags else "without"
    how = "no names" if rules.strategy == "none" else f"names {rules.strategy}, p = {rules.probability:g}, {tags} tags"
    unpredicted = ", not predicted" if rules.strategy != "none" and not rules.predict_names else ""
    table = _table(f'what it trains on: {how}{unpredicted}; from "an epoch" on, as expected')
    for header in ("wiki", "share", "tokens", "an epoch", "epochs", "links seen", "names"):
        table.add_column(header, justify="left" if header == "wiki" else "right")
    for part in plan.wikis or ():
        numbers = (f"{part.tokens:,}", f"{part.epoch_tokens:,.0f}", f"{part.epochs:,.2f}")
        table.add_row(part.wiki, f"{part.share:.2%}", *numbers, f"{part.links_seen:,.0f}", f"{part.names_inserted:,.0f}")
    return table


def memory_table(plan: RunPlan) -> Table:
    """GiB of a GPU by ZeRO stage and offload."""
    device = memory_bytes(plan.gpu)
    size = "" if device is None else f" of {device // _GIB} GiB"
    table = _table(
        f"estimated GiB on each of {plan.ranks} GPUs{size}, in all with and without gradient checkpointing "
        f"(> this run's ZeRO stage, ! less than {MARGIN:.0%} is left)"
    )
    states = ("params", "grads", "optim.", "buffers")
    for header in ("ZeRO", "offloaded", *states, "with", "without", "host"):
        table.add_column(header, justify="left" if header in ("ZeRO", "offloaded") else "right")
    for row in plan.memory:
        one = row.checkpointed
        parts = (_gib(value) for value in (one.parameters, one.gradients, one.optimizer, one.buffers))
        totals = (_total(memory, device) for memory in (one, row.plain))
        name = f"{'>' if row.chosen else ' '} {row.stage}"
        refused = row.stage == 0 and plan.precision == "bf16"
        table.add_row(
            name,
            "(refused)" if refused else _OFFLOADED[row.offload],
            *parts,
            *totals,
            _gib(one.host),
            style="bold" if row.chosen else None,
        )
    return table


def _table(title: str) -> Table:
    return Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", padding=(0, 1, 0, 0))


def _total(memory: MemoryEstimate, device: int | None) -> str:
    return _gib(memory.total) + (" !" if device is not None and not memory.fits(device) else "  ")


def _gib(size: int) -> str:
    """GiB without the unit, which the heading of the column has."""
    return f"{size / _GIB:,.{1 if size >= 10 * _GIB else 2}f}"

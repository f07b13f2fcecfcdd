"""Continue training a language model on Wikipedia with entity names: the entry point, to be read from top to bottom.

deepspeed --num_accelerators 2 training/train.py --config conf/train/tiny.yaml
torchrun --nproc-per-node 8 training/train.py --config conf/train/llama2-7b-ja.yaml
python training/train.py --config conf/train/tiny.yaml --set steps=5
python training/train.py --config conf/train/llama2-7b-ja.yaml --dry-run
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from spark_jobs.settings import (
    EXIT_CONFIGURATION,
    ConfigOption,
    ConfigurationError,
    SetOption,
    help_texts,
    program_name,
    run_configured,
)
from training.config import TrainSettings, accumulation_steps
from training.corpus import Corpus, check_vocabulary, open_corpus, tokenizer_difference
from training.distributed import (
    Ranks,
    barrier,
    deepspeed_config,
    gather,
    own_device,
    quiet,
    ranks_of_environment,
    start,
    stop,
    with_precision,
    zero3,
)
from training.insertion import IGNORED
from training.metrics import MetricsWriter
from training.optimizer import build_optimizer, learning_rate
from training.output import Summary, check_output, prepare_output
from training.plan import StreamRules
from training.rules import stream_rules
from training.stream import COUNTERS, Batch, RollingHash, Stream
from training.stream_report import describe_corpus, describe_stream

EXIT_DIVERGED = 3
PATIENCE = 10.0
"""Seconds that a rank leaves to the first one of its machine to tell an error that both have found."""


class TrainingDivergedError(RuntimeError):
    """A loss or a gradient is no longer a finite number; the message names the step and the sequences."""


def train(settings: TrainSettings) -> None:
    """A whole training run, as one of its ranks."""
    ranks = ranks_of_environment()
    console = Console(quiet=not ranks.main, markup=False, highlight=False, soft_wrap=True)
    summary = Summary(settings, ranks)

    # Everything that can be refused is refused before anything slow begins.
    check_output(settings)
    accumulation = accumulation_steps(settings.global_batch_size, settings.micro_batch_size, ranks.size)
    config = deepspeed_config(settings, accumulation)
    corpus = open_corpus(settings.data)
    console.print(describe_corpus(corpus))
    quiet()
    from training import model as models

    # The data: sequence k is a function of corpus, rules and seed alone.
    tokenizer, rules, rows = prepare_tokenizer(settings, corpus, console)
    stream = Stream(corpus, rules, settings.data.cache)
    console.print(describe_stream(stream))
    models.check_context(settings.model.path, settings.stream.sequence_length)
    device = own_device(ranks)
    bf16 = settings.model.precision == "bf16" or (settings.model.precision == "auto" and device.type != "cpu")
    precision = "bf16" if bf16 else "fp32"
    models.check_attention(settings.model.attention, precision, device.type)
    config = with_precision(config, bf16)

    # Process group, model, engine.
    start(ranks, console.print)
    engine = build_engine(settings, config, rows, precision, ranks)
    summary.describe(corpus, stream, engine, device)

    if ranks.main:
        prepare_output(settings, config)
    barrier()
    console.print(
        f"training {summary.parameters / 1e6:,.1f} M parameters in {summary.precision}, ZeRO-{summary.zero_stage} "
        f"on {ranks.size} x {device.type}: {settings.steps} steps of {settings.global_batch_size} x "
        f"{settings.stream.sequence_length} tokens (micro-batch {settings.micro_batch_size}, accumulation {accumulation})"
    )

    # Steps.
    with MetricsWriter(settings, console, write=ranks.main) as writer:
        for metrics in steps(settings, engine, stream, ranks, device):
            summary.add(metrics)
            writer.write(metrics)

    # The model first and run.json last: where run.json is, the run is finished.
    models.save_model(engine.module, tokenizer, settings.output_dir / "model", rules.tags or (), ranks.main)
    if ranks.main:
        summary.write()
        console.print(summary.text())
    barrier()
    stop()


def prepare_tokenizer(settings: TrainSettings, corpus: Corpus, console: Console) -> tuple[Any, StreamRules, Any]:
    """The model's tokenizer, with the tags if they are used; the rules of the stream; the `Rows` for the model, or None."""
    from training import model as models

    tokenizer = models.load_tokenizer(settings.model.path)
    check_vocabulary(corpus.tokenizer, tokenizer.get_vocab(), settings.model.path)
    difference = tokenizer_difference(settings.data, corpus.tokenizer, Path(settings.model.path))
    if difference:
        console.print(
            f"warning: the tokenizer.json of {settings.model.path} has the vocabulary of the corpus's, but differs in "
            f"{difference}: the trained model's tokenizer may split text otherwise than it was split for training",
            style="yellow",
        )
    tags, rows = models.add_tags(tokenizer) if settings.insertion.uses_tags else (None, None)
    return tokenizer, stream_rules(settings, tokenizer, tags), rows


def build_engine(settings: TrainSettings, config: dict[str, Any], rows: Any, precision: str, ranks: Ranks) -> Any:
    """Load the model, give it the rows of the tags, wrap it: DeepSpeed's engine."""
    import deepspeed

    partitioning = zero3(config)
    model = build_model(settings, rows, precision, ranks.rank)
    engine, *_ = deepspeed.initialize(model=model, optimizer=build_optimizer(settings.optimizer, model), config=config)
    del partitioning
    return engine


def build_model(settings: TrainSettings, rows: Any, precision: str, rank: int) -> Any:
    """The model with the rows of the tags: the same on all ranks. What is drawn later (dropout) differs from rank to rank."""
    import torch

    from training import model as models

    torch.manual_seed(settings.seed)
    model = models.load_model(settings.model, models.DTYPES[precision])
    if rows is not None:
        models.add_rows(model, rows)
    torch.manual_seed(settings.seed + rank)
    return model


def steps(settings: TrainSettings, engine: Any, stream: Stream, ranks: Ranks, device: Any) -> Iterator[dict[str, Any]]:
    """Train step after step, and yield each step's metrics (of all ranks together)."""
    rolling = RollingHash()
    options = settings.stream
    batches = stream.batches(0, ranks.rank, ranks.size, options.workers, options.prefetch)
    tokens_in_step = settings.global_batch_size * settings.stream.sequence_length
    for step in range(settings.steps):
        began = time.perf_counter()
        batch = next(batches)
        waited = gather(np.array([time.perf_counter() - began]), device).max()
        loss, norm = train_step(engine, batch, settings, step, device)
        counts = gather(batch.counts, device).sum(axis=0)
        total = dict(zip(COUNTERS, counts.sum(axis=0).tolist(), strict=True))
        stream_hash = rolling.update(gather(batch.digests, device).ravel())
        seconds = time.perf_counter() - began
        yield {
            "step": step + 1,
            "loss": loss,
            "learning_rate": learning_rate(settings.optimizer, step, settings.steps),
            "gradient_norm": norm,
            "tokens": (step + 1) * tokens_in_step,
            "tokens_per_second": tokens_in_step / seconds,
            "seconds": seconds,
            "data_wait_share": float(waited) / seconds,
            "stream_hash": stream_hash,
            "masked": total["masked"],
            "links_seen": total["links_seen"],
            "links_inserted": total["links_inserted"],
            "wikis": {
                wiki: dict(zip(COUNTERS, row, strict=True))
                for wiki, row in zip(stream.corpus.names, counts.tolist(), strict=True)
            },
        }


def train_step(engine: Any, batch: Batch, settings: TrainSettings, step: int, device: Any) -> tuple[float, float]:
    """One optimizer step on this rank's share of a global batch: (loss, gradient norm before clipping) of the whole batch.

    The loss is the mean over all predicted tokens of the global batch, whatever rank or micro-batch they are in.
    """
    import torch

    from training.document_mask import only_own_document

    micro = settings.micro_batch_size
    accumulation = len(batch.sequences) // micro
    predicted_on = gather(np.array([(batch.labels[:, 1:] != IGNORED).sum()]), device)
    ranks, predicted = len(predicted_on), max(int(predicted_on.sum()), 1)
    for group in engine.optimizer.param_groups:
        group["lr"] = learning_rate(settings.optimizer, step, settings.steps)
    input_ids, labels = torch.from_numpy(batch.input_ids).to(device), torch.from_numpy(batch.labels).to(device)
    positions = None if batch.positions is None else torch.from_numpy(batch.positions).to(device)
    # Losses stay on the device until the last: to read one is to wait for the GPU.
    losses = torch.zeros(accumulation, dtype=torch.float64, device=device)
    norm = None
    for number in range(accumulation):
        rows = slice(number * micro, (number + 1) * micro)
        masking = {} if positions is None else only_own_document(positions[rows], engine.module)
        loss = summed_loss(engine, input_ids[rows], labels[rows], **masking)
        # DeepSpeed divides by the accumulation and averages over ranks; this undoes both, and divides by all predicted tokens.
        engine.backward(loss * (accumulation * ranks / predicted))
        losses[number] = loss.detach()
        if number == accumulation - 1:
            everyone = gather(losses.cpu().numpy(), device)
            _refuse_divergence(everyone, step, settings)
            norm = _plain_gradient_norm(engine)
        engine.step()
    norm = float(engine.get_global_grad_norm() if norm is None else norm)
    if not np.isfinite(norm):
        first = step * settings.global_batch_size
        raise TrainingDivergedError(
            f"step {step + 1}: the gradient norm is {norm}, although every loss is finite; the batch is sequences {first} to "
            f"{first + settings.global_batch_size - 1}. {_REMEDY}"
        )
    return float(everyone.sum()) / predicted, norm


def summed_loss(model: Any, input_ids: Any, labels: Any, **masking: Any) -> Any:
    """Sum of -log p(token) over the labels that are not IGNORED; labels are aligned with `input_ids` ([sequences, length])."""
    import torch.nn.functional as F  # noqa: N812  (torch's own convention)

    logits = model(input_ids=input_ids, use_cache=False, **masking).logits.float()
    # The label of a token stands one to its right. Shifting labels, not logits, copies kilobytes, not gigabytes.
    following = F.pad(labels[:, 1:], (0, 1), value=IGNORED)
    return F.cross_entropy(logits.flatten(0, 1), following.flatten(), ignore_index=IGNORED, reduction="sum")


_REMEDY = "Nothing was saved. Look at these sequences, or lower optimizer.learning_rate, or use model.precision=fp32"


def _refuse_divergence(losses: np.ndarray[Any, np.dtype[np.float64]], step: int, settings: TrainSettings) -> None:
    """Raise if any of the summed losses [ranks, accumulation] is not finite, naming the sequences of those micro-batches."""
    if np.isfinite(losses).all():
        return
    bad = np.flatnonzero(~np.isfinite(losses.ravel()))  # ranks hold contiguous slices, so this order is the stream's
    begins = step * settings.global_batch_size + bad * settings.micro_batch_size
    names = ", ".join(
        f"{b}" if settings.micro_batch_size == 1 else f"{b}-{b + settings.micro_batch_size - 1}" for b in begins[:8]
    )
    more = f" and {len(bad) - 8} more micro-batches" if len(bad) > 8 else ""
    raise TrainingDivergedError(f"step {step + 1}: the loss is {losses.ravel()[bad[0]]} in sequences {names}{more}. {_REMEDY}")


def _plain_gradient_norm(engine: Any) -> float | None:
    """The norm that DeepSpeed does not compute: stage 0 in fp32, where every rank holds the averaged gradients."""
    if engine.zero_optimization_stage() or engine.bfloat16_enabled():
        return None
    import torch

    return float(torch.nn.utils.get_total_norm([p.grad for p in engine.module.parameters() if p.grad is not None]))


def main(settings: TrainSettings) -> int:
    """Train; what a person can mend ends with its message, told by one rank of each machine, or by the one that found it."""
    try:
        train(settings)
    except (ConfigurationError, TrainingDivergedError) as error:
        code = EXIT_DIVERGED if isinstance(error, TrainingDivergedError) else EXIT_CONFIGURATION
        ranks = ranks_of_environment()
        if ranks.local_rank == 0 and code == EXIT_CONFIGURATION:
            raise
        who = ""
        if ranks.local_rank > 0:
            # The launcher ends all ranks as soon as one has ended: a mistake that all found is told by the first one alone.
            time.sleep(PATIENCE)
            who = f" (found by rank {ranks.rank})"
        Console(stderr=True, markup=False, highlight=False, soft_wrap=True).print(f"error{who}: {error}", style="bold red")
        return code
    return 0


app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
_SUMMARY = "Continue training a causal language model on an encoded corpus, with entity names inserted."


@app.command(**help_texts(TrainSettings, _SUMMARY))
def entry(
    config: ConfigOption,
    set_: SetOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what the run would do and need; no weights, no GPU.")] = False,
    local_rank: Annotated[int, typer.Option("--local_rank", hidden=True)] = -1,  # noqa: ARG001  (deepspeed appends it)
) -> None:
    """The command line."""
    if dry_run:
        from training.dry_run import show_plan

        run_configured(TrainSettings, show_plan, config, set_ or ())
    run_configured(TrainSettings, main, config, set_ or ())


if __name__ == "__main__":
    app(prog_name=program_name())

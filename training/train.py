"""Continue training a language model on Wikipedia with entity names: the entry point, to be read from top to bottom.

deepspeed --num_accelerators 2 training/train.py --config conf/train/tiny.yaml
torchrun --nproc-per-node 8 training/train.py --config conf/train/llama2-7b-ja.yaml
python training/train.py --config conf/train/tiny.yaml --set steps=5
python training/train.py --config conf/train/llama2-7b-ja.yaml --dry-run
"""

import dataclasses
import os
import shutil
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from spark_jobs.common.command_line import (
    EXIT_CONFIGURATION,
    ConfigOption,
    SetOption,
    help_texts,
    new_app,
    program_name,
    run_configured,
)
from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings, accumulation_steps
from training.data.encoded_corpus import Corpus, open_corpus
from training.data.tokenizer_identity import check_vocabulary, find_tokenizer_difference
from training.engine.checkpoints import Checkpoints, RunState, read_state
from training.engine.collectives import barrier
from training.engine.deepspeed_config import build_deepspeed_config, with_precision, zero_stage
from training.engine.deepspeed_engine import EngineSetup, build_engine, resume_engine, save_checkpoint
from training.engine.devices import select_device
from training.engine.interruption import EXIT_INTERRUPTED, InterruptedByRequestError, Interruption
from training.engine.launch_environment import Ranks, read_ranks
from training.engine.process_group import join_process_group, leave_process_group
from training.engine.resume import check_resumable, find_newest_intact, settings_to_match
from training.loop.held_out_loss import HeldOut
from training.loop.metrics_log import MetricsWriter, check_wandb
from training.loop.profiling import Profile
from training.loop.run_folder import Output, Summary
from training.loop.task_scoring import Scoring, TaskEvaluationError
from training.loop.training_steps import Position, new_guard, steps
from training.model.accelerators import peak_flops
from training.model.document_mask import check_document_masking
from training.model.flops import flops_per_token, mfu
from training.model.library_messages import silence_libraries
from training.model.model_shapes import shape_of
from training.report.run_html import Drawing
from training.stream.stream_rules import StreamRules, make_stream_rules
from training.stream.stream_summary import describe_corpus, describe_stream
from training.stream.token_stream import Stream

EXIT_DIVERGED, EXIT_OUT_OF_MEMORY, EXIT_RANK_LOST = 3, 4, 5
PATIENCE = 10.0
"""Seconds that a rank leaves to the first one of its machine to tell an error that both have found."""
SAVED_FILE = "LEIA_SAVED_FILE"
"""Environment variable: path of a file that the first rank writes when the run was asked to end and all is saved.

For whatever starts the job again and may not see exit code 75, since a launcher that ends ranks can replace it by its own.
"""


class TrainingDivergedError(RuntimeError):
    """Too many steps were skipped; the message names them, and if it was just now the reason and the sequences of the last."""


@dataclasses.dataclass
class Run:
    """One rank's run, made ready: what its steps need."""

    settings: TrainSettings
    ranks: Ranks
    console: Console
    device: Any
    engine: Any
    stream: Stream
    position: Position
    tokenizer: Any
    same: dict[str, Any]
    """What a checkpoint must have in common with this run."""
    held_out: HeldOut | None
    checkpoints: Checkpoints
    page: Drawing
    saved: int = 0
    """Step of the newest checkpoint."""

    @property
    def finished(self) -> bool:
        """Whether the last step is done."""
        return self.position.step >= self.settings.steps


def train(settings: TrainSettings) -> None:
    """A whole training run, as one of its ranks."""
    ranks = read_ranks()
    console = Console(quiet=not ranks.main, markup=False, highlight=False, soft_wrap=True)
    output = Output(settings)
    if output.finished and settings.resume:
        console.print(f"nothing to do: {output.folder} holds a finished run")
        return

    # Everything that can be refused is refused before anything slow begins.
    output.check()
    check_wandb(settings.log.wandb)
    accumulation = accumulation_steps(settings.global_batch_size, settings.micro_batch_size, ranks.size)
    config = build_deepspeed_config(settings, accumulation)
    corpus = open_corpus(settings.data)
    console.print(describe_corpus(corpus))
    silence_libraries()
    from training.model.model_checks import check_attention, check_context

    # The data: sequence k is a function of corpus, rules and seed alone.
    tokenizer, rules, rows = prepare_tokenizer(settings, corpus, console)
    stream = Stream(corpus, rules, settings.data.cache)
    console.print(describe_stream(stream))
    check_context(settings.model.path, settings.stream.sequence_length)
    device = select_device(ranks)
    precision = settings.model.precision
    if precision == "auto":
        precision = "fp32" if device.type == "cpu" else "bf16"
    check_attention(settings.model.attention, precision, device.type)
    if settings.stream.mask_documents:
        check_document_masking(settings.model.path, settings.model.attention)
    config = with_precision(config, precision == "bf16")
    held_out = HeldOut(settings, corpus, rules) if settings.evaluation.every and settings.data.held_out else None

    # Process group; where to go on; model and engine; the steps.
    join_process_group(ranks, console.print)
    checkpoints = Checkpoints(output.folder / "checkpoints", settings.checkpoint.keep)
    same = settings_to_match(settings, ranks, zero_stage(config), precision)
    setup = EngineSetup(settings, config, rows, precision, ranks, device)
    try:
        with Interruption() as interruption:
            position, engine, checkpoint = begin(setup, checkpoints, stream, same, interruption, console)
            if ranks.main:
                output.prepare(config, None if checkpoint is None else position.step)
            barrier()
            summary = Summary(settings, ranks, output.metrics())
            summary.describe(corpus, stream, engine, device)
            console.print(
                f"training {summary.parameters / 1e6:,.1f} M parameters in {summary.precision}, ZeRO-{summary.zero_stage} "
                f"on {ranks.size} x {device.type}: {settings.steps} steps of {settings.global_batch_size} x "
                f"{settings.stream.sequence_length} tokens (micro-batch {settings.micro_batch_size}, accumulation {accumulation})"
            )
            page, step = Drawing(output.folder, console, ranks.main), position.step
            run = Run(
                settings, ranks, console, device, engine, stream, position, tokenizer, same, held_out, checkpoints, page, step
            )
            train_and_report(run, checkpoint, summary, interruption)
    except (InterruptedByRequestError, TrainingDivergedError) as error:
        if ranks.main and isinstance(error, InterruptedByRequestError):
            leave_mark()
        # No rank leaves before the first one has closed its reports: launchers end all ranks as soon as one has left.
        barrier()
        raise

    finish_run(run, summary)


def finish_run(run: Run, summary: Summary) -> None:
    """The model first and run.json last: where run.json is, the run is finished."""
    from training.model.model_card import model_card
    from training.model.model_export import export_model

    settings, tags = run.settings, run.stream.rules.tags or ()
    card = model_card(settings, summary.as_dict(), tags)
    export_model(run.engine.module, run.tokenizer, settings.output_dir / "model", tags, run.ranks.main, card)
    if run.ranks.main:
        summary.write()
        run.page.draw()
        run.console.print(summary.text())
    barrier()
    leave_process_group()


def leave_mark() -> None:
    """Write the file that `SAVED_FILE` of the environment names, if it does."""
    if path := os.environ.get(SAVED_FILE):
        Path(path).write_text("ended on request, and saved\n", encoding="utf-8")


def prepare_tokenizer(settings: TrainSettings, corpus: Corpus, console: Console) -> tuple[Any, StreamRules, Any]:
    """The model's tokenizer, with the tags if they are used; the rules of the stream; the `Rows` for the model, or None."""
    from training.model import model_loading as models
    from training.model.translation_tags import add_tags

    tokenizer = models.load_tokenizer(settings.model.path)
    check_vocabulary(corpus.tokenizer, tokenizer.get_vocab(), settings.model.path)
    difference = find_tokenizer_difference(settings.data, corpus.tokenizer, Path(settings.model.path))
    if difference:
        console.print(
            f"warning: the tokenizer.json of {settings.model.path} has the vocabulary of the corpus's, but differs in "
            f"{difference}: the trained model's tokenizer may split text otherwise than it was split for training",
            style="yellow",
        )
    tags, rows = add_tags(tokenizer) if settings.insertion.uses_tags else (None, None)
    return tokenizer, make_stream_rules(settings, tokenizer, tags), rows


def begin(
    setup: EngineSetup,
    checkpoints: Checkpoints,
    stream: Stream,
    same: dict[str, Any],
    interruption: Interruption,
    console: Console,
) -> tuple[Position, Any, Path | None]:
    """Where the run stands, its engine, and the checkpoint that it goes on from, if there is one.

    Raises:
        ConfigurationError: when the checkpoint is of another run, another stream, or another number of ranks without `elastic`.
        TrainingDivergedError: when the guard has ended the run there, and would end it again.
        InterruptedByRequestError: see `training.engine.universal_checkpoint.convert_checkpoint`.
    """
    settings, ranks = setup.settings, setup.ranks
    checkpoint = find_newest_intact(checkpoints, ranks, console) if settings.resume else None
    if checkpoint is None:
        return Position(new_guard(settings.guard)), build_engine(setup), None
    state = read_state(checkpoint)
    other_ranks = check_resumable(state, same, settings.elastic)
    step, rolling = stream.seek(state.stream)
    position = Position(new_guard(settings.guard, state.guard), step, rolling, state.skipped)
    if position.guard.exhausted:
        raise TrainingDivergedError(still_diverged(position, checkpoint))
    return position, resume_engine(setup, checkpoint, other_ranks, interruption, console.print), checkpoint


def train_and_report(run: Run, checkpoint: Path | None, summary: Summary, interruption: Interruption) -> None:
    """All steps that are left, and what is written about them; the run goes on from `checkpoint` if there is one.

    Raises:
        InterruptedByRequestError, TrainingDivergedError: see `train_steps`; all reports are closed.
    """
    step = run.position.step
    with MetricsWriter(run.settings, run.console, run.ranks.main, step) as writer:
        if checkpoint is not None:
            writer.event(step, "resumed", {"path": str(checkpoint), "ranks": run.ranks.size})
        train_steps(run, writer, summary, interruption)


def train_steps(run: Run, writer: MetricsWriter, summary: Summary, interruption: Interruption) -> None:
    """All steps that are left, with what happens between them.

    Raises:
        InterruptedByRequestError: when the run was asked to end; it is saved.
        TrainingDivergedError: when the guard ends it; it is saved.
    """
    settings, position = run.settings, run.position
    module = run.engine.module
    trained = sum(getattr(p, "ds_numel", p.numel()) for p in module.parameters() if p.requires_grad)
    flops = flops_per_token(shape_of(module), settings.stream.sequence_length, trained)
    peak = peak_flops(device_name(run.device), "bf16" if run.engine.bfloat16_enabled() else "fp32")
    profile = Profile(settings.log.profile, settings.output_dir / "profile", run.ranks.rank)
    if position.step == 0:
        measure(run, writer, interruption)
    profile.boundary(position.step, run.finished)
    try:
        for metrics in steps(settings, run.engine, run.stream, position, run.ranks, run.device, interruption):
            per_gpu = metrics["tokens_per_second"] / run.ranks.size
            metrics |= {"tokens_per_second_per_gpu": per_gpu, "mfu": mfu(flops, per_gpu, peak)}
            summary.add(metrics)
            writer.write(metrics)
            profile.boundary(position.step, run.finished)
            if position.guard.exhausted:
                write_checkpoint(run, writer)
                draw_last(run)
                raise TrainingDivergedError(diverged(metrics, position, run.saved))
            every, measured = settings.checkpoint.every, settings.evaluation.every
            # Measured before it is saved: a run that goes on from here has it in its reports.
            if measured and (position.step % measured == 0 or run.finished):
                measure(run, writer, interruption)
            if every and position.step % every == 0 and not run.finished:
                write_checkpoint(run, writer)
    except InterruptedByRequestError:
        write_checkpoint(run, writer)
        draw_last(run)
        raise


def draw_last(run: Run) -> None:
    """The page of a run that ends before its time."""
    if run.position.step:
        run.page.draw()


def write_checkpoint(run: Run, writer: MetricsWriter) -> None:
    """Save where the run stands, unless that is saved already."""
    position = run.position
    if position.step == run.saved:
        return
    began = time.perf_counter()
    state = RunState(
        step=position.step,
        stream=run.stream.state(position.step, position.rolling.value),
        guard=position.guard.state,
        skipped=position.skipped,
        ranks=run.ranks.size,
        settings=run.same,
    )
    path = save_checkpoint(run.engine, run.checkpoints, state, run.ranks)
    run.saved = position.step
    writer.event(position.step, "checkpoint", {"path": str(path), "seconds": time.perf_counter() - began})
    run.page.draw_if_due()


def measure(run: Run, writer: MetricsWriter, interruption: Interruption) -> None:
    """The loss on held-out articles of each wiki, and the scores of tasks, as far as they are asked for."""
    step = run.position.step
    if run.held_out is not None:
        writer.event(step, "held_out", {"loss": run.held_out.losses(run.engine, run.ranks, run.device)})
    tasks = run.settings.evaluation.tasks
    if tasks is None:
        return
    from training.model.model_export import export_model

    folder = run.settings.output_dir / "evaluations" / f"step-{step:06d}"
    if run.ranks.main:
        folder.mkdir(parents=True, exist_ok=True)
    export_model(run.engine.module, run.tokenizer, folder / "model", run.stream.rules.tags or (), run.ranks.main)
    scoring = Scoring(folder / "model", tasks, folder) if run.ranks.main else None
    finished = interruption.wait(scoring.is_finished if scoring is not None else lambda: False)
    if scoring is None:
        return
    if finished:
        try:
            writer.event(step, "tasks", {"score": scoring.scores()})
        except TaskEvaluationError as error:
            writer.event(step, "tasks_failed", {"reason": str(error)})
    else:
        scoring.stop()
        writer.event(step, "tasks_failed", {"reason": "the run was asked to end"})
    shutil.rmtree(folder / "model", ignore_errors=True)


def diverged(metrics: dict[str, Any], position: Position, saved: int) -> str:
    """The message of a run that the guard ends."""
    sequences, skipped = ", ".join(metrics["sequences"][:8]), ", ".join(map(str, position.guard.skipped))
    return (
        f"step {metrics['step']}: {metrics['skipped']} in sequences {sequences}; these steps were skipped: {skipped}. The run "
        f"ends here, saved at step {saved}. Look at the sequences (events.jsonl has all). Go on with --set resume=true and a "
        "higher guard.stop_after, or start anew with a lower optimizer.learning_rate or model.precision=fp32"
    )


def still_diverged(position: Position, checkpoint: Path) -> str:
    """The message of a run that the guard has ended, and that is to go on as it was."""
    skipped = position.guard.skipped
    return (
        f"{checkpoint} is of a run that the guard has ended: these steps were skipped: {', '.join(map(str, skipped))} (reasons "
        f"and sequences are in events.jsonl). It would end again, so no step was made. Go on with a guard.stop_after above "
        f"{len(skipped)}, or start anew with another output_dir and a lower optimizer.learning_rate or model.precision=fp32"
    )


def device_name(device: Any) -> str:
    """The name of a GPU; "cpu" where there is none."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device.type)


def main(settings: TrainSettings) -> int:
    """Train; what a person can mend ends with its message, told by one rank of each machine, or by the one that found it."""
    try:
        train(settings)
    except InterruptedByRequestError:
        if read_ranks().main:
            Console(stderr=True, markup=False, highlight=False, soft_wrap=True).print(
                "ended on request, saved; the same command with --set resume=true goes on", style="yellow"
            )
        return EXIT_INTERRUPTED
    except TrainingDivergedError as error:
        return report_error(error, EXIT_DIVERGED)
    except ConfigurationError as error:
        if read_ranks().local_rank == 0:
            raise
        return report_error(error, EXIT_CONFIGURATION)
    except (RuntimeError, MemoryError) as error:
        if is_lost_rank(error):  # at once: the launcher that has seen the other one end ends this one, too
            return report_error(LOST_RANK, EXIT_RANK_LOST)
        from training.planning.out_of_memory import explain_out_of_memory, is_out_of_memory

        if not is_out_of_memory(error):
            raise
        return report_error(explain_out_of_memory(error, settings, read_ranks().size), EXIT_OUT_OF_MEMORY)
    return 0


LOST_RANK = (
    "another rank has ended, so this one cannot go on. What that rank said stands above; if it said nothing, the system ended "
    "it (the kernel's log tells whether for want of memory). The same command with --set resume=true goes on from the last "
    "checkpoint"
)


def is_lost_rank(error: BaseException) -> bool:
    """Whether a collective failed because a rank at its other end is gone (gloo and NCCL)."""
    closed = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "remote process exited")
    return any(text in str(error) for text in closed)


def report_error(error: Exception | str, code: int) -> int:
    """Tell an error, and by which rank it was found; returns the exit code."""
    ranks = read_ranks()
    who = ""
    if ranks.local_rank > 0:
        # The launcher ends all ranks as soon as one has ended: a mistake that all found is told by the first one alone.
        time.sleep(PATIENCE)
        who = f" (found by rank {ranks.rank})"
    Console(stderr=True, markup=False, highlight=False, soft_wrap=True).print(f"error{who}: {error}", style="bold red")
    return code


app = new_app()
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
        from training.planning.dry_run import show_plan

        run_configured(TrainSettings, show_plan, config, set_ or ())
    run_configured(TrainSettings, main, config, set_ or ())


if __name__ == "__main__":
    app(prog_name=program_name())

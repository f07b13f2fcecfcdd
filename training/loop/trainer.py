"""A whole training run, to be read from top to bottom: prepare, start or resume, make steps, export the model."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from training.architectures.accelerators import peak_flops
from training.architectures.flops import flops_per_token, mfu
from training.architectures.model_shapes import shape_of
from training.architectures.router_loss import make_router_loss
from training.config import TrainSettings
from training.engine.checkpoints import Checkpoints, RunState
from training.engine.collectives import all_gather_objects, barrier
from training.engine.deepspeed_engine import save_checkpoint
from training.engine.interruption import EXIT_INTERRUPTED, InterruptedByRequestError, Interruption
from training.engine.launch_environment import read_ranks
from training.engine.process_group import join_process_group, leave_process_group
from training.engine.setting_changes import Change, join_changes, settings_to_match
from training.loop.active_run import ActiveRun
from training.loop.divergence import TrainingDivergedError, divergence_error
from training.loop.exit_codes import write_saved_file
from training.loop.kept_parts import find_kept_parts
from training.loop.measurements import measure
from training.loop.run_preparation import PreparedRun, gather_base_files, own_run_folder, prepare_run, start_or_resume
from training.loop.training_steps import run_steps
from training.model.zero3_parameters import count_parameters
from training.processes.launcher_watch import LauncherWatch
from training.processes.run_owner import RunOwner
from training.records.metrics_writer import MetricsWriter
from training.records.page_updates import PageUpdates
from training.records.run_folder import RunFolder
from training.records.run_summary import RunSummary
from training.records.step_profiler import StepProfiler

if TYPE_CHECKING:
    import torch


def train(settings: TrainSettings, draw_page: Callable[[Path], object] | None = None) -> None:
    """Run a training as one of its ranks.

    `draw_page` writes the page of the run into the run's folder, its argument. The first rank calls it at checkpoints and at the
    end.

    Raises:
        ConfigurationError: for a configuration, data or a checkpoint that cannot be used.
        InterruptedByRequestError: when the run was asked to stop; it is saved.
        TrainingDivergedError: when the guard stops the run; it is saved.
    """
    ranks = read_ranks()
    console = Console(quiet=not ranks.main, markup=False, highlight=False, soft_wrap=True)
    folder = RunFolder(settings)
    with LauncherWatch(end_unsaved) as launcher:
        prepared = prepare_run(settings, folder, ranks, console)
        fixed_settings = settings_to_match(settings, prepared.setup.config, prepared.setup.precision, ranks.size)
        if is_done(folder, prepared, fixed_settings, console):
            return
        join_process_group(ranks, console.print)
        with own_run_folder(folder, ranks, console) as owner:
            done = ranks.main and is_done(folder, prepared, fixed_settings, console)
            if all_gather_objects(done)[0]:  # another run has finished it meanwhile
                leave_process_group()
                return
            run_in_folder(prepared, folder, fixed_settings, owner, launcher, console, draw_page)


def is_done(folder: RunFolder, prepared: PreparedRun, fixed_settings: dict[str, Any], console: Console) -> bool:
    """Whether the folder holds the finished run of this command.

    Raises:
        ConfigurationError: when it holds a finished run with other settings.
    """
    if not (folder.holds_finished_run and prepared.setup.settings.resume):
        return False
    stream = prepared.stream
    changes = folder.require_same_run(fixed_settings, stream.corpus.fingerprint, stream.fingerprint)
    without = f"; without effect: {join_changes(changes)}" if changes else ""
    console.print(f"nothing to do: {folder.path} holds a finished run{without}")
    return True


def end_unsaved() -> None:
    """End a process that has nothing to save yet; from any thread."""
    os._exit(EXIT_INTERRUPTED)


def run_in_folder(
    prepared: PreparedRun,
    folder: RunFolder,
    fixed_settings: dict[str, Any],
    owner: RunOwner,
    launcher: LauncherWatch,
    console: Console,
    draw_page: Callable[[Path], object] | None,
) -> None:
    """Start or resume the run in the folder that it owns, make its steps, and export the model.

    Raises:
        ConfigurationError: when the checkpoint cannot be used, or the folder was lost.
        InterruptedByRequestError: when the run was asked to stop; it is saved.
        TrainingDivergedError: when the guard stops the run; it is saved.
    """
    setup, stream = prepared.setup, prepared.stream
    settings, ranks = setup.settings, setup.ranks
    checkpoints = Checkpoints(folder.path / "checkpoints", settings.checkpoint.keep, owner.require_held)
    try:
        with Interruption() as interruption:
            launcher.call_instead(interruption.request_end)
            base_files = gather_base_files(settings, ranks)
            position, engine, checkpoint, changes = start_or_resume(
                prepared, checkpoints, fixed_settings, base_files, interruption, console
            )
            owner.require_held()
            if ranks.main:
                folder.prepare(setup.config, None if checkpoint is None else position.step)
            barrier()
            summary = RunSummary(settings, ranks, folder.metrics())
            summary.describe(stream, engine, setup.device)
            console.print(
                f"training {summary.parameters / 1e6:,.1f} M parameters in {summary.precision}, ZeRO-{summary.zero_stage} on "
                f"{ranks.size} x {setup.device.type}: {settings.steps} steps of {settings.global_batch_size} x "
                f"{settings.stream.sequence_length} tokens (micro-batch {settings.micro_batch_size}, "
                f"accumulation {prepared.accumulation})"
            )
            run = ActiveRun(
                settings=settings,
                ranks=ranks,
                console=console,
                device=setup.device,
                tokenizer=prepared.tokenizer,
                stream=stream,
                engine=engine,
                position=position,
                held_out=prepared.held_out,
                checkpoints=checkpoints,
                fixed_settings=fixed_settings | {"base_files": base_files},
                page=PageUpdates(folder.path, draw_page if ranks.main else None, console),
                interruption=interruption,
                owner=owner,
                saved=position.step,
            )
            train_and_report(run, checkpoint, changes, summary)
    except (InterruptedByRequestError, TrainingDivergedError) as error:
        if ranks.main and isinstance(error, InterruptedByRequestError):
            write_saved_file()
        # All ranks wait until the first one has closed its reports: launchers end all ranks as soon as one has ended.
        barrier()
        raise

    finish_run(run, summary)


def train_and_report(run: ActiveRun, checkpoint: Path | None, changes: Sequence[Change], summary: RunSummary) -> None:
    """Make the remaining steps and write the reports.

    `checkpoint` is the one that the run resumes from, and `changes` are the settings that differ from its own.

    Raises:
        InterruptedByRequestError, TrainingDivergedError: see `train_steps`; all reports are closed.
    """
    step = run.position.step
    with MetricsWriter(run.settings, run.console, run.ranks.main, step) as writer:
        if checkpoint is not None:
            changed = {"changed": [str(change) for change in changes]} if changes else {}
            writer.write_event(step, "resumed", {"path": str(checkpoint), "ranks": run.ranks.size} | changed)
        train_steps(run, writer, summary)


def train_steps(run: ActiveRun, writer: MetricsWriter, summary: RunSummary) -> None:
    """Make the remaining steps, with measurements and checkpoints between them.

    Raises:
        InterruptedByRequestError: when the run was asked to stop; it is saved.
        TrainingDivergedError: when the guard stops it; it is saved.
    """
    settings, position = run.settings, run.position
    module = run.engine.module
    trained = count_parameters(p for p in module.parameters() if p.requires_grad)
    flops = flops_per_token(shape_of(module), settings.stream.sequence_length, trained)
    peak = peak_flops(device_name(run.device), "bf16" if run.engine.bfloat16_enabled() else "fp32")
    router = make_router_loss(module, settings.model.router_loss)
    if router is not None:
        run.console.print(f"router: its auxiliary loss is added with weight {router.weight:g} (model.router_loss)")
    profiler = StepProfiler(settings.log.profile, settings.output_dir / "profile", run.ranks.rank)
    if position.step == 0:
        measure(run, writer)
    profiler.step_finished(position.step, run.is_finished)
    try:
        for metrics in run_steps(settings, run.engine, run.stream, position, run.ranks, run.device, run.interruption, router):
            per_gpu = metrics["tokens_per_second"] / run.ranks.size
            run.owner.require_held()
            metrics |= {"tokens_per_second_per_gpu": per_gpu, "mfu": mfu(flops, per_gpu, peak)}
            summary.add_step(metrics)
            writer.write_step(metrics)
            profiler.step_finished(position.step, run.is_finished)
            if position.guard.must_stop:
                write_checkpoint(run, writer)
                draw_last_page(run)
                raise divergence_error(metrics, position.guard, run.saved)
            # Measured before it is saved: a run that resumes from the checkpoint has the measurement in its reports.
            if settings.evaluation.every and (position.step % settings.evaluation.every == 0 or run.is_finished):
                measure(run, writer)
            if settings.checkpoint.every and position.step % settings.checkpoint.every == 0 and not run.is_finished:
                write_checkpoint(run, writer)
    except InterruptedByRequestError:
        write_checkpoint(run, writer)
        draw_last_page(run)
        raise


def write_checkpoint(run: ActiveRun, writer: MetricsWriter) -> None:
    """Save the run, unless this step is saved already."""
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
        settings=run.fixed_settings,
    )
    path = save_checkpoint(run.engine, run.checkpoints, state, run.ranks)
    run.saved = position.step
    writer.write_event(position.step, "checkpoint", {"path": str(path), "seconds": time.perf_counter() - began})
    run.page.draw_if_due()


def draw_last_page(run: ActiveRun) -> None:
    """Draw the page of a run that ends before its last step."""
    if run.position.step:
        run.page.draw()


def finish_run(run: ActiveRun, summary: RunSummary) -> None:
    """Export the model, then write run.json, which marks the run as finished."""
    from training.model.model_card import model_card
    from training.model.model_export import export_model

    run.owner.require_held()
    settings, base = run.settings, None
    if settings.model.other_parts == "keep":
        base = find_kept_parts(settings, run.fixed_settings["base_files"], run.ranks, run.console)
    card = model_card(settings, summary.as_dict(), run.tags, kept=base is not None)
    export_model(run.engine.module, run.tokenizer, settings.output_dir / "model", run.tags, run.ranks.main, card, base=base)
    if run.ranks.main:
        summary.write()
        run.page.draw()
        run.console.print(summary.as_text())
    barrier()
    leave_process_group()


def device_name(device: "torch.device") -> str:
    """The name of a GPU, or the type of any other device, such as "cpu"."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device.type)

"""Measurements between steps: the loss on held-out articles, and scores of evaluation tasks."""

import shutil

from training.loop.active_run import ActiveRun
from training.loop.task_scoring import TaskEvaluationError, TaskScoring
from training.records.metrics_writer import MetricsWriter


def measure(run: ActiveRun, writer: MetricsWriter) -> None:
    """Make the measurements of the configuration, and write an event for each. Every rank calls it."""
    if run.held_out is not None:
        losses = run.held_out.losses(run.engine, run.ranks, run.device)
        writer.write_event(run.position.step, "held_out", {"loss": losses})
    if run.settings.evaluation.tasks is not None:
        score_tasks(run, writer)


def score_tasks(run: ActiveRun, writer: MetricsWriter) -> None:
    """Export the model, score it in a separate process that the first rank starts, and delete it again.

    A failed evaluation is an event: training continues. All ranks wait; a request to stop ends the evaluation.
    """
    from training.model.model_export import export_model

    step, config = run.position.step, run.settings.evaluation.tasks
    assert config is not None
    folder = run.settings.output_dir / "evaluations" / f"step-{step:06d}"
    if run.ranks.main:
        folder.mkdir(parents=True, exist_ok=True)
    export_model(run.engine.module, run.tokenizer, folder / "model", run.tags, run.ranks.main)
    scoring = TaskScoring(folder / "model", config, folder) if run.ranks.main else None
    finished = run.interruption.wait(scoring.is_finished if scoring is not None else lambda: False)
    if scoring is None:
        return
    if finished:
        try:
            writer.write_event(step, "tasks", {"score": scoring.scores()})
        except TaskEvaluationError as error:
            writer.write_event(step, "tasks_failed", {"reason": str(error)})
    else:
        scoring.stop()
        writer.write_event(step, "tasks_failed", {"reason": "the run was asked to stop"})
    shutil.rmtree(folder / "model", ignore_errors=True)

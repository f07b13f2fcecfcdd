"""Evaluate a model: `python -m eval.run --config conf/eval/demo.yaml`.

A finished task is written at once, so a run that was stopped goes on where it was: run the same command again.
"""

import hashlib
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from eval.catalogue import TaskFile, check_local_files, read_catalogue, resolve, tasks_folder
from eval.config import EvalSettings
from eval.fingerprint import check_model, model_fingerprint
from eval.harness import SCORING_VERSION, Outcome, evaluate_task, items_sha256, load_tasks, num_candidates, quiet_libraries
from eval.results import (
    RESULTS,
    SAMPLES,
    SCHEMA_VERSION,
    EvalResults,
    TaskResult,
    format_stderr,
    read_results,
    records_sha256,
    results_markdown,
    task_key,
    write_aside,
    write_records,
)
from spark_jobs.settings import command

VERSIONS = ("leia-at-scale", "lm_eval", "transformers", "tokenizers", "torch", "datasets")
"""Packages whose versions are recorded."""
SCORING_PACKAGES = ("lm_eval", "transformers", "tokenizers")
"""Those that decide what is scored and how; torch and the device change rounding alone."""


def main(settings: EvalSettings) -> None:
    """Score `settings.model` on the tasks that are not finished yet, and show all of them."""
    console = Console(file=sys.stdout)  # this very stream: lm-eval's output is caught while the bar goes on
    tasks = resolve(settings.tasks, settings.languages, read_catalogue(tasks_folder()))
    check_model(settings.model)
    if settings.data_dir is not None:
        check_local_files(tasks, settings.data_dir)
    console.print(f"Evaluating [bold]{escape(str(settings.model))}[/] on {len(tasks)} tasks", highlight=False, soft_wrap=True)
    with console.status("Hashing the model"):
        results = _start(settings, model_fingerprint(settings.model), console)
    with quiet_libraries(offline=settings.data_dir is not None):
        # What a hub serves may change: only the items themselves tell whether they are those of an earlier run.
        loaded = _load(tasks, settings, console) if settings.data_dir is None else {}
        keys = {task.name: _key(task, settings, results.model["fingerprint"], loaded) for task in tasks}
        pending = [task for task in tasks if not _is_finished(task.name, keys, results, settings.output_dir)]
        if len(pending) < len(tasks):
            console.print(
                f"{len(tasks) - len(pending)} of {len(tasks)} tasks were finished before with this model and configuration: "
                "taken as they are",
                highlight=False,
                soft_wrap=True,
            )
        if pending:
            _evaluate(pending, loaded or _load(pending, settings, console), settings, results, keys, console)
    write_aside(settings.output_dir / "config.yaml", settings.to_yaml())
    write_aside(settings.output_dir / RESULTS, results.model_dump_json(indent=1))
    names = [task.name for task in tasks]
    write_aside(settings.output_dir / "results.md", results_markdown(results, names))
    console.print(results_table(results, names))
    console.print(
        f"Written to [bold]{escape(str(settings.output_dir))}[/]: {RESULTS}, results.md, {SAMPLES}/, config.yaml",
        highlight=False,
        soft_wrap=True,
    )


def _start(settings: EvalSettings, fingerprint: str, console: Console) -> EvalResults:
    """The results to go on with: those in the output folder if they are of the same model, else empty ones."""
    tasks: dict[str, TaskResult] = {}
    model: dict[str, Any] = {}
    if (settings.output_dir / RESULTS).is_file():
        earlier = read_results(settings.output_dir)
        if earlier.model["fingerprint"] == fingerprint:
            tasks, model = earlier.tasks, earlier.model
        else:
            console.print(
                f"[yellow]{escape(str(settings.output_dir))} holds results of another model: they are replaced[/]",
                highlight=False,
                soft_wrap=True,
            )
    return EvalResults(
        schema_version=SCHEMA_VERSION,
        model={**model, "path": str(settings.model), "fingerprint": fingerprint},
        configuration=settings.model_dump(mode="json"),
        tasks=tasks,
    )


def _load(tasks: Sequence[TaskFile], settings: EvalSettings, console: Console) -> dict[str, Any]:
    with console.status("Loading lm-eval and the data"):
        return load_tasks([task.name for task in tasks], settings)


def _data_source(task: TaskFile, settings: EvalSettings) -> dict[str, str]:
    if settings.data_dir is not None:
        path = task.local_file(settings.data_dir)
        return {"file": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return {"hub": str(task.metadata["hub_path"]), "revision": str(task.metadata["hub_revision"])}


def _task_settings(settings: EvalSettings) -> dict[str, Any]:
    return settings.model_dump(mode="json", include={"num_fewshot", "limit", "seed", "dtype"})


def _key(task: TaskFile, settings: EvalSettings, fingerprint: str, loaded: Mapping[str, Any]) -> str:
    """What decides the scores. A local file's bytes decide its items, so that nothing need be loaded to compare them."""
    return task_key(
        {
            "model": fingerprint,
            "task": task.sha256(),
            "data": items_sha256(loaded[task.name]) if task.name in loaded else _data_source(task, settings)["sha256"],
            "settings": _task_settings(settings),
            "scoring_version": SCORING_VERSION,
            "versions": {name: version(name) for name in SCORING_PACKAGES},
        }
    )


def _is_finished(name: str, keys: dict[str, str], results: EvalResults, output_dir: Path) -> bool:
    result = results.tasks.get(name)
    return result is not None and result.key == keys[name] and result.samples_sha256 == records_sha256(output_dir, name)


def _evaluate(
    pending: Sequence[TaskFile],
    loaded: Mapping[str, Any],
    settings: EvalSettings,
    results: EvalResults,
    keys: Mapping[str, str],
    console: Console,
) -> None:
    """Score the pending tasks one after the other; each is in the output folder before the next begins."""
    with console.status("Loading the model"):
        from eval.language_model import load_language_model

        model = load_language_model(settings)
    results.model.update(model.description())
    count = (MofNCompleteColumn(), TextColumn("candidates"), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), BarColumn(), *count, console=console) as progress:
        for task in pending:
            bar = progress.add_task(task.name, total=num_candidates(loaded[task.name], settings.limit))
            model.report_to(partial(progress.advance, bar))
            started = time.monotonic()
            outcome = evaluate_task(task.name, loaded[task.name], model, settings.limit)
            seconds = time.monotonic() - started
            results.tasks[task.name] = _task_result(
                task,
                outcome,
                settings,
                key=keys[task.name],
                data=_data_source(task, settings) | {"items_sha256": items_sha256(loaded[task.name])},
                dtype=results.model["dtype"],
                samples_sha256=write_records(settings.output_dir, task.name, outcome.records),
                seconds=round(seconds, 3),
            )
            write_aside(settings.output_dir / RESULTS, results.model_dump_json(indent=1))


def _task_result(task: TaskFile, outcome: Outcome, settings: EvalSettings, **measured: Any) -> TaskResult:
    return TaskResult(
        version=str(task.metadata["version"]),
        scoring=str(task.metadata["scoring"]),
        language=task.language,
        task_sha256=task.sha256(),
        settings=_task_settings(settings),
        num_fewshot=outcome.num_fewshot,
        n=len(outcome.records),
        chance=sum(1 / len(record.loglikelihoods) for record in outcome.records) / len(outcome.records),
        scores=outcome.scores,
        scoring_version=SCORING_VERSION,
        versions={name: version(name) for name in VERSIONS},
        **measured,
    )


def results_table(results: EvalResults, names: Sequence[str]) -> Table:
    """The scores of the named tasks for the console, in per cent."""
    table = Table(title="Scores in per cent", title_justify="left")
    for header in ("task", "metric"):
        table.add_column(header)
    for header in ("value", "± stderr", "chance", "n", "few-shot"):
        table.add_column(header, justify="right")
    for name in names:
        result = results.tasks[name]
        for row, (metric, score) in enumerate(result.scores.items()):
            shared = [f"{100 * result.chance:.0f}", str(result.n), str(result.num_fewshot)] if row == 0 else ["", "", ""]
            table.add_row(name if row == 0 else "", metric, f"{100 * score.value:.1f}", format_stderr(score), *shared)
        table.add_section()
    return table


if __name__ == "__main__":
    command(EvalSettings, main, "Score a causal language model on evaluation tasks with lm-eval.")

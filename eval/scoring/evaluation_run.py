"""A run over tasks: results of an earlier run are kept where their keys are equal, and each finished task is written at once."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from eval.config import EvalSettings
from eval.results.evaluation_results import RESULTS, SCHEMA_VERSION, EvalResults, TaskResult, read_results, write_results
from eval.results.item_records import SAMPLES, records_sha256, write_records
from eval.results.published_scores import check_published_model, distances_to_published
from eval.results.score_tables import (
    count_tasks,
    published_distances_markdown,
    published_distances_table,
    results_markdown,
    results_table,
)
from eval.scoring.lm_eval_environment import use_quiet_environment
from eval.scoring.lm_eval_scores import TaskOutcome, score_task
from eval.scoring.lm_eval_tasks import LmEvalTask, count_texts, load_tasks
from eval.scoring.model_directory import check_model_directory
from eval.scoring.model_fingerprint import model_fingerprint
from eval.scoring.result_keys import SCORING_VERSION, recorded_data, recorded_settings, recorded_versions, result_key
from eval.scoring.scoring_ranks import ScoringRanks, join_ranks
from eval.scoring.task_requests import TaskRequest, request_tasks
from eval.tasks.task_catalogue import check_local_files, read_catalogue, resolve_task_names, tasks_folder
from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.console import result_console


def evaluate_model(settings: EvalSettings) -> None:
    """Score `settings.model` on the tasks that are not finished yet, write results.json, results.md, samples/ and config.yaml.

    Runs on all ranks that torchrun started; rank 0 writes the files and prints the scores of all tasks.
    """
    with join_ranks() as ranks:
        _evaluate_on_rank(settings, ranks)


def _evaluate_on_rank(settings: EvalSettings, ranks: ScoringRanks) -> None:
    # On sys.stdout as it is now: lm-eval's output is captured while the bar moves. Only rank 0 prints.
    console = result_console(quiet=ranks.rank > 0)
    tasks = resolve_task_names(settings.tasks, settings.languages, read_catalogue(tasks_folder()))
    requests = request_tasks(tasks, settings.num_fewshot)
    check_model_directory(settings.model)
    check_published_model(settings.reported)
    if settings.data_dir is not None:
        check_local_files(tasks, settings.data_dir)
    _print(console, f"Evaluating [bold]{escape(str(settings.model))}[/] on {count_tasks(len(tasks))}")
    with console.status("Hashing the model"):
        results = _earlier_or_empty(settings, model_fingerprint(settings.model, settings.trust_remote_code), console)
    with use_quiet_environment(offline=settings.data_dir is not None):
        # Published data may change: only their items show whether they are those of an earlier run.
        loaded = _load_tasks(requests, settings, console, ranks) if settings.data_dir is None else {}
        keys = {request.name: result_key(request, settings, results.model["fingerprint"], loaded) for request in requests}
        unfinished = {request.name for request in requests if not _is_finished(request.name, keys, results, settings.output_dir)}
        unfinished = ranks.broadcast(unfinished)  # rank 0 writes while other ranks may still read
        pending = [request for request in requests if request.name in unfinished]
        if len(pending) < len(requests):
            finished = f"{len(requests) - len(pending)} of {len(requests)} tasks"
            _print(console, f"{finished} were finished before with this model and configuration: keeping their results")
        if pending:
            _score_tasks(
                pending, loaded or _load_tasks(pending, settings, console, ranks), settings, results, keys, console, ranks
            )
    if ranks.rank == 0:
        _write_and_show(settings, results, [request.name for request in requests], console)


def _write_and_show(settings: EvalSettings, results: EvalResults, names: Sequence[str], console: Console) -> None:
    distances = distances_to_published(results, names, settings.reported)
    write_text_atomically(settings.output_dir / "config.yaml", settings.to_yaml())
    write_results(settings.output_dir, results)
    markdown = results_markdown(results, names) + published_distances_markdown(distances)
    write_text_atomically(settings.output_dir / "results.md", markdown)
    console.print(results_table(results, names))
    if distances:
        console.print(published_distances_table(distances))
    folder = f"[bold]{escape(str(settings.output_dir))}[/]"
    _print(console, f"Written to {folder}: {RESULTS}, results.md, {SAMPLES}/, config.yaml")


def _print(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)


def _earlier_or_empty(settings: EvalSettings, fingerprint: str, console: Console) -> EvalResults:
    """The results in the output folder if they belong to the same model, else empty ones."""
    tasks: dict[str, TaskResult] = {}
    model: dict[str, Any] = {}
    if (settings.output_dir / RESULTS).is_file():
        earlier = read_results(settings.output_dir)
        if earlier.model["fingerprint"] == fingerprint:
            tasks, model = earlier.tasks, earlier.model
        else:
            folder = escape(str(settings.output_dir))
            _print(console, f"[yellow]{folder} holds results of another model: they are replaced[/]")
    return EvalResults(
        schema_version=SCHEMA_VERSION,
        model={**model, "path": str(settings.model), "fingerprint": fingerprint},
        configuration=settings.model_dump(mode="json"),
        tasks=tasks,
    )


def _load_tasks(
    requests: Sequence[TaskRequest], settings: EvalSettings, console: Console, ranks: ScoringRanks
) -> dict[str, LmEvalTask]:
    """lm-eval's tasks. Rank 0 downloads data and writes the lock before the other ranks read them."""
    with console.status("Loading lm-eval and the data"):
        if ranks.rank > 0 and settings.data_dir is None:
            ranks.broadcast(None)
        loaded = load_tasks(requests, settings)
        if ranks.rank == 0 and settings.data_dir is None:
            ranks.broadcast(None)
        return loaded


def _is_finished(name: str, keys: Mapping[str, str], results: EvalResults, output_dir: Path) -> bool:
    result = results.tasks.get(name)
    return result is not None and result.key == keys[name] and result.samples_sha256 == records_sha256(output_dir, name)


def _score_tasks(
    pending: Sequence[TaskRequest],
    loaded: Mapping[str, LmEvalTask],
    settings: EvalSettings,
    results: EvalResults,
    keys: Mapping[str, str],
    console: Console,
    ranks: ScoringRanks,
) -> None:
    """Score the pending tasks one after the other; each is written to the output folder before the next begins."""
    with console.status("Loading the model"):
        from eval.scoring.language_model import load_language_model

        model = load_language_model(settings, ranks)
    results.model.update(model.description())
    count = (MofNCompleteColumn(), TextColumn("texts"), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), BarColumn(), *count, console=console) as progress:
        for number, request in enumerate(pending, start=1):
            task = loaded[request.name]
            bar = progress.add_task(request.name, total=count_texts(task, settings.limit))
            model.report_to(partial(progress.advance, bar))
            started = time.monotonic()
            outcome = score_task(request, task, model, settings.limit)
            seconds = time.monotonic() - started
            if ranks.rank > 0:
                continue
            results.tasks[request.name] = _task_result(
                request,
                outcome,
                settings,
                key=keys[request.name],
                data=recorded_data(request, task, settings),
                dtype=results.model["dtype"],
                samples_sha256=write_records(settings.output_dir, request.name, outcome.records),
                seconds=round(seconds, 3),
            )
            write_results(settings.output_dir, results)
            if not console.is_terminal:  # a log shows no bar
                metric, score = next(iter(outcome.scores.items()))
                _print(console, f"{number} of {len(pending)}: {request.name}, {metric} {100 * score.value:.1f}, {seconds:.0f} s")


def _task_result(request: TaskRequest, outcome: TaskOutcome, settings: EvalSettings, **measured: Any) -> TaskResult:
    return TaskResult(
        version=str(request.task.metadata["version"]),
        scoring=request.task.scoring,
        language=request.task.language,
        task_sha256=request.task.sha256(),
        settings=recorded_settings(request, settings),
        num_fewshot=outcome.num_fewshot,
        n=len(outcome.records),
        chance=outcome.chance,
        scores=outcome.scores,
        scoring_version=SCORING_VERSION,
        versions=recorded_versions(),
        **measured,
    )

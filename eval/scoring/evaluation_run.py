"""Evaluate a model: `python -m eval.run --config conf/eval/demo.yaml`.

A finished task is written at once, so a run that was stopped goes on where it was: run the same command again. On several
GPUs or hosts, `torchrun --nproc-per-node 8 -m eval.run --config ...` deals the batches out; the results are the same.
"""

import hashlib
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

from eval.config import EvalSettings
from eval.results.evaluation_results import (
    RESULTS,
    SAMPLES,
    SCHEMA_VERSION,
    EvalResults,
    TaskResult,
    count_tasks,
    format_stderr,
    read_results,
    records_sha256,
    results_markdown,
    task_key,
    write_records,
)
from eval.results.published_scores import check_reported, distances_markdown, distances_table, distances_to_reported
from eval.scoring.lm_eval_adapter import (
    SCORING_VERSION,
    Entry,
    TaskOutcome,
    entries,
    evaluate_task,
    hub_commit,
    items_sha256,
    load_tasks,
    num_candidates,
    quiet_libraries,
)
from eval.scoring.model_fingerprint import check_model, model_fingerprint
from eval.scoring.scoring_ranks import ScoringRanks, join_ranks
from eval.tasks.task_catalogue import TaskFile, check_local_files, read_catalogue, resolve, tasks_folder
from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.command_line import command
from spark_jobs.common.console import result_console

VERSIONS = ("leia-at-scale", "lm_eval", "transformers", "tokenizers", "torch", "datasets")
"""Packages whose versions are recorded."""
SCORING_PACKAGES = ("lm_eval", "transformers", "tokenizers")
"""Those that decide what is scored and how; torch and the device change rounding alone."""
"""Columns where the output is no terminal."""


def main(settings: EvalSettings) -> None:
    """Score `settings.model` on the tasks that are not finished yet, on all ranks that torchrun started, and show all tasks."""
    with join_ranks() as ranks:
        _run(settings, ranks)


def _run(settings: EvalSettings, ranks: ScoringRanks) -> None:
    # This very stream: lm-eval's output is caught while the bar goes on. Every rank does the same, and one tells it.
    console = result_console(quiet=ranks.rank > 0)
    tasks = resolve(settings.tasks, settings.languages, read_catalogue(tasks_folder()))
    wanted = entries(tasks, settings.num_fewshot)
    check_model(settings.model)
    check_reported(settings.reported)
    if settings.data_dir is not None:
        check_local_files(tasks, settings.data_dir)
    _say(console, f"Evaluating [bold]{escape(str(settings.model))}[/] on {count_tasks(len(tasks))}")
    with console.status("Hashing the model"):
        results = _start(settings, model_fingerprint(settings.model, settings.trust_remote_code), console)
    with quiet_libraries(offline=settings.data_dir is not None):
        # What a hub serves may change: only the items themselves tell whether they are those of an earlier run.
        loaded = _load(wanted, settings, console, ranks) if settings.data_dir is None else {}
        keys = {entry.name: _key(entry, settings, results.model["fingerprint"], loaded) for entry in wanted}
        unfinished = {entry.name for entry in wanted if not _is_finished(entry.name, keys, results, settings.output_dir)}
        unfinished = ranks.broadcast(unfinished)  # rank 0 writes while others may still look
        pending = [entry for entry in wanted if entry.name in unfinished]
        if len(pending) < len(wanted):
            found = f"{len(wanted) - len(pending)} of {len(wanted)} tasks were finished before"
            _say(console, f"{found} with this model and configuration: taken as they are")
        if pending:
            _evaluate(pending, loaded or _load(pending, settings, console, ranks), settings, results, keys, console, ranks)
    if ranks.rank == 0:
        _finish(settings, results, [entry.name for entry in wanted], console)


def _finish(settings: EvalSettings, results: EvalResults, names: Sequence[str], console: Console) -> None:
    distances = distances_to_reported(results, names, settings.reported)
    write_text_atomically(settings.output_dir / "config.yaml", settings.to_yaml())
    write_text_atomically(settings.output_dir / RESULTS, results.model_dump_json(indent=1))
    write_text_atomically(settings.output_dir / "results.md", results_markdown(results, names) + distances_markdown(distances))
    console.print(results_table(results, names))
    if distances:
        console.print(distances_table(distances))
    where = f"[bold]{escape(str(settings.output_dir))}[/]: {RESULTS}, results.md, {SAMPLES}/, config.yaml"
    _say(console, f"Written to {where}")


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)


def _start(settings: EvalSettings, fingerprint: str, console: Console) -> EvalResults:
    """The results to go on with: those in the output folder if they are of the same model, else empty ones."""
    tasks: dict[str, TaskResult] = {}
    model: dict[str, Any] = {}
    if (settings.output_dir / RESULTS).is_file():
        earlier = read_results(settings.output_dir)
        if earlier.model["fingerprint"] == fingerprint:
            tasks, model = earlier.tasks, earlier.model
        else:
            where = escape(str(settings.output_dir))
            _say(console, f"[yellow]{where} holds results of another model: they are replaced[/]")
    return EvalResults(
        schema_version=SCHEMA_VERSION,
        model={**model, "path": str(settings.model), "fingerprint": fingerprint},
        configuration=settings.model_dump(mode="json"),
        tasks=tasks,
    )


def _load(wanted: Sequence[Entry], settings: EvalSettings, console: Console, ranks: ScoringRanks) -> dict[str, Any]:
    """lm-eval's tasks. What must be fetched, rank 0 fetches and writes into the lock before the others read it."""
    with console.status("Loading lm-eval and the data"):
        if ranks.rank > 0 and settings.data_dir is None:
            ranks.broadcast(None)
        loaded = load_tasks(wanted, settings)
        if ranks.rank == 0 and settings.data_dir is None:
            ranks.broadcast(None)
        return loaded


def _data_source(task: TaskFile, settings: EvalSettings) -> dict[str, str]:
    """`<role>_file` and `<role>_sha256` of local files; else where the task's data are published, or that it ships them."""
    if settings.data_dir is not None or not task.metadata.get("files", task.config.get("dataset_kwargs", {}).get("files")):
        files = task.local_files(settings.data_dir or Path())
        found = {f"{role}_file": str(path) for role, path in files.items()}
        found |= {f"{role}_sha256": hashlib.sha256(path.read_bytes()).hexdigest() for role, path in files.items()}
        return found or {"shipped": str(task.path.parent.name)}
    if "hub_path" in task.metadata:
        return {"hub": str(task.metadata["hub_path"]), "revision": str(task.metadata["hub_revision"])}
    return {f"{role}_url": str(source["url"]) for role, source in task.config["dataset_kwargs"]["files"].items()}


def _data_identity(entry: Entry, task: Any, settings: EvalSettings) -> dict[str, str]:
    """For the record: where the data come from, and what they were."""
    commit = hub_commit(task)
    served = {} if commit is None else {"commit": commit}
    return _data_source(entry.task, settings) | served | {"items_sha256": items_sha256(task)}


def _entry_settings(entry: Entry, settings: EvalSettings) -> dict[str, Any]:
    return {**settings.model_dump(mode="json", include={"limit", "seed", "dtype"}), "num_fewshot": entry.num_fewshot}


def _key(entry: Entry, settings: EvalSettings, fingerprint: str, loaded: Mapping[str, Any]) -> str:
    """What decides the scores. Local files' bytes decide their items, so that nothing need be loaded to compare them."""
    source = {key: value for key, value in _data_source(entry.task, settings).items() if not key.endswith("_file")}
    return task_key(
        {
            "model": fingerprint,
            "task": entry.task.sha256(),
            "data": items_sha256(loaded[entry.name]) if entry.name in loaded else source,
            "settings": _entry_settings(entry, settings),
            "scoring_version": SCORING_VERSION,
            "versions": {name: version(name) for name in SCORING_PACKAGES},
        }
    )


def _is_finished(name: str, keys: dict[str, str], results: EvalResults, output_dir: Path) -> bool:
    result = results.tasks.get(name)
    return result is not None and result.key == keys[name] and result.samples_sha256 == records_sha256(output_dir, name)


def _evaluate(
    pending: Sequence[Entry],
    loaded: Mapping[str, Any],
    settings: EvalSettings,
    results: EvalResults,
    keys: Mapping[str, str],
    console: Console,
    ranks: ScoringRanks,
) -> None:
    """Score the pending tasks one after the other; each is in the output folder before the next begins."""
    with console.status("Loading the model"):
        from eval.scoring.language_model import load_language_model

        model = load_language_model(settings, ranks)
    results.model.update(model.description())
    count = (MofNCompleteColumn(), TextColumn("texts"), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), BarColumn(), *count, console=console) as progress:
        for number, entry in enumerate(pending, start=1):
            bar = progress.add_task(entry.name, total=num_candidates(loaded[entry.name], settings.limit))
            model.report_to(partial(progress.advance, bar))
            started = time.monotonic()
            outcome = evaluate_task(entry, loaded[entry.name], model, settings.limit)
            seconds = time.monotonic() - started
            if ranks.rank > 0:
                continue
            results.tasks[entry.name] = _task_result(
                entry,
                outcome,
                settings,
                key=keys[entry.name],
                data=_data_identity(entry, loaded[entry.name], settings),
                dtype=results.model["dtype"],
                samples_sha256=write_records(settings.output_dir, entry.name, outcome.records),
                seconds=round(seconds, 3),
            )
            write_text_atomically(settings.output_dir / RESULTS, results.model_dump_json(indent=1))
            if not console.is_terminal:  # a log has no bar
                metric, score = next(iter(outcome.scores.items()))
                _say(console, f"{number} of {len(pending)}: {entry.name}, {metric} {100 * score.value:.1f}, {seconds:.0f} s")


def _task_result(entry: Entry, outcome: TaskOutcome, settings: EvalSettings, **measured: Any) -> TaskResult:
    guesses = [1 / len(record.loglikelihoods) if record.loglikelihoods else 0.0 for record in outcome.records]
    return TaskResult(
        version=str(entry.task.metadata["version"]),
        scoring=entry.task.scoring,
        language=entry.task.language,
        task_sha256=entry.task.sha256(),
        settings=_entry_settings(entry, settings),
        num_fewshot=outcome.num_fewshot,
        n=len(outcome.records),
        chance=sum(guesses) / len(guesses),
        scores=outcome.scores,
        scoring_version=SCORING_VERSION,
        versions={name: version(name) for name in VERSIONS},
        **measured,
    )


def results_table(results: EvalResults, names: Sequence[str]) -> Table:
    """The scores of the named tasks for the console, in per cent."""
    table = Table(title="Scores in per cent", title_justify="left")
    for header in ("task", "metric"):
        table.add_column(header, overflow="fold")  # a name that is cut off could be another task's
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

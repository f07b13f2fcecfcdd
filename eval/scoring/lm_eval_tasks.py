"""lm-eval, as this program uses it: its tasks with our data, its scoring with our model, quietly. Imports it when called."""

import hashlib
import itertools
import json
import logging
import math
import os
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from eval.config import EvalSettings
from eval.results.evaluation_results import ItemRecord, Score
from eval.tasks.reference_prompts import RUNNER
from eval.tasks.task_catalogue import TaskFile, tasks_folder
from spark_jobs.common.errors import ConfigurationError

SCORING_VERSION = "3"
"""Raised by hand when this file, eval/scoring/language_model.py or what they call scores otherwise: earlier results do not count."""


@dataclass(frozen=True)
class TaskOutcome:
    """One task, scored."""

    scores: dict[str, Score]
    records: list[ItemRecord]
    num_fewshot: int


@contextmanager
def quiet_libraries(offline: bool) -> Iterator[None]:
    """Keep the libraries' own bars and notes off the screen, and off the network where everything is local."""
    wanted = {"TQDM_DISABLE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "false"}
    if offline:
        wanted |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    logger = logging.getLogger("lm_eval")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@dataclass(frozen=True)
class Entry:
    """One result to come: a task with a few-shot count."""

    name: str
    """Of the result: the task's, or `task@count` where several counts were asked for."""
    task: TaskFile
    num_fewshot: int | None
    """As it was asked for; null: what the task says."""


def entries(tasks: Sequence[TaskFile], num_fewshot: int | list[int] | None) -> list[Entry]:
    """A result for each task and count; one alone for a task that no count concerns."""
    counts = num_fewshot if isinstance(num_fewshot, list) else [num_fewshot]
    several = len(counts) > 1
    return [
        Entry(f"{task.name}@{count}" if several and task.takes_examples else task.name, task, count)
        for task in tasks
        for count in (counts if task.takes_examples else counts[:1])
    ]


def load_tasks(wanted: Sequence[Entry], settings: EvalSettings) -> dict[str, Any]:
    """lm-eval's task objects by the entries' names, with their data, few-shot count and the run's seed.

    A task that sets `num_fewshot: 0` keeps it, as everywhere in lm-eval; a `reference` one is told the count by its loader.
    """
    from lm_eval.tasks import TaskManager

    tasks: dict[str, Any] = {}
    for entry in wanted:
        metadata: dict[str, Any] = {"scored_by": RUNNER, "seed": settings.seed, "num_fewshot": entry.num_fewshot}
        if settings.data_dir is not None:
            metadata["data_dir"] = str(settings.data_dir)
        elif settings.data_lock is not None:
            metadata["data_lock"] = str(settings.data_lock)
        manager = _manager(TaskManager, metadata)
        try:
            task = manager.load([entry.task.name])["tasks"][entry.task.name]
        except (OSError, ValueError, KeyError) as error:
            if str(error).startswith("num_fewshot: "):
                raise ConfigurationError(f"{error} of {entry.task.name}") from error
            remedy = "set data_dir to local files" if settings.data_dir is None else "check the files below data_dir"
            reason = f"a row lacks {error}" if isinstance(error, KeyError) else str(error)
            raise ConfigurationError(f"{entry.task.name}: its data cannot be read: {reason}; {remedy}") from error
        _set_examples(task, entry, settings.seed)
        tasks[entry.name] = task
    return tasks


def _manager(manager: Any, metadata: dict[str, Any]) -> Any:
    return manager(include_path=str(tasks_folder()), include_defaults=False, metadata=metadata)


def _set_examples(task: Any, entry: Entry, seed: int) -> None:
    if entry.num_fewshot is not None and task.config.num_fewshot != 0:
        task.set_config(key="num_fewshot", value=entry.num_fewshot)
    elif task.config.num_fewshot is None:
        task.set_config(key="num_fewshot", value=0)
    task.set_fewshot_seed(seed=seed)
    own = task.config.fewshot_split in (None, task.config.test_split)
    available = len(task.eval_docs) - 1 if own else len(task.dataset[task.config.fewshot_split])
    if task.config.num_fewshot > available:
        count = task.config.num_fewshot
        raise ConfigurationError(
            f"num_fewshot: {count} is not allowed: {entry.task.name} has {available} items beside the scored one"
        )


def items_sha256(task: Any) -> str:
    """Identity of the data that a loaded task reads: its documents in order, split by split, as JSON with sorted keys."""
    digest = hashlib.sha256()
    for split in sorted(task.dataset):
        for document in task.dataset[split]:
            row = json.dumps([split, document], sort_keys=True, ensure_ascii=False, default=str)
            digest.update(f"{row}\n".encode())
    return digest.hexdigest()


def hub_commit(task: Any) -> str | None:
    """The commit of the hub's data set that a loaded task was read from; None where it comes from elsewhere."""
    return next((rows.info.description for rows in task.dataset.values() if rows.info.description), None)


def num_candidates(task: Any, limit: int | None) -> int:
    """How many texts are scored or written: the choices of the first `limit` items, or of all; one answer for each elsewhere."""
    documents = itertools.islice(task.eval_docs, limit)
    if task.OUTPUT_TYPE != "multiple_choice":
        return sum(1 for _ in documents)
    return sum(len(task.doc_to_choice(document)) for document in documents)


def evaluate_task(entry: Entry, task: Any, model: Any, limit: int | None) -> TaskOutcome:
    """Score one of `load_tasks`' tasks with an lm-eval model, in the scoring that its file names."""
    from lm_eval import evaluate

    name = entry.task.name
    model.scoring = entry.task.scoring
    outcome = evaluate(lm=model, task_dict={"tasks": {name: task}}, limit=limit, log_samples=True, bootstrap_iters=0)
    used = outcome["n-shot"][name]
    if entry.task.scoring == "reference" and entry.task.takes_examples:
        used = entry.task.default_fewshot if entry.num_fewshot is None else entry.num_fewshot
    scores = scores_of(outcome["results"][name])
    records = item_records(outcome["samples"][name])
    for metric, score in scores.items():  # lm-eval gives none without bootstrap
        scores[metric] = Score(value=score.value, stderr=standard_error([record.metrics[metric] for record in records]))
    return TaskOutcome(scores, records, used)


def standard_error(values: Sequence[float]) -> float | None:
    """Sample standard deviation over the root of n; None for a single value."""
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


def item_records(samples: Iterable[Mapping[str, Any]]) -> list[ItemRecord]:
    """lm-eval's samples as records, in the order of documents."""
    return [_record(sample) for sample in sorted(samples, key=lambda sample: sample["doc_id"])]


def _record(sample: Mapping[str, Any]) -> ItemRecord:
    document = sample["doc"]
    shared = {
        "doc_id": sample["doc_id"],
        "id": str(document["id"]),
        "gold": sample["target"],
        "metrics": {metric: float(sample[metric]) for metric in sample["metrics"]},
        "doc_hash": sample["doc_hash"],
        "prompt_hash": sample["prompt_hash"],
        "attributes": document.get("attributes") or {},
    }
    answers = sample["filtered_resps"]
    if isinstance(answers[0], str):
        return ItemRecord(prediction=answers[0], **shared)
    loglikelihoods = [float(loglikelihood) for loglikelihood, _greedy in answers]
    best = max(range(len(loglikelihoods)), key=loglikelihoods.__getitem__)
    return ItemRecord(loglikelihoods=loglikelihoods, prediction=best, **shared)


def scores_of(metrics: Mapping[str, Any]) -> dict[str, Score]:
    """lm-eval's `{"acc,none": 0.5, "acc_stderr,none": 0.1, ...}` as scores; its "N/A" becomes null.

    >>> scores_of({"alias": "t", "acc,none": 0.5, "acc_stderr,none": "N/A"})
    {'acc': Score(value=0.5, stderr=None)}
    """
    scores = {}
    for key, value in metrics.items():
        name, comma, filter_ = key.partition(",")
        if comma and not name.endswith("_stderr"):
            stderr = metrics.get(f"{name}_stderr,{filter_}")
            scores[name] = Score(value=float(value), stderr=float(stderr) if isinstance(stderr, int | float) else None)
    return scores

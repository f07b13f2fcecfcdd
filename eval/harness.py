"""lm-eval, as this program uses it: its tasks with our data, its scoring with our model, quietly. Imports it when called."""

import hashlib
import itertools
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from eval.catalogue import tasks_folder
from eval.config import EvalSettings
from eval.results import ItemRecord, Score
from spark_jobs.settings import ConfigurationError

SCORING_VERSION = "1"
"""Raised by hand when this file or eval/language_model.py comes to score otherwise: earlier results then do not count."""


@dataclass(frozen=True)
class Outcome:
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


def load_tasks(names: Sequence[str], settings: EvalSettings) -> dict[str, Any]:
    """lm-eval's task objects with their data, and with the run's few-shot count and seed.

    A task that sets `num_fewshot: 0` keeps it, as everywhere in lm-eval.
    """
    from lm_eval.tasks import TaskManager

    metadata: dict[str, Any] = {} if settings.data_dir is None else {"data_dir": str(settings.data_dir)}
    manager = TaskManager(include_path=str(tasks_folder()), include_defaults=False, metadata=metadata)
    tasks: dict[str, Any] = {}
    for name in names:
        try:
            task = manager.load([name])["tasks"][name]
        except (OSError, ValueError) as error:
            remedy = "set data_dir to local files" if settings.data_dir is None else "check the files below data_dir"
            raise ConfigurationError(f"{name}: its data cannot be read: {error}; {remedy}") from error
        if settings.num_fewshot is not None and task.config.num_fewshot != 0:
            task.set_config(key="num_fewshot", value=settings.num_fewshot)
        elif task.config.num_fewshot is None:
            task.set_config(key="num_fewshot", value=0)
        task.set_fewshot_seed(seed=settings.seed)
        available = len(task.eval_docs) - 1
        if task.config.num_fewshot > available:
            raise ConfigurationError(
                f"num_fewshot: {task.config.num_fewshot} is not allowed: {name} has {available} items beside the scored one"
            )
        tasks[name] = task
    return tasks


def items_sha256(task: Any) -> str:
    """Identity of the data that a loaded task reads: its documents in order, split by split, as JSON with sorted keys."""
    digest = hashlib.sha256()
    for split in sorted(task.dataset):
        for document in task.dataset[split]:
            row = json.dumps([split, document], sort_keys=True, ensure_ascii=False, default=str)
            digest.update(f"{row}\n".encode())
    return digest.hexdigest()


def num_candidates(task: Any, limit: int | None) -> int:
    """How many texts are scored: the choices of the first `limit` items, or of all."""
    return sum(len(task.doc_to_choice(document)) for document in itertools.islice(task.eval_docs, limit))


def evaluate_task(name: str, task: Any, model: Any, limit: int | None) -> Outcome:
    """Score one of `load_tasks`' tasks with an lm-eval model."""
    from lm_eval import evaluate

    outcome = evaluate(lm=model, task_dict={"tasks": {name: task}}, limit=limit, log_samples=True)
    return Outcome(scores_of(outcome["results"][name]), item_records(outcome["samples"][name]), outcome["n-shot"][name])


def item_records(samples: Iterable[Mapping[str, Any]]) -> list[ItemRecord]:
    """lm-eval's samples of a multiple-choice task as records, in the order of documents."""
    records = []
    for sample in sorted(samples, key=lambda sample: sample["doc_id"]):
        loglikelihoods = [float(loglikelihood) for loglikelihood, _greedy in sample["filtered_resps"]]
        records.append(
            ItemRecord(
                doc_id=sample["doc_id"],
                id=str(sample["doc"]["id"]),
                loglikelihoods=loglikelihoods,
                prediction=max(range(len(loglikelihoods)), key=loglikelihoods.__getitem__),
                gold=sample["target"],
                metrics={metric: float(sample[metric]) for metric in sample["metrics"]},
                doc_hash=sample["doc_hash"],
                prompt_hash=sample["prompt_hash"],
            )
        )
    return records


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

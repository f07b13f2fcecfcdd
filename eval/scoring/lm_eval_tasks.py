"""lm-eval's task objects, loaded with our data, few-shot counts and seed."""

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from eval.config import EvalSettings
from eval.scoring.task_requests import TaskRequest
from eval.tasks.reference_prompts import RUNNER
from eval.tasks.task_catalogue import tasks_folder
from spark_jobs.common.errors import ConfigurationError


class LmEvalTask(Protocol):
    """The part of `lm_eval.api.task.ConfigurableTask` that this package uses."""

    OUTPUT_TYPE: str
    config: Any
    dataset: Mapping[str, Any]
    """Split to its documents."""

    @property
    def eval_docs(self) -> Any:
        """The documents that are scored."""

    def doc_to_choice(self, doc: Any) -> Sequence[str]:
        """The candidates of a document."""

    def set_config(self, key: str, value: Any) -> None:
        """Change one key of `config`."""

    def set_fewshot_seed(self, seed: int) -> None:
        """Seed the draw of examples."""


def load_tasks(requests: Sequence[TaskRequest], settings: EvalSettings) -> dict[str, LmEvalTask]:
    """lm-eval's task objects by the requests' names. Imports lm-eval (seconds).

    A task that sets `num_fewshot: 0` keeps it, as everywhere in lm-eval; a `reference` task gets the count through its loader.
    Raises `ConfigurationError` if a task's data cannot be read or have too few examples.
    """
    from lm_eval.tasks import TaskManager

    tasks: dict[str, LmEvalTask] = {}
    for request in requests:
        metadata: dict[str, Any] = {"scored_by": RUNNER, "seed": settings.seed, "num_fewshot": request.num_fewshot}
        if settings.data_dir is not None:
            metadata["data_dir"] = str(settings.data_dir)
        elif settings.data_lock is not None:
            metadata["data_lock"] = str(settings.data_lock)
        manager = TaskManager(include_path=str(tasks_folder()), include_defaults=False, metadata=metadata)
        try:
            task = manager.load([request.task.name])["tasks"][request.task.name]
        except (OSError, ValueError, KeyError) as error:
            if str(error).startswith("num_fewshot: "):
                raise ConfigurationError(f"{error} of {request.task.name}") from error
            remedy = "set data_dir to local files" if settings.data_dir is None else "check the files below data_dir"
            reason = f"a row lacks {error}" if isinstance(error, KeyError) else str(error)
            raise ConfigurationError(f"{request.task.name}: its data cannot be read: {reason}; {remedy}") from error
        _set_examples(task, request, settings.seed)
        tasks[request.name] = task
    return tasks


def _set_examples(task: LmEvalTask, request: TaskRequest, seed: int) -> None:
    if request.num_fewshot is not None and task.config.num_fewshot != 0:
        task.set_config(key="num_fewshot", value=request.num_fewshot)
    elif task.config.num_fewshot is None:
        task.set_config(key="num_fewshot", value=0)
    task.set_fewshot_seed(seed=seed)
    shares_split = task.config.fewshot_split in (None, task.config.test_split)
    available = len(task.eval_docs) - 1 if shares_split else len(task.dataset[task.config.fewshot_split])
    if task.config.num_fewshot > available:
        raise ConfigurationError(
            f"num_fewshot: {task.config.num_fewshot} is not allowed: {request.task.name} has {available} items beside the "
            "scored one"
        )


def items_sha256(task: LmEvalTask) -> str:
    """Identity of the data of a loaded task: its documents in order, split by split, as JSON with sorted keys."""
    digest = hashlib.sha256()
    for split in sorted(task.dataset):
        for document in task.dataset[split]:
            row = json.dumps([split, document], sort_keys=True, ensure_ascii=False, default=str)
            digest.update(f"{row}\n".encode())
    return digest.hexdigest()


def hub_commit(task: LmEvalTask) -> str | None:
    """The commit of the hub's data set that a loaded task was read from; None for other sources."""
    return next((rows.info.description for rows in task.dataset.values() if rows.info.description), None)


def count_texts(task: LmEvalTask, limit: int | None) -> int:
    """Number of texts to score or to write for the first `limit` items (None: all): all choices, or one answer an item."""
    documents: Iterable[Any] = itertools.islice(task.eval_docs, limit)
    if task.OUTPUT_TYPE != "multiple_choice":
        return sum(1 for _ in documents)
    return sum(len(task.doc_to_choice(document)) for document in documents)

"""The results that a run was asked for: each task with each few-shot count."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.tasks.task_catalogue import TaskFile


@dataclass(frozen=True)
class TaskRequest:
    """A task to score with one few-shot count."""

    name: str
    """Name of the result: the task's, or `task@count` if several counts are configured."""
    task: TaskFile
    num_fewshot: int | None
    """As configured; None: the count in the task's file."""


def request_tasks(tasks: Sequence[TaskFile], num_fewshot: int | list[int] | None) -> list[TaskRequest]:
    """A request for each task and count; a single one for a task that takes no examples."""
    counts = num_fewshot if isinstance(num_fewshot, list) else [num_fewshot]
    several = len(counts) > 1
    return [
        TaskRequest(f"{task.name}@{count}" if several and task.takes_examples else task.name, task, count)
        for task in tasks
        for count in (counts if task.takes_examples else counts[:1])
    ]

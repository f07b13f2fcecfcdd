"""The conditions that must be equal for two results of a task to be compared."""

from typing import Any

from eval.results.evaluation_results import TaskResult
from spark_jobs.common.errors import ConfigurationError


def comparison_conditions(result: TaskResult) -> dict[str, Any]:
    """The conditions of a result as used, not as configured.

    Equal items are equal data wherever they are stored; `dtype: auto` counts as the format that it chose; the seed counts only
    where it draws examples, and `limit` by the number of items.
    """
    return {
        "scoring": result.scoring,
        "scoring_version": result.scoring_version,
        "task_sha256": result.task_sha256,
        "data": result.data["items_sha256"],
        "n": result.n,
        "num_fewshot": result.num_fewshot,
        "seed": result.settings["seed"] if result.num_fewshot else None,
        "dtype": result.dtype,
    }


def check_evaluated_alike(task: str, first: tuple[str, TaskResult], second: tuple[str, TaskResult]) -> None:
    """Raise `ConfigurationError` with the differing conditions; `first` and `second` are pairs of a name and a result."""
    one, other = comparison_conditions(first[1]), comparison_conditions(second[1])
    if differing := [f"{key} ({one[key]}, {other[key]})" for key in one if one[key] != other[key]]:
        raise ConfigurationError(
            f"{first[0]}, {second[0]}: {task} was not evaluated alike, the two differ in {', '.join(differing)}; "
            "evaluate both again with the same settings"
        )

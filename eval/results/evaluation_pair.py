"""Two evaluations, before and after training, task by task."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eval.results.comparison_conditions import check_evaluated_alike
from eval.results.evaluation_results import EvalResults, Score, read_results
from spark_jobs.common.errors import ConfigurationError


@dataclass(frozen=True)
class BeforeAfterScores:
    """The scores of one task before and after training."""

    task: str
    n: int
    chance: float
    scoring: str
    before: Mapping[str, Score]
    after: Mapping[str, Score]


def read_evaluation_pair(before: Path, after: Path) -> tuple[EvalResults, EvalResults]:
    """Both evaluations; raises `ConfigurationError` that names the key of the one that cannot be read."""
    found = []
    for key, folder in (("before", before), ("after", after)):
        try:
            found.append(read_results(folder))
        except ConfigurationError as error:
            raise ConfigurationError(f"{key}: {error}") from error
    return found[0], found[1]


def pair_scores(before: EvalResults, after: EvalResults) -> list[BeforeAfterScores]:
    """The tasks of both, in the order of `after`.

    Raises `ConfigurationError` if there is none, or if a task's conditions differ (see `comparison_conditions`).
    """
    paired = []
    for name, new in after.tasks.items():
        old = before.tasks.get(name)
        if old is None:
            continue
        check_evaluated_alike(name, ("before", old), ("after", new))
        paired.append(BeforeAfterScores(name, new.n, new.chance, new.scoring, old.scores, new.scores))
    if not paired:
        raise ConfigurationError("before, after: the two evaluations have no task in common; evaluate both with the same tasks")
    return paired

"""Contrasts of models: every model against each earlier one, on every task and every benchmark. Pure functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

import numpy as np

from eval.analysis.pairing import PairedTask
from eval.analysis.significance import LEVEL, PairedDifference, RunScores, holm, paired_difference
from eval.results.score_tables import count_tasks

CompareScores = Callable[[RunScores, RunScores, Sequence[str]], PairedDifference]


@dataclass(frozen=True)
class TaskComparison:
    """One model against another on one task, or on all tasks of a benchmark."""

    name: str
    metric: str
    language: str | None
    """None for several languages together."""
    first: float
    second: float
    """Mean scores of the two, in per cent."""
    difference: PairedDifference
    p_holm: float = 1.0
    """Corrected over the contrast's tasks, or over its benchmarks."""

    @property
    def is_shown(self) -> bool:
        """Whether the difference is significant at 5 % after the correction."""
        return self.p_holm < LEVEL


@dataclass(frozen=True)
class Contrast:
    """All comparisons of one model (`second`) with another (`first`)."""

    first: str
    second: str
    runs: tuple[int, int]
    """Numbers of training runs of the two."""
    tasks: tuple[TaskComparison, ...]
    benchmarks: tuple[TaskComparison, ...]
    """One for each benchmark in several languages, its items clustered by id."""


def contrast_models(
    tasks: Sequence[PairedTask], labels: Sequence[str], *, paired_runs: bool = False, seed: int = 0
) -> list[Contrast]:
    """Every model against each earlier one in `labels`; for `paired_runs` see `significance.paired_difference`."""
    compare = partial(paired_difference, paired_runs=paired_runs, seed=seed)
    return [_contrast(tasks, first, second, compare) for first, second in combinations(labels, 2)]


def compare_all_tasks(tasks: Sequence[PairedTask], first: str, second: str) -> TaskComparison:
    """All tasks together, weighted by their items; items of one id are one cluster, across tasks."""
    return _compare(count_tasks(len(tasks)), None, tasks, first, second, paired_difference)


def _contrast(tasks: Sequence[PairedTask], first: str, second: str, compare: CompareScores) -> Contrast:
    benchmarks: dict[tuple[str, str], list[PairedTask]] = {}
    for task in tasks:
        benchmarks.setdefault((task.benchmark, task.metric), []).append(task)
    return Contrast(
        first,
        second,
        (len(tasks[0].runs[first].scores), len(tasks[0].runs[second].scores)),
        _corrected([_compare(task.name, task.language, [task], first, second, compare) for task in tasks]),
        _corrected(
            [
                _compare(f"{name}, {len(members)} languages", None, members, first, second, compare)
                for (name, _), members in benchmarks.items()
                if len(members) > 1
            ]
        ),
    )


def _compare(
    name: str, language: str | None, tasks: Sequence[PairedTask], first: str, second: str, compare: CompareScores
) -> TaskComparison:
    one, other = (RunScores(np.concatenate([task.runs[label].scores for task in tasks], axis=1)) for label in (first, second))
    clusters = [item for task in tasks for item in task.items]
    difference = compare(one, other, clusters)
    means = (100 * float(one.scores.mean()), 100 * float(other.scores.mean()))
    return TaskComparison(name, tasks[0].metric, language, means[0], means[1], difference)


def _corrected(comparisons: Sequence[TaskComparison]) -> tuple[TaskComparison, ...]:
    corrected = holm([comparison.difference.p for comparison in comparisons])
    return tuple(replace(comparison, p_holm=p) for comparison, p in zip(comparisons, corrected, strict=True))

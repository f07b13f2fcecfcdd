"""What paired evaluations show, as figures and in words: pure functions of paired tasks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

import numpy as np

from eval.analysis.pairing import PairedTask
from eval.analysis.significance import LEVEL, PairedDifference, Runs, compare, holm
from eval.results.evaluation_results import count_tasks

RETAINED = "en"
"""The language that adaptation to another must not cost."""
Comparing = Callable[[Runs, Runs, Sequence[str]], PairedDifference]


@dataclass(frozen=True)
class Finding:
    """One model against another on one task, or on the tasks of a benchmark together."""

    name: str
    metric: str
    language: str | None
    """Null for several languages together."""
    first: float
    second: float
    """Mean scores of the two, in per cent."""
    difference: PairedDifference
    p_holm: float = 1.0
    """Corrected over the findings of its family: a contrast's tasks, or a contrast's benchmarks."""

    @property
    def is_shown(self) -> bool:
        """Whether the difference is significant at 5 % after the correction."""
        return self.p_holm < LEVEL


@dataclass(frozen=True)
class Contrast:
    """All that is found of one model (`second`) against another (`first`)."""

    first: str
    second: str
    runs: tuple[int, int]
    """Training runs of the two."""
    tasks: tuple[Finding, ...]
    benchmarks: tuple[Finding, ...]
    """Of each benchmark in several languages, its items clustered by id."""

    @property
    def verdict(self) -> list[str]:
        """What the figures say, sentence by sentence."""
        return list(_verdict(self))


def contrasts(tasks: Sequence[PairedTask], labels: Sequence[str], *, paired_runs: bool = False, seed: int = 0) -> list[Contrast]:
    """Every model against each one that stands before it; for `paired_runs` see `significance.compare`."""
    compared = partial(compare, paired_runs=paired_runs, seed=seed)
    return [_contrast(tasks, first, second, compared) for first, second in combinations(labels, 2)]


def _contrast(tasks: Sequence[PairedTask], first: str, second: str, compared: Comparing) -> Contrast:
    benchmarks: dict[tuple[str, str], list[PairedTask]] = {}
    for task in tasks:
        benchmarks.setdefault((task.benchmark, task.metric), []).append(task)
    return Contrast(
        first,
        second,
        (len(tasks[0].runs[first].scores), len(tasks[0].runs[second].scores)),
        _corrected([_finding(task.name, task.language, [task], first, second, compared) for task in tasks]),
        _corrected(
            [
                _finding(f"{name}, {len(members)} languages", None, members, first, second, compared)
                for (name, _), members in benchmarks.items()
                if len(members) > 1
            ]
        ),
    )


def _finding(
    name: str, language: str | None, tasks: Sequence[PairedTask], first: str, second: str, compared: Comparing
) -> Finding:
    one, other = (Runs(np.concatenate([task.runs[label].scores for task in tasks], axis=1)) for label in (first, second))
    clusters = [item for task in tasks for item in task.items]
    difference = compared(one, other, clusters)
    means = (100 * float(one.scores.mean()), 100 * float(other.scores.mean()))
    return Finding(name, tasks[0].metric, language, means[0], means[1], difference)


def overall(tasks: Sequence[PairedTask], first: str, second: str) -> Finding:
    """All tasks together, weighted by their items; items of one id are one cluster, whatever the task."""
    return _finding(count_tasks(len(tasks)), None, tasks, first, second, compare)


def _corrected(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    corrected = holm([finding.difference.p for finding in findings])
    return tuple(replace(finding, p_holm=p) for finding, p in zip(findings, corrected, strict=True))


def _verdict(contrast: Contrast) -> Iterator[str]:
    shown = [finding for finding in contrast.tasks if finding.is_shown]
    counted = count_tasks(len(contrast.tasks))
    if shown:
        for word, chosen in (
            ("above", [finding for finding in shown if finding.difference.points > 0]),
            ("below", [finding for finding in shown if finding.difference.points < 0]),
        ):
            if chosen:
                listed = ", ".join(f"{finding.name} {finding.difference.points:+.1f}" for finding in chosen)
                yield (
                    f"{contrast.second} is {word} {contrast.first} in {len(chosen)} of {counted}, at 5 % after Holm's "
                    f"correction, in points: {listed}."
                )
    else:
        ordered = sorted(contrast.tasks, key=lambda finding: finding.difference.detectable)
        least, most = ordered[0], ordered[-1]
        span = f"{least.difference.detectable:.1f} points ({least.name})"
        if most.difference.detectable - least.difference.detectable >= 0.05:
            span += f" to {most.difference.detectable:.1f} ({most.name})"
        yield (
            f"No difference between {contrast.second} and {contrast.first} is shown in {counted} after Holm's correction. "
            f"A single test would find four in five differences of {span}."
        )
    for finding in contrast.benchmarks:
        word = "a difference is shown" if finding.is_shown else "no difference is shown"
        yield f"{finding.name} together: {finding.difference.points:+.1f} points ({interval(finding.difference)}): {word}."
    yield from _retention(contrast)
    if 1 in contrast.runs:
        single = [label for label, runs in zip((contrast.first, contrast.second), contrast.runs, strict=True) if runs == 1]
        yield (
            f"One training run of {' and of '.join(single)}: this is about these very models; whether training again would "
            "differ as much takes several seeds."
        )


def _retention(contrast: Contrast) -> Iterator[str]:
    english = [finding for finding in contrast.tasks if finding.language == RETAINED]
    if not english or len(english) == len(contrast.tasks):
        return
    worst = min(english, key=lambda finding: finding.difference.low)
    found = worst.difference
    loss = f"a loss of more than {-found.low:.1f} points is ruled out" if found.low < 0 else "there is no loss"
    where = f"In English ({count_tasks(len(english))}), {worst.name} is the least certain"
    yield f"{where}: {found.points:+.1f} points ({interval(found)}), so {loss} at 95 %."


def interval(found: PairedDifference) -> str:
    """`-1.8 to +4.0`, in points."""
    return f"{found.low:+.1f} to {found.high:+.1f}"


def format_p(p: float) -> str:
    """A p value with the digits that matter.

    >>> format_p(0.0312), format_p(0.00004)
    ('0.031', '< 0.001')
    """
    return "< 0.001" if p < 0.001 else f"{p:.3f}"

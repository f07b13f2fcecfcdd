"""What the answers of all models show: pure functions of their records."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmarks.transfer.questions import ASKED, BESIDE, IN_PLACE, KINDS, SOURCE
from eval.findings import Contrast, Finding, format_p, interval

Accuracies = Mapping[str, Mapping[str, tuple[float, ...]]]
"""Arm to kind of question to the accuracy of each seed, in per cent."""
LEVEL = 0.95
CLEARLY = 2.0
"""The precondition asks for so many times chance."""


@dataclass(frozen=True)
class Mean:
    """Of several training runs, in per cent."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.low:.1f} to {self.high:.1f})"


def mean(values: Sequence[float]) -> Mean:
    """Mean with a 95 % t interval over runs, cut off at 0 and 100.

    >>> str(mean([10.0, 20.0, 30.0]))
    '20.0 (0.0 to 44.8)'
    """
    value = float(np.mean(values))
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1)) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Mean(value, max(0.0, value - half), min(100.0, value + half))


def transfer_rate(known: Sequence[float], asked: Sequence[float]) -> float:
    """Of the facts that are right in English, the share that is right in the other language, in per cent; 0 where none is known.

    >>> transfer_rate([1, 1, 0, 0], [1, 0, 1, 0])
    50.0
    """
    both = sum(1 for one, other in zip(known, asked, strict=True) if one and other)
    count = sum(1 for one in known if one)
    return 100 * both / count if count else 0.0


def names_shown(accuracies: Accuracies, arms: Sequence[str]) -> tuple[str, str, Mean]:
    """(arm, kind of question, accuracy) where held-out facts are answered best with the English name shown."""
    found = [(arm, kind, mean(accuracies[arm][kind])) for arm in arms for kind in (BESIDE, IN_PLACE)]
    return max(found, key=lambda one: one[2].value)


def sentences(
    accuracies: Accuracies, contrasts: Sequence[Contrast], arms: Sequence[str], chance: float, masked: tuple[str, str] | None
) -> list[str]:
    """The answers, in the order of the questions.

    Args:
        accuracies: of all arms and the base.
        contrasts: eval.compare's, of `base` and the arms in order.
        arms: names; the first one is plain fine-tuning.
        chance: in per cent.
        masked: the arms whose only difference is that names are not predicted: (predicted, not predicted).
    """
    plain = arms[0]
    arm, kind, shown = names_shown(accuracies, arms)
    met = shown.low > CLEARLY * chance
    verdict = "it holds" if met else "it does not hold"
    precondition = (
        f"Precondition: with the English name shown, {shown} % of the held-out facts are right ({arm}, {_words(kind)}), where "
        f"chance is {chance:.0f} %: {verdict} (the interval's lower end must exceed {CLEARLY:g} x chance)."
    )
    told = [precondition]
    told += [
        f"{other} against {plain}, asked in the language itself: {_difference(contrasts, plain, other, ASKED)}."
        for other in arms[1:]
    ]
    best = max(arms, key=lambda one: mean(accuracies[one][ASKED]).value)
    value = mean(accuracies[best][ASKED])
    ahead = [
        one for one in arms if one != best and (found := _finding(contrasts, one, best, ASKED)) is not None and found.is_shown
    ]
    behind = f"shown to be above {', '.join(ahead)}" if ahead else "not shown to be above any other"
    told.append(f"Best in the language itself: {best}, {value} %, {behind}.")
    if masked is not None:
        told.append(f"Names predicted or only seen ({masked[1]} against {masked[0]}): {_difference(contrasts, *masked, ASKED)}.")
    told += [f"English, {one} against the base before it: {_difference(contrasts, 'base', one, SOURCE)}." for one in arms]
    return told


def _words(kind: str) -> str:
    return {BESIDE: "beside the city's name", IN_PLACE: "in place of the city's name"}[kind]


def _finding(contrasts: Sequence[Contrast], first: str, second: str, kind: str) -> Finding | None:
    """`second` against `first`, or the other way round, whichever there is."""
    for contrast in contrasts:
        if {contrast.first, contrast.second} == {first, second}:
            return next(finding for finding in contrast.tasks if finding.name.startswith(f"transfer_{kind}_"))
    return None


def _difference(contrasts: Sequence[Contrast], first: str, second: str, kind: str) -> str:
    for contrast in contrasts:
        if (contrast.first, contrast.second) == (first, second):
            finding = next(one for one in contrast.tasks if one.name.startswith(f"transfer_{kind}_"))
            verdict = "a difference is shown" if finding.is_shown else "no difference is shown"
            found = finding.difference
            return (
                f"{found.points:+.1f} points ({interval(found)}), p {format_p(finding.p_holm)} after Holm's correction: {verdict}"
            )
    raise KeyError(f"no contrast of {first} and {second}")


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; all columns but the first are aligned to the right."""
    lines = [f"| {' | '.join(headers)} |", f"|---|{'--:|' * (len(headers) - 1)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


def accuracy_rows(accuracies: Accuracies, rates: Mapping[str, Sequence[float]]) -> list[list[str]]:
    """A row for each arm: every kind of question, then the transfer rate, as means with intervals over seeds."""
    return [[arm, *(str(mean(found[kind])) for kind in KINDS), str(mean(rates[arm]))] for arm, found in accuracies.items()]


def seed_rows(accuracies: Accuracies, seeds: Sequence[int], kind: str) -> list[list[str]]:
    """A row for each arm: its accuracy for each seed."""
    return [[arm, *(f"{found[kind][at]:.1f}" for at in range(len(seeds)))] for arm, found in accuracies.items()]

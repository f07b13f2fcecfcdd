"""The results of the experiment, as numbers, table rows and sentences: pure functions of the models' scores."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy import stats

from benchmarks.transfer.experiment_settings import BASE
from benchmarks.transfer.questions import ASKED, BESIDE, IN_PLACE, KINDS, SOURCE
from eval.analysis.contrasts import Contrast, TaskComparison
from eval.analysis.difference_formats import format_interval, format_p
from eval.analysis.significance import LEVEL, holm

Accuracies = Mapping[str, Mapping[str, tuple[float, ...]]]
"""Arm -> kind of question -> accuracy of each seed, in per cent."""
PRECONDITION_FACTOR = 2.0
"""The precondition holds if the accuracy is above this many times chance."""
PAIRS = ("pair", "from → to", "difference", "95 % interval", "p", "detectable")
PLANNED = (*PAIRS[:5], "p Holm", "shown")


@dataclass(frozen=True)
class Mean:
    """The mean of several training runs with its 95 % interval, in per cent."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.low:.1f} to {self.high:.1f})"


def mean(values: Sequence[float]) -> Mean:
    """Returns the mean with its 95 % t interval over runs, cut off at 0 and 100.

    >>> str(mean([10.0, 20.0, 30.0]))
    '20.0 (0.0 to 44.8)'
    """
    value = float(np.mean(values))
    half = float(stats.t.ppf(1 - LEVEL / 2, len(values) - 1)) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Mean(value, max(0.0, value - half), min(100.0, value + half))


def transfer_rate(known: Sequence[float], asked: Sequence[float]) -> float:
    """Returns the share of the facts known in English that are also known in the language, in per cent; 0 if none is known.

    >>> transfer_rate([1, 1, 0, 0], [1, 0, 1, 0])
    50.0
    """
    both = sum(1 for one, other in zip(known, asked, strict=True) if one and other)
    count = sum(1 for one in known if one)
    return 100 * both / count if count else 0.0


@dataclass(frozen=True)
class ArmComparison:
    """The comparison of the arm `second` with the arm `first`."""

    first: str
    second: str
    finding: TaskComparison
    """Questions in the language itself; `p_holm` is corrected over the family."""

    def sentence(self, comparisons: int) -> str:
        """Returns a sentence with the difference, its interval, both p and the verdict."""
        found = self.finding.difference
        verdict = "a difference is shown" if self.finding.is_shown else "not shown at 5 %"
        return (
            f"{found.points:+.1f} points ({format_interval(found)}), p {format_p(found.p)}, after Holm's correction over "
            f"{comparisons} comparisons {format_p(self.finding.p_holm)}: {verdict}"
        )


@dataclass(frozen=True)
class Family:
    """Comparisons that answer one question together, planned before the run. Their p are corrected over these comparisons."""

    question: str
    rows: tuple[ArmComparison, ...]


def find_finding(contrasts: Sequence[Contrast], first: str, second: str, kind: str) -> TaskComparison:
    """Returns the comparison of `second` with `first` for a kind of question."""
    contrast = next(one for one in contrasts if (one.first, one.second) == (first, second))
    return next(finding for finding in contrast.tasks if finding.name.startswith(f"transfer_{kind}_"))


def planned_families(contrasts: Sequence[Contrast], arms: Sequence[str]) -> tuple[Family, Family]:
    """Returns (every arm against plain fine-tuning, the other arms against each other), asked in the language itself.

    docs/explanation/experiment.md describes the two families. Holm's correction covers one family. Other kinds of questions
    explain the result and decide nothing, so they do not belong to a family.

    Args:
        contrasts: the contrasts of eval.compare between `base` and the arms, in order.
        arms: names of the arms; the first one is plain fine-tuning.
    """
    return (
        _family("Against plain fine-tuning", contrasts, [(arms[0], other) for other in arms[1:]]),
        _family("Against each other", contrasts, list(combinations(arms[1:], 2))),
    )


def _family(question: str, contrasts: Sequence[Contrast], pairs: Sequence[tuple[str, str]]) -> Family:
    found = [find_finding(contrasts, first, second, ASKED) for first, second in pairs]
    corrected = holm([one.difference.p for one in found])
    rows = zip(pairs, found, corrected, strict=True)
    return Family(question, tuple(ArmComparison(*pair, replace(one, p_holm=p)) for pair, one, p in rows))


def best_with_name_shown(accuracies: Accuracies, arms: Sequence[str]) -> tuple[str, str, Mean]:
    """Returns (arm, kind of question, accuracy) with the best answers to held-out facts when the English name is shown."""
    found = [(arm, kind, mean(accuracies[arm][kind])) for arm in arms for kind in (BESIDE, IN_PLACE)]
    return max(found, key=lambda one: one[2].value)


def summary_sentences(
    accuracies: Accuracies, contrasts: Sequence[Contrast], arms: Sequence[str], chance: float, masked: tuple[str, str] | None
) -> list[str]:
    """Returns the answers of the experiment, one sentence each, in the order of the questions.

    Args:
        accuracies: accuracies of the base and all arms.
        contrasts: the contrasts of eval.compare between `base` and the arms, in order.
        arms: names of the arms; the first one is plain fine-tuning.
        chance: accuracy of guessing, in per cent.
        masked: the two arms that differ only in whether names are predicted, in any order.
    """
    against_plain, among = planned_families(contrasts, arms)
    found = [_precondition(accuracies, arms, chance)]
    found += [f"{row.second} against {row.first}: {row.sentence(len(against_plain.rows))}." for row in against_plain.rows]
    found.append(_best(accuracies, arms, against_plain, among))
    if masked is not None:
        found += [
            f"Names predicted or only seen ({row.second} against {row.first}): {row.sentence(len(family.rows))}."
            for family in (against_plain, among)
            for row in family.rows
            if {row.first, row.second} == set(masked)
        ]
    found += [_english(contrasts, arms[0], arm) for arm in arms]
    return found


def _precondition(accuracies: Accuracies, arms: Sequence[str], chance: float) -> str:
    arm, kind, shown = best_with_name_shown(accuracies, arms)
    verdict = "it holds" if shown.low > PRECONDITION_FACTOR * chance else "it does not hold"
    where = {BESIDE: "beside the city's name", IN_PLACE: "in place of the city's name"}[kind]
    return (
        f"Precondition: with the English name shown, {shown} % of the held-out facts are right ({arm}, {where}), where "
        f"chance is {chance:.0f} %: {verdict} (the interval's lower end must exceed {PRECONDITION_FACTOR:g} x chance)."
    )


def _best(accuracies: Accuracies, arms: Sequence[str], *families: Family) -> str:
    best = max(arms, key=lambda one: mean(accuracies[one][ASKED]).value)
    rows = [row for family in families for row in family.rows if best in (row.first, row.second) and row.finding.is_shown]
    ahead = [row.first if row.second == best else row.second for row in rows]
    behind = f"shown to be above {', '.join(ahead)}" if ahead else "not shown to be above any other"
    return f"Best: {best}, {mean(accuracies[best][ASKED])} %, {behind}."


def _english(contrasts: Sequence[Contrast], plain: str, arm: str) -> str:
    """Gives intervals only: the question is how much English is lost, not whether."""
    references = [BASE] if arm == plain else [BASE, plain]
    found = [(reference, find_finding(contrasts, reference, arm, SOURCE).difference) for reference in references]
    parts = [f"{one.points:+.1f} points ({format_interval(one)}) against {reference}" for reference, one in found]
    return f"English, {arm}: {', '.join(parts)}."


def accuracy_rows(accuracies: Accuracies, rates: Mapping[str, Sequence[float]]) -> list[list[str]]:
    """Returns a row for each arm: every kind of question, then the transfer rate, as means with intervals over seeds."""
    return [[arm, *(str(mean(found[kind])) for kind in KINDS), str(mean(rates[arm]))] for arm, found in accuracies.items()]


def seed_rows(accuracies: Accuracies, kind: str) -> list[list[str]]:
    """Returns a row for each arm: its accuracy for each seed."""
    return [[arm, *(f"{value:.1f}" for value in found[kind])] for arm, found in accuracies.items()]


def planned_rows(family: Family) -> list[list[str]]:
    """Returns a row for each comparison, with the columns `PLANNED`."""
    return [
        [*_cells(row.first, row.second, row.finding), format_p(row.finding.p_holm), "yes" if row.finding.is_shown else "no"]
        for row in family.rows
    ]


def pair_rows(contrasts: Sequence[Contrast], kind: str) -> list[list[str]]:
    """Returns a row for each pair of arms, with the columns `PAIRS`."""
    found = [(one.first, one.second, find_finding(contrasts, one.first, one.second, kind)) for one in contrasts]
    return [[*_cells(*row), f"{row[2].difference.detectable:.1f}"] for row in found]


def _cells(first: str, second: str, finding: TaskComparison) -> list[str]:
    found = finding.difference
    change = f"{finding.first:.1f} → {finding.second:.1f}"
    return [f"{second} against {first}", change, f"{found.points:+.1f}", format_interval(found), format_p(found.p)]

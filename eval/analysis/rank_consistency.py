"""Does a model know the same in every language? Pure functions of how it ranks parallel candidates.

A fact is a question asked in several languages with the same candidates in the same order, so that candidate j in one language is
a translation of candidate j in another.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from statsmodels.stats.proportion import proportion_confint

from eval.analysis.significance import LEVEL, PairedDifference, Runs, compare

Floats = npt.NDArray[np.float64]


def rank_consistency(first: Floats, second: Floats) -> Floats:
    """(facts,): how alike two languages rank each fact's candidates; RankC is the mean (Qi et al., EMNLP 2023, arXiv 2310.10378).

    `first` and `second` are (facts, candidates) scores. With n candidates, sum over j = 1..n of w_j * P@j, where P@j is the
    share of the j best candidates of one language among the j best of the other, and w_j = exp(n - j) / sum of exp(n - k): the
    top of the lists counts most. 1 for equal rankings; ties are broken by the candidates' order.

    Worked example, n = 3, rankings (a, b, c) and (b, a, c): P@1 = 0, P@2 = 1, P@3 = 1; weights 0.665, 0.245, 0.090.

    >>> float(rank_consistency(np.array([[3.0, 2, 1]]), np.array([[2.0, 3, 1]])).round(3)[0])
    0.335
    """
    count = first.shape[1]
    one, other = (np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1) for scores in (first, second))
    worse = np.maximum(one, other)  # a candidate is among the j best of both from j = its worse rank + 1 on
    common = np.stack([(worse < place).sum(axis=1) / place for place in range(1, count + 1)], axis=1)
    weights = np.exp(-np.arange(count, dtype=np.float64))
    result: Floats = common @ (weights / weights.sum())
    return result


def chance_consistency(count: int) -> float:
    """RankC of two unrelated rankings of `count` candidates: P@j is j / count on average.

    >>> round(chance_consistency(8), 3)
    0.197
    """
    weights = np.exp(-np.arange(count, dtype=np.float64))
    return float((weights / weights.sum()) @ (np.arange(1, count + 1) / count))


@dataclass(frozen=True)
class Knowledge:
    """What a model knows of the same facts in one language, beside English. Shares in per cent."""

    language: str
    accuracy: float
    difference: PairedDifference
    """Of accuracy: this language minus English, fact by fact."""
    consistency: float
    """RankC with English."""
    consistency_low: float
    consistency_high: float
    transfer: float
    """Of the facts that the model knows in English, the share that it knows in this language."""
    transfer_low: float
    transfer_high: float
    """Wilson's 95 % interval."""
    known_in_english: int


def knowledge(language: str, scores: Floats, gold: npt.NDArray[np.int64], english: Floats, *, seed: int = 0) -> Knowledge:
    """One language beside English: (facts, candidates) log-likelihoods, and each fact's right candidate."""
    facts = [str(number) for number in range(len(gold))]
    right, right_english = (part.argmax(axis=1) == gold for part in (scores, english))
    difference = compare(Runs(right_english[None].astype(float)), Runs(right[None].astype(float)), facts, seed=seed)
    known = int(right_english.sum())
    both = int((right & right_english).sum())
    low, high = proportion_confint(both, known, alpha=LEVEL, method="wilson") if known else (0.0, 1.0)
    consistent = rank_consistency(english, scores)
    half = 1.96 * float(consistent.std(ddof=1)) / len(gold) ** 0.5
    mean = float(consistent.mean())
    return Knowledge(
        language=language,
        accuracy=100 * float(right.mean()),
        difference=difference,
        consistency=100 * mean,
        consistency_low=100 * (mean - half),
        consistency_high=100 * (mean + half),
        transfer=100 * both / known if known else float("nan"),
        transfer_low=100 * float(low),
        transfer_high=100 * float(high),
        known_in_english=known,
    )

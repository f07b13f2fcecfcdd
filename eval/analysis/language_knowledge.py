"""A model's knowledge of the same facts in one language, compared with English."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from statsmodels.stats.proportion import proportion_confint

from eval.analysis.parallel_facts import ENGLISH, ParallelFacts, loglikelihoods
from eval.analysis.rank_consistency import Floats, rank_consistency
from eval.analysis.significance import LEVEL, PairedDifference, RunScores, paired_difference


@dataclass(frozen=True)
class LanguageKnowledge:
    """A model's knowledge in one language, compared with English. Shares in per cent."""

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


def measure_knowledge(language: str, facts: ParallelFacts) -> LanguageKnowledge:
    """The knowledge of one language of `facts`."""
    gold = np.array([record.gold for record in facts[ENGLISH]], dtype=np.int64)
    return compare_with_english(language, loglikelihoods(facts[language]), gold, loglikelihoods(facts[ENGLISH]))


def compare_with_english(
    language: str, scores: Floats, gold: npt.NDArray[np.int64], english: Floats, *, seed: int = 0
) -> LanguageKnowledge:
    """The knowledge of a language from (facts, candidates) log-likelihoods and each fact's right candidate."""
    facts = [str(number) for number in range(len(gold))]
    right, right_english = (part.argmax(axis=1) == gold for part in (scores, english))
    difference = paired_difference(
        RunScores(right_english[None].astype(float)), RunScores(right[None].astype(float)), facts, seed=seed
    )
    known = int(right_english.sum())
    both = int((right & right_english).sum())
    low, high = proportion_confint(both, known, alpha=LEVEL, method="wilson") if known else (0.0, 1.0)
    consistent = rank_consistency(english, scores)
    half = 1.96 * float(consistent.std(ddof=1)) / len(gold) ** 0.5
    mean = float(consistent.mean())
    return LanguageKnowledge(
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

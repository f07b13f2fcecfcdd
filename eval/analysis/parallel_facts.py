"""The records of one model on parallel facts: a question in several languages, with the same candidates in the same order.

Candidate j in one language is a translation of candidate j in another.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eval.results.evaluation_results import read_results
from eval.results.item_records import ItemRecord, read_verified_records
from spark_jobs.common.errors import ConfigurationError

ENGLISH = "en"

ParallelFacts = Mapping[str, Sequence[ItemRecord]]
"""Language to the records of its task, the same facts in the same order; English comes first."""


def read_parallel_facts(folder: Path, task: str) -> ParallelFacts:
    """The records of `task` in every language of an evaluation.

    Raises `ConfigurationError` without English and another language, or if a language asks other facts than English.
    """
    results = read_results(folder).tasks
    found = {
        str(result.language): read_verified_records(folder, name, result)
        for name, result in results.items()
        if name.partition("@")[0] == f"{task}_{result.language}"
    }
    if ENGLISH not in found or len(found) < 2:
        raise ConfigurationError(f"{folder} holds {task} in {', '.join(found) or 'no language'}; evaluate it in en and another")
    for language, records in found.items():
        if _identity(records) != _identity(found[ENGLISH]):
            raise ConfigurationError(
                f"{folder}: {task}_{language} asks other facts than {task}_en; evaluate both on the same facts"
            )
    return {ENGLISH: found.pop(ENGLISH), **found}


def check_same_facts(facts: Mapping[str, ParallelFacts]) -> None:
    """Raise `ConfigurationError` unless all models, by label, answered the same facts: they are compared fact by fact."""
    first, *others = facts
    expected = _identity(facts[first][ENGLISH])
    for label in others:
        if _identity(facts[label][ENGLISH]) != expected:
            raise ConfigurationError(f"{label} answered other facts than {first}; evaluate both with the same data and limit")


def loglikelihoods(records: Sequence[ItemRecord]) -> npt.NDArray[np.float64]:
    """(facts, candidates) log-likelihoods."""
    return np.array([record.loglikelihoods for record in records])


def correct_answers(records: Sequence[ItemRecord]) -> npt.NDArray[np.float64]:
    """(facts,): 1 where the prediction is right, else 0."""
    return np.array([float(record.prediction == record.gold) for record in records])


def _identity(records: Sequence[ItemRecord]) -> list[tuple[str, int | str]]:
    return [(record.id, record.gold) for record in records]

"""Tables of knowledge across languages: by language, by population of the city, and by the links of the corpus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eval.analysis.difference_formats import format_interval, format_p
from eval.analysis.language_knowledge import measure_knowledge
from eval.analysis.link_exposure import EXPOSURE_GROUPS, read_link_exposure
from eval.analysis.parallel_facts import ENGLISH, ParallelFacts, correct_answers
from eval.analysis.population_bands import population_bands
from eval.analysis.rank_consistency import chance_consistency
from eval.analysis.significance import LEVEL, RunScores, holm, paired_difference
from eval.report.difference_plots import PlottedDifference, difference_plot
from spark_jobs.common.errors import ConfigurationError


@dataclass(frozen=True)
class KnowledgeTable:
    """A table with its heading."""

    title: str
    headers: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""
    svg: str = ""
    """A plot of the rows, for the page."""


def model_tables(label: str, facts: ParallelFacts) -> list[KnowledgeTable]:
    """One model's knowledge by language and, where the items have a population, its accuracy by population."""
    tables = [language_table(label, facts)]
    if all("population" in record.attributes for record in facts[ENGLISH]):
        tables.append(population_table(label, facts))
    return tables


def language_table(label: str, facts: ParallelFacts) -> KnowledgeTable:
    """One model's accuracy, RankC and transfer in each language, compared with English."""
    measured = [measure_knowledge(language, facts) for language in facts if language != ENGLISH]
    corrected = holm([found.difference.p for found in measured])
    english = facts[ENGLISH]
    accuracy = 100 * float(np.mean([record.prediction == record.gold for record in english]))
    candidates = len(english[0].loglikelihoods)
    rows: list[tuple[str, ...]] = [(ENGLISH, f"{accuracy:.1f}", "", "", "", "", "")]
    rows += [
        (
            found.language,
            f"{found.accuracy:.1f}",
            f"{found.difference.points:+.1f}",
            format_interval(found.difference),
            format_p(p),
            f"{found.consistency:.1f} ({found.consistency_low:.1f} to {found.consistency_high:.1f})",
            f"{found.transfer:.1f} ({found.transfer_low:.1f} to {found.transfer_high:.1f})",
        )
        for found, p in zip(measured, corrected, strict=True)
    ]
    headers = ("language", "accuracy", "minus English", "95 % interval", "p Holm", "RankC with English", "transfer from English")
    note = (
        f"{len(english)} facts, {candidates} candidates: by chance, accuracy and transfer are {100 / candidates:.1f}, RankC "
        f"{100 * chance_consistency(candidates):.1f}. In per cent and points, with 95 % intervals; p by exact McNemar, "
        "with Holm's correction over the languages."
    )
    plotted = [
        PlottedDifference(found.language, found.difference, p < LEVEL) for found, p in zip(measured, corrected, strict=True)
    ]
    svg = difference_plot([plotted], f"{label}, minus English")
    return KnowledgeTable(f"{label}: the same facts in {len(facts)} languages", headers, rows, note, svg)


def population_table(label: str, facts: ParallelFacts) -> KnowledgeTable:
    """One model's accuracy in each language by the population of the city."""
    bands = np.array(population_bands(facts[ENGLISH]))
    rows = []
    for band in dict.fromkeys(sorted(bands, key=lambda name: float(name.split()[0].replace(",", "")))):
        members = bands == band
        accuracies = (f"{100 * correct_answers(found)[members].mean():.1f}" for found in facts.values())
        rows.append((str(band), str(int(members.sum())), *accuracies))
    return KnowledgeTable(f"{label}: accuracy by population of the city", ("inhabitants", "n", *facts), rows)


def exposure_tables(facts: Mapping[str, ParallelFacts], corpus: Path) -> list[KnowledgeTable]:
    """For each language whose wiki the corpus holds: accuracy by link exposure, and the gain of later models over the first.

    `facts` by the models' labels. Raises `ConfigurationError` if the corpus holds none of the wikis.
    """
    languages = next(iter(facts.values()))
    present = [language for language in languages if (corpus / "links" / f"wiki={language}wiki").is_dir()]
    if not present:
        raise ConfigurationError(f"corpus: {corpus} holds links of none of the wikis of {', '.join(languages)}")
    return [_exposure_table(language, facts, corpus) for language in present]


def _exposure_table(language: str, facts: Mapping[str, ParallelFacts], corpus: Path) -> KnowledgeTable:
    records = next(iter(facts.values()))[language]
    exposures = read_link_exposure(corpus, f"{language}wiki", [record.attributes for record in records])
    groups = np.array([exposure.group for exposure in exposures])
    labels = [label for label, found in facts.items() if language in found]
    rows = []
    for group in EXPOSURE_GROUPS:
        members = groups == group
        if members.any():
            correct = [correct_answers(facts[label][language])[members] for label in labels]
            accuracies = (f"{100 * part.mean():.1f}" for part in correct)
            rows.append((group, str(int(members.sum())), *accuracies, *_gains(correct)))
    gains = tuple(f"{label} minus {labels[0]}" for label in labels[1:])
    links = sum(exposure.named + exposure.unnamed for exposure in exposures)
    note = f"{links:,} links of these entities in {language}wiki. Not an experiment: cities differ in more than links."
    return KnowledgeTable(f"{language}: accuracy by links in the corpus", ("entity", "n", *labels, *gains), rows, note)


def _gains(correct: Sequence[npt.NDArray[np.float64]]) -> list[str]:
    """The gain of each later model over the first, with its interval."""
    first, *others = correct
    facts = [str(number) for number in range(len(first))]
    found = [paired_difference(RunScores(first[None]), RunScores(other[None]), facts) for other in others]
    return [f"{gain.points:+.1f} ({format_interval(gain)})" for gain in found]

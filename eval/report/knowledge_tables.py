"""What a model knows in which language: `python -m eval.knowledge build/eval/base leia=build/eval/leia --corpus build/corpus`.

Reads evaluations of tasks that ask the same facts in many languages (`cities_<language>`). For each model: accuracy beside
English, fact by fact; RankC, how alike candidates are ranked; transfer, the share of facts known in English that are known here.
Then where models fail: by population, and by whether the corpus linked the entity with a name to insert.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from eval.analysis.consistency import Knowledge, chance_consistency, knowledge
from eval.analysis.findings import format_p, interval
from eval.analysis.link_exposure import GROUPS, population_bands, read_exposure
from eval.analysis.pairing import parse_model
from eval.analysis.significance import LEVEL, Runs, compare, holm
from eval.report.evaluation_pages import render_evaluation_page
from eval.report.score_plots import Row, difference_plot
from eval.results.evaluation_results import ItemRecord, read_results, records_of
from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.command_line import exit_on_configuration_error
from spark_jobs.common.console import result_console
from spark_jobs.common.errors import ConfigurationError

OUTPUT, PAGE = "knowledge.md", "knowledge.html"
ENGLISH = "en"
"""Columns where the output is no terminal."""

Facts = Mapping[str, Sequence[ItemRecord]]
"""Language to the records of its task, fact by fact."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class KnowledgeSection:
    """A table with its heading."""

    title: str
    headers: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""
    svg: str = ""
    """A plot of the same, for the page."""


@app.command(help=__doc__)
def entry(
    models: Annotated[list[str], typer.Argument(help="Output folders of eval.run: DIR or LABEL=DIR.")],
    output: Annotated[Path, typer.Option(help=f"Folder for {OUTPUT} and {PAGE}.")] = Path("build/knowledge"),
    task: Annotated[str, typer.Option(help="The tasks' common name: `cities` of cities_en, cities_ja.")] = "cities",
    corpus: Annotated[Path | None, typer.Option(help="Corpus of the training, to tell linked entities from others.")] = None,
) -> None:
    """Analyse, write and show; a mistake ends in a sentence."""
    with exit_on_configuration_error():
        main(models, output, task, corpus)


def main(arguments: Sequence[str], output: Path, task: str = "cities", corpus: Path | None = None) -> None:
    """Read the evaluations, write Markdown and the page, show the tables."""
    facts = {}
    for argument in arguments:
        label, folders = parse_model(argument)
        if len(folders) > 1:
            raise ConfigurationError(f"{label}: one evaluation a model is read here; give each run a label of its own")
        facts[label] = read_facts(folders[0], task)
    _check_same_facts(facts)
    sections = [section for label, found in facts.items() for section in model_sections(label, found)]
    sections += _exposure_sections(facts, corpus) if corpus is not None else []
    text = "\n\n".join(["# Knowledge across languages", *map(knowledge_markdown, sections)])
    write_text_atomically(output / OUTPUT, f"{text}\n")
    write_text_atomically(
        output / PAGE, render_evaluation_page("knowledge.html", {}, sections=sections, labels=list(facts), task=task)
    )
    console = result_console()
    for section in sections:
        console.print(_table(section))
        if section.note:
            console.print(f"  {section.note}\n", highlight=False, markup=False)
    console.print(f"Written to {output}: {OUTPUT}, {PAGE}", highlight=False, soft_wrap=True, markup=False)


def read_facts(folder: Path, task: str) -> Facts:
    """The records of `task` in each language, the same facts with the same candidates; refuses an evaluation without English."""
    results = read_results(folder).tasks
    found = {
        str(result.language): records_of(folder, name, result)
        for name, result in results.items()
        if name.partition("@")[0] == f"{task}_{result.language}"
    }
    if ENGLISH not in found or len(found) < 2:
        raise ConfigurationError(f"{folder} holds {task} in {', '.join(found) or 'no language'}; evaluate it in en and another")
    for language, records in found.items():
        if [(record.id, record.gold) for record in records] != [(record.id, record.gold) for record in found[ENGLISH]]:
            raise ConfigurationError(f"{folder}: {task}_{language} asks other facts than {task}_en; evaluate both on one set")
    return {ENGLISH: found.pop(ENGLISH), **found}


def _check_same_facts(facts: Mapping[str, Facts]) -> None:
    """Refuse models that were asked other facts than the first: their answers are compared fact by fact."""
    first, *others = facts
    asked = [(record.id, record.gold) for record in facts[first][ENGLISH]]
    for label in others:
        if [(record.id, record.gold) for record in facts[label][ENGLISH]] != asked:
            raise ConfigurationError(f"{label} was asked other facts than {first}; evaluate both with the same data and limit")


def model_sections(label: str, facts: Facts) -> list[KnowledgeSection]:
    """One model's knowledge, and its accuracy by population where the items say it."""
    measured = [_knowledge(language, facts) for language in facts if language != ENGLISH]
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
            interval(found.difference),
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
    plotted = [Row(found.language, found.difference, p < LEVEL) for found, p in zip(measured, corrected, strict=True)]
    svg = difference_plot([plotted], f"{label}, minus English")
    sections = [KnowledgeSection(f"{label}: the same facts in {len(facts)} languages", headers, rows, note, svg)]
    if all("population" in record.attributes for record in english):
        sections.append(_by_population(label, facts))
    return sections


def _knowledge(language: str, facts: Facts) -> Knowledge:
    gold = np.array([record.gold for record in facts[ENGLISH]], dtype=np.int64)
    return knowledge(language, _scores(facts[language]), gold, _scores(facts[ENGLISH]))


def _scores(records: Sequence[ItemRecord]) -> npt.NDArray[np.float64]:
    return np.array([record.loglikelihoods for record in records])


def _right(records: Sequence[ItemRecord]) -> npt.NDArray[np.float64]:
    return np.array([float(record.prediction == record.gold) for record in records])


def _by_population(label: str, facts: Facts) -> KnowledgeSection:
    bands = np.array(population_bands(facts[ENGLISH]))
    rows = []
    for band in dict.fromkeys(sorted(bands, key=lambda name: float(name.split()[0].replace(",", "")))):
        members = bands == band
        rows.append(
            (str(band), str(int(members.sum())), *(f"{100 * _right(found)[members].mean():.1f}" for found in facts.values()))
        )
    return KnowledgeSection(f"{label}: accuracy by population of the city", ("inhabitants", "n", *facts), rows)


def _exposure_sections(facts: Mapping[str, Facts], corpus: Path) -> list[KnowledgeSection]:
    """For each language whose wiki the corpus holds: accuracy by what the corpus links, and what later models gained there."""
    sections = []
    for language, records in next(iter(facts.values())).items():
        if not (corpus / "links" / f"wiki={language}wiki").is_dir():
            continue
        exposures = read_exposure(corpus, f"{language}wiki", [record.attributes for record in records])
        groups = np.array([exposure.group for exposure in exposures])
        labels = [label for label, found in facts.items() if language in found]
        rows = []
        for group in GROUPS:
            members = groups == group
            if members.any():
                right = [_right(facts[label][language])[members] for label in labels]
                rows.append((group, str(int(members.sum())), *(f"{100 * part.mean():.1f}" for part in right), *_gains(right)))
        gains = tuple(f"{label} minus {labels[0]}" for label in labels[1:])
        links = sum(exposure.named + exposure.unnamed for exposure in exposures)
        note = f"{links:,} links of these entities in {language}wiki. Cities differ in more than links: no experiment."
        sections.append(KnowledgeSection(f"{language}: by what the corpus links", ("entity", "n", *labels, *gains), rows, note))
    if not sections:
        raise ConfigurationError(f"corpus: {corpus} holds links of none of the wikis of {', '.join(next(iter(facts.values())))}")
    return sections


def _gains(right: Sequence[npt.NDArray[np.float64]]) -> list[str]:
    found = [compare(Runs(right[0][None]), Runs(other[None]), list(map(str, range(len(other))))) for other in right[1:]]
    return [f"{gain.points:+.1f} ({interval(gain)})" for gain in found]


def knowledge_markdown(section: KnowledgeSection) -> str:
    """A section as Markdown."""
    lines = [f"## {section.title}", "", f"| {' | '.join(section.headers)} |", f"|---{'|--:' * (len(section.headers) - 1)}|"]
    lines += [f"| {' | '.join(row)} |" for row in section.rows]
    return "\n".join([*lines, *(["", section.note] if section.note else [])])


def _table(section: KnowledgeSection) -> Table:
    table = Table(title=section.title, title_justify="left", box=box.SIMPLE_HEAD)
    for place, header in enumerate(section.headers):
        table.add_column(header, justify="left" if place == 0 else "right", overflow="fold")
    for row in section.rows:
        table.add_row(*map(escape, row))
    return table


if __name__ == "__main__":
    app()

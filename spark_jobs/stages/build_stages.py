"""Run all stages for every wiki in one Spark application."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pyspark
from pyspark.sql import SparkSession
from rich import box
from rich.filesize import decimal
from rich.table import Table as Grid

from spark_jobs.common.atomic_files import write_bytes_atomically
from spark_jobs.common.console import console, print_table
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.config import CorpusSettings
from spark_jobs.publishing.publication import code_version
from spark_jobs.reports.cards.card_files import README, write_card
from spark_jobs.runtime.spark_session import start_session
from spark_jobs.runtime.task_errors import translate_task_errors
from spark_jobs.runtime.wiki_pool import Failure, for_each_wiki, parallel_wikis
from spark_jobs.stages import align_stage as align
from spark_jobs.stages import augment_stage as augment
from spark_jobs.stages import encode_stage as encode
from spark_jobs.stages import extract_stage as extract
from spark_jobs.stages.stage_runs import Stage, StageResult, report_failures, timed
from spark_jobs.tokens.tokenizer_files import load_source

REPORT = "_build.json"
STAGES: tuple[tuple[str, Stage], ...] = (
    ("extract", extract.extract_wiki),
    ("align", align.align_wiki),
    ("augment", augment.augment_wiki),
    ("encode", encode.encode_wiki),
)
_READ_DUMPS: Mapping[str, Callable[..., StageResult]] = {"extract": extract.extract_wiki, "align": align.align_wiki}
"""Those that look for files of dumps; in a build they choose among files that were listed once."""


def stages_of(settings: CorpusSettings) -> list[tuple[str, Stage]]:
    """The stages that the configuration asks for: all, but for `encode` where no tokenizer is given."""
    return [(name, stage) for name, stage in STAGES if name != "encode" or settings.encode is not None]


@dataclass(frozen=True)
class BuildPlan:
    """What will be built, and what cannot be."""

    sizes: Mapping[str, int]
    """Wiki -> bytes of its dump's pages, the largest first."""
    failures: Mapping[str, Failure]
    """Wikis without a dump that can be used."""
    files: Sequence[str]
    """What lies in `dumps_dir`."""


def build(spark: SparkSession, settings: CorpusSettings, plan: BuildPlan | None = None) -> dict[str, Any]:
    """Run every stage for every wiki; returns the report, and writes it to `_build.json` in the output folder.

    Several wikis run at a time, in the order of the plan, else of the configuration. One that fails is in the report with the
    reason, as are those that the plan leaves out; the exception of a single wiki is raised. What is returned has `card_failure`,
    too: why there is no dataset card, or None.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    known = {} if plan is None else dict(plan.failures)
    wikis = settings.wikis if plan is None else list(plan.sizes)
    files = extract.list_dumps(settings) if plan is None else plan.files
    with_files = {name: partial(stage, files=files) for name, stage in _READ_DUMPS.items()}
    stages = {name: with_files.get(name, stage) for name, stage in stages_of(settings)}

    def build_wiki(session: SparkSession, wiki: str) -> dict[str, StageResult]:
        return {name: timed(stage, session, settings, wiki) for name, stage in stages.items()}

    def describe(stages: dict[str, StageResult]) -> str:
        figures = figures_of(stages, settings.pivots)
        return f"{figures['articles']:,} articles, {figures['links']:,} links, {figures['seconds']:.1f} s"

    parallel = parallel_wikis(spark, settings.parallel_wikis, len(wikis))
    outcomes = for_each_wiki(spark, wikis, parallel, build_wiki, describe, alone=len(settings.wikis) == 1)
    results = {wiki: outcomes.results[wiki] for wiki in settings.wikis if wiki in outcomes.results}
    failures = known | dict(outcomes.failures)
    report = {
        # Whom to write to is for the servers of dumps, and no business of those who read the tables.
        "configuration": settings.model_dump(mode="json", exclude={"download"}),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - clock, 1),
        "parallel_wikis": parallel,
        "spark_version": pyspark.__version__,
        "code_version": code_version(),
        "wikis": {wiki: figures_of(stages, settings.pivots) for wiki, stages in results.items()},
        "failures": {wiki: vars(failure) for wiki, failure in sorted(failures.items())},
        "stages": [
            {"stage": name, "wiki": wiki, "seconds": round(result.seconds, 1), "skipped": result.skipped}
            for wiki, stages in results.items()
            for name, result in stages.items()
        ],
    }
    with translate_task_errors(settings.output_dir, spark):
        _write_report(Location.of(settings.output_dir), report)
        report["card_failure"] = _card_failure(settings) if results else None
    return report


def _card_failure(settings: CorpusSettings) -> str | None:
    """Write the card, or say why not: a manifest of another build in the folder undoes nothing of this one."""
    try:
        write_card(Location.of(settings.output_dir), settings.card)
    except ConfigurationError as error:
        return str(error)
    return None


def _write_report(output: Location, report: dict[str, Any]) -> None:
    """Write `_build.json`; wikis that an earlier build put into the same folder keep their figures."""
    path = output / REPORT
    try:
        earlier = json.loads(path.read_bytes())["wikis"] if path.exists() else {}
    except (ValueError, KeyError):  # a damaged report is worth less than the build that has just been done
        earlier = {}
    merged = {**report, "wikis": {**earlier, **report["wikis"]}}
    write_bytes_atomically(path, json.dumps(merged, ensure_ascii=False, indent=1).encode())


def check_before(settings: CorpusSettings) -> BuildPlan:
    """Find what can be found wrong before any work is done: wikis, dumps, tokenizer, the place of the output.

    Raises `ConfigurationError` for what concerns all, for a wiki that is not known, and where no wiki has a dump.
    """
    Location.of(settings.output_dir)  # refuses what cannot be reached
    for wiki in settings.wikis:
        extract.profile_of(wiki, settings.extract.variants.get(wiki))
    sizes: dict[str, int] = {}
    failures: dict[str, Failure] = {}
    files = extract.list_dumps(settings)
    for wiki in settings.wikis:
        try:
            folder, dump = extract.locate_dump(settings, wiki, files)
            sizes[wiki] = sum((folder / path).size() for path in dump.pages)
        except ConfigurationError as error:
            failures[wiki] = Failure.of(error)
    if not sizes:
        raise ConfigurationError("\n".join(failure.reason for failure in failures.values()))
    if settings.encode is not None:
        load_source(settings.encode.tokenizer, settings.encode.name)
    return BuildPlan(dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0]))), failures, files)


def build_wikis(settings: CorpusSettings) -> int:
    """Build what the configuration says and show what was built."""
    console.print(settings.to_yaml(), style="dim", highlight=False)
    plan = check_before(settings)
    if len(plan.sizes) > 1:
        largest = next(iter(plan.sizes))
        total, first = decimal(sum(plan.sizes.values())), decimal(plan.sizes[largest])
        console.print(f"{len(plan.sizes)} wikis, {total} of dumps; the largest, {largest} ({first}), first", highlight=False)
    for wiki, failure in plan.failures.items():
        console.print(f"  {wiki} cannot be built: {failure.reason}", style="red", highlight=False, markup=False, soft_wrap=True)
    spark = start_session(settings.spark, "leia build")
    report = build(spark, settings, plan)
    spark.stop()
    show(report, settings)
    failures = {wiki: Failure(**failure) for wiki, failure in report["failures"].items()}
    return max(report_failures(failures, len(settings.wikis)), int(report["card_failure"] is not None))


def figures_of(stages: dict[str, StageResult], pivots: list[str]) -> dict[str, Any]:
    """The numbers people ask for, from the manifests of one wiki."""
    manifests = {manifest.table: manifest for result in stages.values() for manifest in result.manifests}
    account, links = manifests["articles"].counters, manifests["augmented"].counters
    return {
        **{name: account.get(name, 0) for name in ("pages", "other_namespaces", "articles", "redirects")},
        "rejects": manifests["rejects"].rows,
        "links": links.get("links", 0),
        "links_with_name": {pivot: links.get(f"links_with_name.{pivot}", 0) for pivot in pivots},
        "characters": links.get("characters", 0),
        "tokens": manifests["encoded"].counters.get("tokens", 0) if "encoded" in manifests else None,
        "seconds": round(sum(result.seconds for result in stages.values()), 1),
    }


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def show(report: dict[str, Any], settings: CorpusSettings) -> None:
    """Tell what was built, and where it lies."""
    pivots = settings.pivots
    grid = Grid(title="What was built", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    counts = {"pages": "pages", "other ns": "other_namespaces", "articles": "articles", "redirects": "redirects"}
    counts |= {"rejects": "rejects", "links": "links"}
    for heading in ("wiki", *counts, *(f"named in {pivot}" for pivot in pivots), "tokens", "seconds"):
        grid.add_column(heading, justify="left" if heading == "wiki" else "right", no_wrap=True)
    for wiki, row in report["wikis"].items():
        shares = [f"{row['links_with_name'][p]:,} ({row['links_with_name'][p] / max(1, row['links']):.0%})" for p in pivots]
        figures = [f"{row[name]:,}" for name in counts.values()]
        grid.add_row(wiki, *figures, *shares, _count(row["tokens"]), f"{row['seconds']:.1f}")
    print_table(grid)
    skipped = sum(stage["skipped"] for stage in report["stages"])
    note = f"; {skipped} of {len(report['stages'])} stages were up to date" if skipped else ""
    console.print(f"tables lie in {settings.output_dir}, figures in {settings.output_dir}/{REPORT} ({report['seconds']} s{note})")
    if report["card_failure"] is None:
        console.print(f"the dataset card is {settings.output_dir}/{README}")
    else:
        console.print(
            f"no dataset card: {report['card_failure']}; then run spark_jobs.card",
            style="red",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )

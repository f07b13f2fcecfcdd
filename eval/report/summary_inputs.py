"""Everything that the summary of a demonstration shows, read from the folders of corpus, training run and evaluations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.analysis.contrasts import Contrast, contrast_models
from eval.analysis.pairing import EvaluatedModel, PairedTask, pair_tasks
from eval.config import SummarySettings
from eval.results.build_record import BuildRecord, read_build_record
from eval.results.built_tables import read_augmented, read_build_manifests
from eval.results.evaluation_pair import BeforeAfterScores, pair_scores, read_evaluation_pair
from eval.results.evaluation_results import EvalResults
from eval.results.training_record import TrainingRecord, read_training_record
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.excerpts import Excerpt, best_excerpts
from spark_jobs.contract.manifest import Manifest

SUMMARY_METRIC = "acc"


@dataclass(frozen=True)
class SummaryInputs:
    """The contents of the page and of the console table."""

    build: BuildRecord
    manifests: Sequence[tuple[Path, Manifest]]
    run: TrainingRecord
    before: EvalResults
    after: EvalResults
    scores: Sequence[BeforeAfterScores]
    """Of tasks with `SUMMARY_METRIC`."""
    paired: Sequence[PairedTask]
    contrast: Contrast
    """After against before, item by item."""
    excerpts: Mapping[str, Sequence[Excerpt]]
    """Wiki to the articles shown."""


def read_summary_inputs(settings: SummarySettings) -> SummaryInputs:
    """Read all folders; raises `ConfigurationError` that names the first file or task that is missing."""
    build = read_build_record(settings.corpus)
    run = read_training_record(settings.run)
    before, after = read_evaluation_pair(settings.before, settings.after)
    scores = [one for one in pair_scores(before, after) if SUMMARY_METRIC in one.before and SUMMARY_METRIC in one.after]
    if not scores:
        tasks = ", ".join(after.tasks)
        raise ConfigurationError(
            f"after: {settings.after} holds {tasks}, and no task with {SUMMARY_METRIC}; evaluate a multiple-choice task"
        )
    models = [
        EvaluatedModel("before", (settings.before,), (before,)),
        EvaluatedModel("after", (settings.after,), (after,)),
    ]
    paired = [one for one in pair_tasks(models, SUMMARY_METRIC) if one.metric == SUMMARY_METRIC]
    count, limit = settings.articles_per_wiki, settings.excerpt_characters
    return SummaryInputs(
        build=build,
        manifests=read_build_manifests(settings.corpus),
        run=run,
        before=before,
        after=after,
        scores=scores,
        paired=paired,
        contrast=contrast_models(paired, ["before", "after"])[0],
        excerpts={
            wiki: best_excerpts(read_augmented(settings.corpus, wiki), count, settings.pivot, limit) for wiki in build.wikis
        },
    )

"""The summary of a demonstration as a self-contained HTML page."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from eval.analysis.verdicts import contrast_verdict
from eval.config import SummarySettings
from eval.report.summary_inputs import SUMMARY_METRIC, SummaryInputs
from eval.report.summary_plots import before_after_plot, training_loss_plot
from eval.results.build_record import total_counts
from eval.results.evaluation_results import versions_used
from eval.results.score_tables import format_stderr
from spark_jobs.common.formatting import format_bytes, format_count, format_seconds
from spark_jobs.common.page_templates import render_page
from spark_jobs.contract.manifest import Manifest


def render_summary(settings: SummarySettings, inputs: SummaryInputs) -> str:
    """The HTML page; it refers to no other file or address."""
    filters = {
        "count": format_count,
        "size": format_bytes,
        "duration": partial(format_seconds, digits=1),
        "stderr": format_stderr,
    }
    return render_page(
        "eval.report",
        "summary.html",
        filters,
        settings=settings,
        **vars(inputs),
        started=datetime.fromisoformat(inputs.build.started).strftime("%Y-%m-%d %H:%M"),
        total=total_counts(inputs.build.wikis.values(), settings.pivot),
        tables=summarize_tables(inputs.manifests),
        details=flatten_values(inputs.run.details),
        throughput=inputs.run.median_throughput,
        loss_svg=training_loss_plot(inputs.run.steps),
        score_svg=before_after_plot(inputs.scores, SUMMARY_METRIC),
        metrics=list(inputs.scores[0].after),
        verdict=" ".join(contrast_verdict(inputs.contrast)),
        versions=versions_used(inputs.after.tasks.values()),
    )


def summarize_tables(manifests: Sequence[tuple[Path, Manifest]]) -> list[dict[str, Any]]:
    """A row for each table with the sums over its partitions, sorted by table."""
    rows = []
    ordered = sorted(manifests, key=lambda entry: entry[1].table)
    for table, group in groupby(ordered, key=lambda entry: entry[1].table):
        folders = list(group)
        rows.append(
            {
                "table": table,
                "partitions": folders,
                "rows": sum(manifest.rows for _, manifest in folders),
                "bytes": sum(manifest.bytes for _, manifest in folders),
                "shards": sum(len(manifest.shards) for _, manifest in folders),
            }
        )
    return rows


def flatten_values(details: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The scalar values of a nested mapping under dotted names; lists are left out.

    >>> flatten_values({"steps": 3, "model": {"path": "m"}, "history": [1, 2]})
    {'steps': 3, 'model.path': 'm'}
    """
    found: dict[str, Any] = {}
    for key, value in details.items():
        if isinstance(value, Mapping):
            found |= flatten_values(value, f"{prefix}{key}.")
        elif isinstance(value, str | int | float | bool):
            found[prefix + key] = value
    return found

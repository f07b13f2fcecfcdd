"""The results of all units published as `articles` and `rejects`, with the page account of every file in the manifests."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from spark_jobs.common.console import console
from spark_jobs.common.storage import Location
from spark_jobs.contract.manifest import Manifest
from spark_jobs.contract.table_schemas import REJECTS
from spark_jobs.extraction.extract_job import UnitReport
from spark_jobs.extraction.lost_pages import name_lost_pages
from spark_jobs.extraction.page_account import account_for_file, explain_missing_articles, sum_page_counts
from spark_jobs.extraction.unit_planning import FileSurvey
from spark_jobs.publishing.publication import Publication
from spark_jobs.publishing.shard_writer import ShardReport, ShardWriter, number_shards, shard_name

_REJECT_ROW_GROUP_ROWS = 10_000


def publish_extraction(
    articles: Publication,
    rejects: Publication,
    surveys: Sequence[FileSurvey],
    reports: Sequence[UnitReport],
    further_counters: Mapping[str, int],
) -> list[Manifest]:
    """Publish the shards of the units and the rows of `rejects`; returns both manifests.

    Raises `PublishError` if the page account of a file does not balance; then neither table is published.
    """
    per_file = {survey.file.name: [report for report in reports if report.file == survey.file.name] for survey in surveys}
    lost = {survey.file.name: _name_lost_pages(survey, per_file[survey.file.name]) for survey in surveys}
    inputs = [survey.input | account_for_file(per_file[survey.file.name], len(lost[survey.file.name])) for survey in surveys]
    for entry in inputs:
        if (warning := explain_missing_articles(entry["name"], entry)) is not None:
            console.print(f"  warning: {warning}", style="yellow", highlight=False, soft_wrap=True)
    counters = sum_page_counts(reports)
    for count in ("pages", "rejected_pages"):
        counters[count] += sum(map(len, lost.values()))
    counters.update(further_counters)
    rows = [row for report in reports for row in report.rejects] + [row for rows in lost.values() for row in rows]
    rejected = rejects.publish([_write_rejects(rejects.attempts, rows)], Counter(row["stage"] for row in rows), inputs)
    shards = number_shards(shard for report in reports for shard in report.shards)
    return [articles.publish(shards, counters, inputs), rejected]


def _name_lost_pages(survey: FileSurvey, reports: Sequence[UnitReport]) -> tuple[dict[str, Any], ...]:
    """Rows of `rejects` for the pages that are lost with a file's damaged streams and named by its index."""
    damaged = [stream for report in reports for stream in report.damaged_streams]
    lost = name_lost_pages(survey.file, survey.streams, survey.bytes, damaged)
    if lost.warning is not None:
        console.print(f"  warning: {lost.warning}", style="yellow")
    return lost.rows


def _write_rejects(folder: Location, rows: Sequence[dict[str, Any]]) -> ShardReport:
    with ShardWriter(folder, shard_name(0), REJECTS.schema, _REJECT_ROW_GROUP_ROWS) as writer:
        writer.write_rows(rows)
    return writer.report

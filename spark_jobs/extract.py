"""Stage `extract`: the XML of a dump becomes `articles` and `rejects`.

    spark-submit spark_jobs/extract.py --config conf/corpus/demo.yaml

The driver finds the streams of the dump's files and cuts them into runs; a task owns a run, decompresses and parses it in
its Python process and writes one shard. Raw XML never enters the JVM, and text is never shuffled.
"""

from bisect import bisect_left
from collections import Counter
from typing import Any

from pyspark.sql import SparkSession

from spark_jobs.config import CorpusSettings
from spark_jobs.dumps.files import Dump, find_dump
from spark_jobs.dumps.pages import PageError
from spark_jobs.dumps.siteinfo import read_siteinfo
from spark_jobs.dumps.streams import StreamError, group_streams, read_streams, read_whole, scan_streams
from spark_jobs.extract_pages import ExtractJob, Unit, UnitReport, account_of, extract_unit
from spark_jobs.progress import show_progress
from spark_jobs.publish import Publication, PublishError
from spark_jobs.settings import ConfigurationError, command
from spark_jobs.shards import ShardReport, ShardWriter, shard_name
from spark_jobs.stage import StageResult, run_stage
from spark_jobs.storage import Location
from spark_jobs.tables import ARTICLES, REJECTS
from spark_jobs.wikis import SiteInfo, load_profile
from spark_jobs.wikitext import Options

_REJECT_ROW_GROUP_ROWS = 10_000
# A page may be cut by the compressor anywhere. Its rest lies in the next streams: of 100 kB or more each, so that 32 of them
# hold any page that MediaWiki stores.
_STREAMS_BEYOND = 32


def locate_dump(settings: CorpusSettings, wiki: str) -> tuple[Location, Dump]:
    """The folder of the dumps and the files of `wiki` in it."""
    folder = Location.of(settings.dumps_dir)
    if not folder.exists():
        raise ConfigurationError(f"dumps_dir: {settings.dumps_dir!r} does not exist (looked at {folder.path})")
    return folder, find_dump(folder.files(), wiki, settings.date)


def plan_units(files: list[Location], bytes_per_shard: int) -> list[Unit]:
    """The units of a dump, numbered across its files: runs of bz2 streams, or a whole file of another kind."""
    units: list[Unit] = []
    for file in files:
        size, streams = file.size(), []
        if file.name.endswith(".bz2"):
            with file.open() as opened:
                streams = scan_streams(opened)
        boundaries = [*streams, size]
        for start, end in group_streams(streams, size, bytes_per_shard):
            first, last = bisect_left(boundaries, start), bisect_left(boundaries, end)
            units.append(Unit(len(units), file, end, tuple(boundaries[first : last + 1 + _STREAMS_BEYOND])))
        if not streams:
            units.append(Unit(len(units), file, size, ()))
    return units


def siteinfo_of(file: Location, wiki: str) -> SiteInfo:
    """The dump's own siteinfo. Raises `ConfigurationError` if the dump is of another wiki."""
    with file.open() as opened:
        streams = scan_streams(opened) if file.name.endswith(".bz2") else []
        opened.seek(0)
        chunks = read_streams(opened, [*streams, file.size()]) if streams else read_whole(opened, file.name)
        try:
            siteinfo = read_siteinfo(chunks, file.name)
        except PageError as error:
            raise ConfigurationError(str(error)) from error
        except StreamError as error:
            raise ConfigurationError(f"{file.name}, {error}") from error
    if siteinfo.wiki and siteinfo.wiki != wiki:
        raise ConfigurationError(
            f"{file.name} says that it is a dump of {siteinfo.wiki!r}, not of {wiki!r}: check the file's name"
        )
    return siteinfo


def run(spark: SparkSession, settings: CorpusSettings, wiki: str) -> StageResult:
    """Publish `articles` and `rejects` of one wiki, unless they are up to date."""
    folder, dump = locate_dump(settings, wiki)
    files = [folder / path for path in dump.pages]
    inputs = [{"name": file.name, "bytes": file.size(), "sha256": file.sha256()} for file in files]
    configuration = {"wiki": wiki, "mode": settings.mode, **settings.extract.model_dump()}
    output = Location.of(settings.output_dir)
    articles = Publication(output, ARTICLES, {"wiki": wiki}, inputs, configuration)
    rejects = Publication(output, REJECTS, {"wiki": wiki}, inputs, configuration)
    if (current := articles.current()) is not None and (rejected := rejects.current()) is not None:
        return StageResult([current, rejected], skipped=True)

    articles.begin()
    rejects.begin()
    siteinfo = siteinfo_of(files[0], wiki)
    job = ExtractJob(
        profile=load_profile(wiki).with_siteinfo(siteinfo),
        base=siteinfo.base,
        mode=settings.mode,
        options=Options(drop_sections=settings.extract.drop_sections),
        attempts=articles.attempts,
    )
    units = plan_units(files, settings.extract.bytes_per_shard)
    with show_progress(spark.sparkContext, f"extract {wiki}"):
        reports = spark.sparkContext.parallelize(units, len(units)).map(lambda unit: extract_unit(unit, job)).collect()
    per_file = {file.name: [r for r in reports if r.file == file.name] for file in files}
    counted = [entry | _account(per_file[str(entry["name"])]) for entry in inputs]
    counters = account_of(reports)
    rows = [row for report in reports for row in report.rejects]
    published = rejects.publish([_write_rejects(rejects.attempts, rows)], Counter(row["stage"] for row in rows), counted)
    return StageResult([articles.publish([r.shard for r in reports], counters, counted), published])


def _account(reports: list[UnitReport]) -> dict[str, Any]:
    """The page account of one file. Raises `PublishError` when it does not close: then a page was lost or counted twice."""
    counters = account_of(reports)
    rows = sum(report.shard.rows for report in reports)
    account = {"pages": counters["pages"], "other_namespaces": counters["other_namespaces"], "rows": rows}
    account["rejected_pages"] = counters["rejected_pages"]
    if account["pages"] != account["other_namespaces"] + account["rows"] + account["rejected_pages"]:
        raise PublishError(f"{reports[0].file}: pages = other namespaces + rows + rejects does not hold: {account}")
    return account


def _write_rejects(folder: Location, rows: list[dict[str, Any]]) -> ShardReport:
    with ShardWriter(folder, shard_name(0), REJECTS.schema, _REJECT_ROW_GROUP_ROWS) as writer:
        for row in rows:
            writer.write(row)
    return writer.report


def main(settings: CorpusSettings) -> int:
    """Run the stage for every wiki of the configuration."""
    return run_stage("extract", run, settings)


if __name__ == "__main__":
    command(CorpusSettings, main, __doc__)

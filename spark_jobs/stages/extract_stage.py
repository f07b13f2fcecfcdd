"""Stage `extract`: the XML of a dump becomes `articles` and `rejects`."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from pyspark.sql import SparkSession

from spark_jobs.common.console import console
from spark_jobs.common.storage import Location
from spark_jobs.config import CorpusSettings, ExtractSettings
from spark_jobs.contract.table_schemas import ARTICLES, REJECTS
from spark_jobs.dumps.dump_files import Dump
from spark_jobs.dumps.export_head import namespaces_by_name
from spark_jobs.extraction.corrected_profile import correct_profile, find_profile, load_siteinfo_file, read_head_siteinfo
from spark_jobs.extraction.dump_location import list_dumps, locate_dump
from spark_jobs.extraction.extract_job import ExtractJob
from spark_jobs.extraction.extract_publication import publish_extraction
from spark_jobs.extraction.optional_files import LOSSES, add_template_redirects, checksum_optional_files, list_missing_files
from spark_jobs.extraction.unit_extraction import extract_unit
from spark_jobs.extraction.unit_planning import plan_units, survey_file
from spark_jobs.publishing.input_changes import require_unchanged
from spark_jobs.publishing.publication import Publication
from spark_jobs.runtime.job_progress import show_progress
from spark_jobs.runtime.spark_tasks import map_tasks
from spark_jobs.stages.side_tables import read_side_tables
from spark_jobs.stages.stage_runs import StageResult, run_stage
from spark_jobs.wikitext import Options


def extract_wikis(settings: CorpusSettings) -> int:
    """Run the stage for every wiki of the configuration; returns the exit code."""
    return run_stage("extract", partial(extract_wiki, files=list_dumps(settings)), settings)


def extract_wiki(spark: SparkSession, settings: CorpusSettings, wiki: str, files: Sequence[str] | None = None) -> StageResult:
    """Publish `articles` and `rejects` of one wiki, unless they are up to date; `files` as for `locate_dump`."""
    folder, dump = locate_dump(settings, wiki, files)
    if dump.missing:
        console.print(f"  warning: the dump of {wiki} is incomplete; missing: {dump.missing}", style="yellow")
    with require_unchanged(folder / path for path in (*dump.pages, *dump.optional.values())):
        with show_progress(spark.sparkContext, f"survey {wiki}"):
            surveys = [survey_file(folder / path) for path in dump.pages]
            configuration = describe_configuration(settings, folder, dump)
        inputs, output = [survey.input for survey in surveys], Location.of(settings.output_dir)
        articles = Publication(output, ARTICLES, {"wiki": wiki}, inputs, configuration)
        rejects = Publication(output, REJECTS, {"wiki": wiki}, inputs, configuration)
        if (current := articles.current()) is not None and (rejected := rejects.current()) is not None:
            return StageResult([current, rejected], skipped=True)
        articles.begin()
        rejects.begin()
        for name in list_missing_files(dump):
            console.print(f"  {wiki}: no {name} of {dump.date}: {LOSSES[name]}", style="dim")
        job = plan_job(spark, settings, folder, dump, articles.attempts)
        units = plan_units(surveys, settings.extract.bytes_per_shard)
        with show_progress(spark.sparkContext, f"extract {wiki}"):
            reports = map_tasks(spark, units, lambda unit: extract_unit(unit, job))
    further_counters = {
        "optional_inputs_missing": len(list_missing_files(dump)),
        "template_redirects": len(job.profile.template_redirects),
    }
    return StageResult(publish_extraction(articles, rejects, surveys, reports, further_counters))


def describe_configuration(settings: CorpusSettings, folder: Location, dump: Dump) -> dict[str, Any]:
    """Everything beside the pages that determines the rows: the wiki's settings, and the optional files.

    The optional files are not inputs, since the entries of inputs hold page accounts. A change of one still makes the stage run
    again.
    """
    return {
        "wiki": dump.wiki,
        "mode": settings.mode,
        **settings.extract.model_dump(exclude={"variants"}),
        "variant": settings.extract.variants.get(dump.wiki),
        "optional_inputs": checksum_optional_files(folder, dump),
    }


def plan_job(spark: SparkSession, settings: CorpusSettings, folder: Location, dump: Dump, attempts: Location) -> ExtractJob:
    """The values that all units of the dump share: the options, and the wiki as its dump describes it."""
    siteinfo = read_head_siteinfo(folder / dump.pages[0], dump.wiki)
    path = dump.optional.get("siteinfo-namespaces")
    siteinfo_file = None if path is None else load_siteinfo_file(folder / path)
    profile = correct_profile(find_profile(dump.wiki, settings.extract.variants.get(dump.wiki)), siteinfo, siteinfo_file)
    with show_progress(spark.sparkContext, f"side tables {dump.wiki}"):
        side_tables = read_side_tables(spark, folder, dump)
    if side_tables.template_redirects is not None:
        profile = add_template_redirects(profile, side_tables.template_redirects)
    return ExtractJob(
        profile=profile,
        base=siteinfo.base,
        namespaces=namespaces_by_name(siteinfo),
        mode=settings.mode,
        options=wikitext_options(settings.extract),
        attempts=attempts,
        disambiguations=side_tables.disambiguations,
    )


def wikitext_options(settings: ExtractSettings) -> Options:
    """The settings as options of `wikitext.extract`."""
    return Options(drop_sections=settings.drop_sections, math=settings.math, tables=settings.tables)

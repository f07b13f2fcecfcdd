"""Stage `extract`: the XML of a dump becomes `articles` and `rejects`."""

import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyspark.sql import SparkSession

from spark_jobs.common.console import console
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.config import CorpusSettings, ExtractSettings
from spark_jobs.contract.table_schemas import ARTICLES, REJECTS, Manifest
from spark_jobs.dumps.stream_decompression import StreamError, group_streams, read_whole, scan_streams
from spark_jobs.dumps.dump_files import Dump, DumpError, find_dump
from spark_jobs.dumps.export_head import namespaces_by_name, read_head
from spark_jobs.dumps.page_cutting import PageError
from spark_jobs.dumps.siteinfo_file import SiteInfoError, read_siteinfo_file
from spark_jobs.dumps.sql.database_name import read_database
from spark_jobs.extraction.unit_extraction import ExtractJob, Unit, UnitReport, account_of, extract_unit
from spark_jobs.extraction.lost_pages import name_lost_pages
from spark_jobs.publishing.input_changes import unchanged
from spark_jobs.publishing.publication import Publication, PublishError
from spark_jobs.publishing.shard_files import ShardReport, ShardWriter, number_shards, shard_name
from spark_jobs.runtime.spark_progress import show_progress
from spark_jobs.runtime.spark_shards import map_tasks
from spark_jobs.stages.side_tables import LOSSES, read_side_tables, with_known_redirects
from spark_jobs.stages.stage_runs import StageResult, run_stage
from spark_jobs.wikis import SiteInfo, WikiProfile, load_profile
from spark_jobs.wikitext import Options

_REJECT_ROW_GROUP_ROWS = 10_000
# A page may be cut by the compressor anywhere. Its rest lies in the next streams: of 100 kB or more each, so that 32 of them
# hold any page that MediaWiki stores.
_STREAMS_BEYOND = 32
_LARGE_WHOLE_BYTES = 256 * 2**20
# bz2 packs 4 to 8 bytes of XML into one. So a run of streams is one shard, and a file that one task reads is cut into several.
_XML_BYTES_PER_COMPRESSED = 12


@dataclass(frozen=True)
class Survey:
    """What one reading of a dump file tells: its size, its checksum, and where bz2 streams begin in it."""

    file: Location
    bytes: int
    sha256: str
    streams: tuple[int, ...]

    @property
    def input(self) -> dict[str, Any]:
        """The file as an input of the stage."""
        return {"name": self.file.name, "bytes": self.bytes, "sha256": self.sha256}


def list_dumps(settings: CorpusSettings) -> list[str]:
    """Paths of all files below `dumps_dir`, those of every wiki: asked for once in a run, since an object store with the dumps of
    hundreds of wikis tells them a thousand at a time.

    Raises `ConfigurationError` when there is no such folder.
    """
    folder = Location.of(settings.dumps_dir)
    if not folder.exists():
        raise ConfigurationError(f"dumps_dir: {settings.dumps_dir!r} does not exist (looked at {folder.path})")
    return folder.files()


def locate_dump(settings: CorpusSettings, wiki: str, files: Sequence[str] | None = None) -> tuple[Location, Dump]:
    """The folder of the dumps and the files of `wiki` in it, chosen among `files`: what `list_dumps` gave, by default gives now.

    Raises `ConfigurationError` when they are not there, or when a SQL table among them is one of another wiki.
    """
    folder = Location.of(settings.dumps_dir)
    try:
        dump = find_dump(list_dumps(settings) if files is None else files, wiki, settings.date)
    except DumpError as error:
        raise ConfigurationError(f"dumps_dir: {settings.dumps_dir!r}: {error}") from error
    for path in (dump.langlinks, *dump.optional.values()):
        if ".sql" in path:
            _refuse_other_wiki(folder / path, wiki)
    return folder, dump


def _refuse_other_wiki(table: Location, wiki: str) -> None:
    """Its page ids mean other pages, and most exist here too: what is joined by them would be wrong without a sign of it."""
    with table.open() as opened:
        database = read_database(opened, table.name)
    if database in (None, wiki):
        return
    try:
        load_profile(database)
    except ValueError:  # no wiki that is known: whoever packed the table may call the database as they like
        return
    raise ConfigurationError(f"{table.path} says that it is a table of {database!r}, not of {wiki!r}: check the file's name")


def profile_of(wiki: str, variant: str | None = None) -> WikiProfile:
    """The shipped profile of a wiki. Raises `ConfigurationError` for a wiki, or a language variant of it, that is not known."""
    try:
        profile = load_profile(wiki)
    except ValueError as error:
        raise ConfigurationError(f"wikis: {error}") from error
    try:
        return profile if variant is None else profile.with_variant(variant)
    except ValueError as error:
        raise ConfigurationError(f"extract.variants: {error}") from error


def options_of(settings: ExtractSettings) -> Options:
    """The settings as the scanner takes them."""
    return Options(drop_sections=settings.drop_sections, math=settings.math, tables=settings.tables)


def corrected(profile: WikiProfile, *siteinfos: SiteInfo | None) -> WikiProfile:
    """The profile as the wiki itself has it; later ones win. Raises `ConfigurationError` for one of another wiki."""
    try:
        for siteinfo in siteinfos:
            profile = profile if siteinfo is None else profile.with_siteinfo(siteinfo)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    return profile


def survey(file: Location) -> Survey:
    """Read a dump file once."""
    digest = hashlib.sha256()
    with file.open() as opened:
        streams = scan_streams(opened, digest.update)
    if not file.name.endswith(".bz2"):
        streams = []
    elif streams and streams[0] > 0:
        streams = [0, *streams]  # what begins the file is no stream, which reading it will tell
    return Survey(file, file.size(), digest.hexdigest(), tuple(streams))


def plan_units(surveys: list[Survey], bytes_per_shard: int) -> list[Unit]:
    """The units of a dump, numbered across its files: runs of bz2 streams, or a whole file of another kind."""
    units: list[Unit] = []
    xml_bytes_per_shard = bytes_per_shard * _XML_BYTES_PER_COMPRESSED
    for found in surveys:
        boundaries = [*found.streams, found.bytes]
        for start, end in group_streams(found.streams, found.bytes, bytes_per_shard):
            first, last = bisect_left(boundaries, start), bisect_left(boundaries, end)
            own = tuple(boundaries[first : last + 1 + _STREAMS_BEYOND])
            units.append(Unit(len(units), found.file, end, own, xml_bytes_per_shard))
        if not found.streams:
            units.append(Unit(len(units), found.file, found.bytes, (), xml_bytes_per_shard))
        if len(found.streams) < 2 and found.bytes > _LARGE_WHOLE_BYTES:
            console.print(
                f"  warning: {found.file.name} ({found.bytes:,} bytes) is one stream, so one task reads all of it; "
                "the multistream form of the same dump is read in parallel",
                style="yellow",
            )
    return units


def siteinfo_of(file: Location, wiki: str) -> SiteInfo:
    """The dump's own siteinfo. Raises `ConfigurationError` if the dump is of another wiki."""
    with file.open() as opened:
        try:
            head = read_head(read_whole(opened, file.name), file.name)
        except (PageError, StreamError) as error:
            raise ConfigurationError(str(error)) from error
    if head.warning:
        console.print(f"  warning: {head.warning}", style="yellow")
    siteinfo = head.siteinfo
    if siteinfo.wiki and siteinfo.wiki != wiki:
        raise ConfigurationError(
            f"{file.name} says that it is a dump of {siteinfo.wiki!r}, not of {wiki!r}: check the file's name"
        )
    return siteinfo


def read_siteinfo_of(file: Location) -> SiteInfo:
    """What the file says. Raises `ConfigurationError` if it cannot be used."""
    try:
        return read_siteinfo_file(file.read_bytes(), file.name)
    except SiteInfoError as error:
        raise ConfigurationError(str(error)) from error


def extract_wiki(spark: SparkSession, settings: CorpusSettings, wiki: str, files: Sequence[str] | None = None) -> StageResult:
    """Publish `articles` and `rejects` of one wiki, unless they are up to date; `files` as for `locate_dump`."""
    folder, dump = locate_dump(settings, wiki, files)
    if dump.missing:
        console.print(f"  warning: parts of the dump of {wiki} are not there: {dump.missing}", style="yellow")
    with unchanged(folder / path for path in (*dump.pages, *dump.optional.values())):
        with show_progress(spark.sparkContext, f"survey {wiki}"):
            surveys = [survey(folder / path) for path in dump.pages]
            configuration = configuration_of(settings, folder, dump)
        inputs, output = [found.input for found in surveys], Location.of(settings.output_dir)
        articles = Publication(output, ARTICLES, {"wiki": wiki}, inputs, configuration)
        rejects = Publication(output, REJECTS, {"wiki": wiki}, inputs, configuration)
        if (current := articles.current()) is not None and (rejected := rejects.current()) is not None:
            return StageResult([current, rejected], skipped=True)
        articles.begin()
        rejects.begin()
        for name in sorted(LOSSES.keys() - dump.optional.keys()):
            console.print(f"  {wiki}: no {name} of {dump.date}: {LOSSES[name]}", style="dim")
        job = plan_job(spark, settings, folder, dump, articles.attempts)
        units = plan_units(surveys, settings.extract.bytes_per_shard)
        with show_progress(spark.sparkContext, f"extract {wiki}"):
            reports = map_tasks(spark, units, lambda unit: extract_unit(unit, job))
    further = {
        "optional_inputs_missing": len(LOSSES.keys() - dump.optional.keys()),
        "template_redirects": len(job.profile.template_redirects),
    }
    return StageResult(publish(articles, rejects, surveys, reports, further))


def configuration_of(settings: CorpusSettings, folder: Location, dump: Dump) -> dict[str, Any]:
    """What the rows depend on beside the pages: the wiki's settings, and the optional files.

    These are not among the inputs, whose entries account for pages; a change of them makes the tables new all the same.
    """
    return {
        "wiki": dump.wiki,
        "mode": settings.mode,
        **settings.extract.model_dump(exclude={"variants"}),
        "variant": settings.extract.variants.get(dump.wiki),
        "optional_inputs": optional_inputs(folder, dump),
    }


def publish(
    articles: Publication,
    rejects: Publication,
    surveys: list[Survey],
    reports: list[UnitReport],
    further: Mapping[str, int],
) -> list[Manifest]:
    """Publish what the units wrote, with the account of every file; `further` are counts of other things than pages."""
    per_file = {found.file.name: [report for report in reports if report.file == found.file.name] for found in surveys}
    lost = {found.file.name: lost_pages_of(found, per_file[found.file.name]) for found in surveys}
    inputs = [found.input | _account(per_file[found.file.name], len(lost[found.file.name])) for found in surveys]
    counters = account_of(reports)
    for count in ("pages", "rejected_pages"):
        counters[count] += sum(map(len, lost.values()))
    counters.update(further)
    rows = [row for report in reports for row in report.rejects] + [row for rows in lost.values() for row in rows]
    rejected = rejects.publish([_write_rejects(rejects.attempts, rows)], Counter(row["stage"] for row in rows), inputs)
    shards = number_shards(shard for report in reports for shard in report.shards)
    return [articles.publish(shards, counters, inputs), rejected]


def optional_inputs(folder: Location, dump: Dump) -> dict[str, dict[str, Any]]:
    """The optional files that are there, with size and checksum."""
    files = {name: folder / path for name, path in dump.optional.items()}
    return {name: {"name": file.name, "bytes": file.size(), "sha256": file.sha256()} for name, file in files.items()}


def plan_job(spark: SparkSession, settings: CorpusSettings, folder: Location, dump: Dump, attempts: Location) -> ExtractJob:
    """What all units of the dump share: the wiki as its own files describe it."""
    siteinfo = siteinfo_of(folder / dump.pages[0], dump.wiki)
    path = dump.optional.get("siteinfo-namespaces")
    own = None if path is None else read_siteinfo_of(folder / path)
    profile = corrected(profile_of(dump.wiki, settings.extract.variants.get(dump.wiki)), siteinfo, own)
    with show_progress(spark.sparkContext, f"side tables {dump.wiki}"):
        side = read_side_tables(spark, folder, dump)
    if side.template_redirects is not None:
        profile = with_known_redirects(profile, side.template_redirects)
    return ExtractJob(
        profile=profile,
        base=siteinfo.base,
        namespaces=namespaces_by_name(siteinfo),
        mode=settings.mode,
        options=options_of(settings.extract),
        attempts=attempts,
        disambiguations=side.disambiguations,
    )


def lost_pages_of(found: Survey, reports: list[UnitReport]) -> tuple[dict[str, Any], ...]:
    """Rows of `rejects` for the pages that a file's unreadable streams took with them, where its index names them."""
    bad = [stream for report in reports for stream in report.bad_streams]
    lost = name_lost_pages(found.file, found.streams, found.bytes, bad)
    if lost.warning is not None:
        console.print(f"  warning: {lost.warning}", style="yellow")
    return lost.rows


def _account(reports: list[UnitReport], lost: int) -> dict[str, Any]:
    """The page account of one file, of which `lost` pages are known by its index only, and how many streams are rejects.

    Raises `PublishError` when it does not close: then a page was lost or counted twice.
    """
    counters = account_of(reports)
    rows = sum(shard.rows for report in reports for shard in report.shards)
    account = {"pages": counters["pages"] + lost, "other_namespaces": counters["other_namespaces"], "rows": rows}
    account["rejected_pages"] = counters["rejected_pages"] + lost
    if account["pages"] != account["other_namespaces"] + account["rows"] + account["rejected_pages"]:
        raise PublishError(
            f"{reports[0].file}: pages = other namespaces + rows + rejects does not hold: {account}; nothing was published"
        )
    # Of such a stream without an index no page is in the account: this says that it is not of the whole file.
    account["rejected_streams"] = sum(row["unit"] == "stream" for report in reports for row in report.rejects)
    return account


def _write_rejects(folder: Location, rows: list[dict[str, Any]]) -> ShardReport:
    with ShardWriter(folder, shard_name(0), REJECTS.schema, _REJECT_ROW_GROUP_ROWS) as writer:
        writer.write_rows(rows)
    return writer.report


def extract_wikis(settings: CorpusSettings) -> int:
    """Run the stage for every wiki of the configuration."""
    return run_stage("extract", partial(extract_wiki, files=list_dumps(settings)), settings)

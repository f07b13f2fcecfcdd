"""The profile of a wiki, corrected by the siteinfo of its dump: packaged table, then head of the dump, then siteinfo file."""

from spark_jobs.common.console import console
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.dumps.export_head import read_head
from spark_jobs.dumps.page_errors import PageError
from spark_jobs.dumps.siteinfo_file import SiteInfoError, read_siteinfo_file
from spark_jobs.dumps.stream_decompression import StreamError, read_whole
from spark_jobs.extraction.wrong_wiki_errors import refuse_dump_of_other_wiki
from spark_jobs.wikis import SiteInfo, WikiProfile, load_profile


def find_profile(wiki: str, variant: str | None = None) -> WikiProfile:
    """The packaged profile of a wiki. Raises `ConfigurationError` for an unknown wiki and an unknown language variant."""
    try:
        profile = load_profile(wiki)
    except ValueError as error:
        raise ConfigurationError(f"wikis: {error}") from error
    try:
        return profile if variant is None else profile.with_variant(variant)
    except ValueError as error:
        raise ConfigurationError(f"extract.variants: {error}") from error


def correct_profile(profile: WikiProfile, *siteinfos: SiteInfo | None) -> WikiProfile:
    """The profile with the values of the siteinfos; later ones take precedence.

    Raises `ConfigurationError` for a siteinfo of another wiki.
    """
    try:
        for siteinfo in siteinfos:
            profile = profile if siteinfo is None else profile.with_siteinfo(siteinfo)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    return profile


def read_head_siteinfo(dump: Location, wiki: str) -> SiteInfo:
    """The siteinfo in the head of a dump file. Raises `ConfigurationError` if it cannot be read or is of another wiki."""
    with dump.open() as opened:
        try:
            head = read_head(read_whole(opened, dump.name), dump.name)
        except (PageError, StreamError) as error:
            raise ConfigurationError(str(error)) from error
    if head.warning:
        console.print(f"  warning: {head.warning}", style="yellow")
    refuse_dump_of_other_wiki(head.siteinfo, wiki, dump.name)
    return head.siteinfo


def load_siteinfo_file(file: Location) -> SiteInfo:
    """The siteinfo in a `siteinfo-namespaces` file. Raises `ConfigurationError` if it cannot be used."""
    try:
        return read_siteinfo_file(file.read_bytes(), file.name)
    except SiteInfoError as error:
        raise ConfigurationError(str(error)) from error

"""Command `download`: the newest finished dump of each wiki, from Wikimedia or a mirror. Imports no Spark."""

from collections.abc import Sequence

from rich import box
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table as Grid

from spark_jobs import __version__
from spark_jobs.common.console import console, print_table
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.retry_command import retry_command
from spark_jobs.config import CorpusSettings
from spark_jobs.dumps.remote.download_folder import make_local_folder
from spark_jobs.dumps.remote.dump_downloads import WikiDownload, download_dumps
from spark_jobs.dumps.remote.mirror_client import MirrorClient
from spark_jobs.dumps.remote.mirrors import find_mirror
from spark_jobs.wikis import load_profile

EXIT_INTERRUPTED = 130
"""Exit code of a command that was stopped by Ctrl-C."""
_POLICY = "https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy"


def download_wikis(settings: CorpusSettings) -> int:
    """Download the dumps of the configuration and print a table of them; returns the exit code."""
    for wiki in settings.wikis:
        try:
            load_profile(wiki)
        except ValueError as error:
            raise ConfigurationError(f"wikis: {error}") from error
    _print_warnings(settings)
    try:
        downloads = _download(settings)
    except KeyboardInterrupt:
        console.print("stopped; the bytes that have arrived are kept, and the same command continues from there", style="yellow")
        return EXIT_INTERRUPTED
    _print_results(downloads, settings)
    return int(any(download.failure is not None for download in downloads))


def _print_warnings(settings: CorpusSettings) -> None:
    mirror = find_mirror(settings.download.mirror)
    if mirror.warning:
        console.print(f"  warning: {mirror.url}: {mirror.warning}", style="yellow", highlight=False)
    if settings.download.contact is None:
        console.print(
            f"  warning: download.contact is not set; servers may block programs without a contact address ({_POLICY})",
            style="yellow", highlight=False, soft_wrap=True,
        )  # fmt: skip


def _download(settings: CorpusSettings) -> list[WikiDownload]:
    options, mirror = settings.download, find_mirror(settings.download.mirror)
    folder = make_local_folder(settings.dumps_dir)
    connections = options.connections or mirror.connections
    agent = format_user_agent(options.contact)
    with MirrorClient(mirror.url, agent, connections, options.timeout, options.attempts) as client:
        return download_dumps(client, settings.wikis, folder, connections, settings.date, options.optional)


def format_user_agent(contact: str | None) -> str:
    """The `User-Agent` that Wikimedia's policy asks for: name, version and contact. The client appends its library."""
    return f"leia-at-scale/{__version__} ({contact or 'no contact given'})"


def _print_results(downloads: Sequence[WikiDownload], settings: CorpusSettings) -> None:
    grid = Grid(title="Dumps", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("wiki", "date", "files", "bytes", "state"):
        grid.add_column(heading, justify="right" if heading in ("files", "bytes") else "left", no_wrap=heading != "state")
    for download in downloads:
        dump = download.dump
        figures = ("", "", "") if dump is None else (dump.date, str(len(dump.files)), decimal(dump.bytes))
        grid.add_row(download.wiki, *figures, escape(download.state), style="red" if download.failure else None)
    print_table(grid)
    console.print(f"the dumps are in {settings.dumps_dir}", highlight=False, markup=False, soft_wrap=True)
    if failed := [download.wiki for download in downloads if download.failure is not None]:
        console.print(
            f"{len(failed)} of {len(downloads)} wikis failed; again:  {retry_command(failed)}",
            style="red",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )

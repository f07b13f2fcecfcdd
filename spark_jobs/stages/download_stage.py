"""Fetch the newest finished dump of each wiki from Wikimedia or a mirror. Needs no Spark."""

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rich import box
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table as Grid

from spark_jobs import __version__
from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.console import console, print_table
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.retry_command import retry_command
from spark_jobs.config import CorpusSettings
from spark_jobs.dumps.remote.dump_status import RemoteDump, RemoteFile, StatusError, UnfinishedDumpError, days_of, finished_dump
from spark_jobs.dumps.remote.dump_status import with_checksums as checked_with
from spark_jobs.dumps.remote.mirror_client import DownloadError, NotThereError, Server, StoppedError
from spark_jobs.dumps.remote.mirrors import mirror_of
from spark_jobs.dumps.remote.transfer_progress import TransferProgress
from spark_jobs.wikis import load_profile

_DAYS_LOOKED_AT = 6
"""Dumps are made twice a month and kept for some months; who wants an older one than these gives `date`."""
_POLICY = "https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy"
_ENOUGH_ROOM = 2**20  # a file system that is full to the last byte serves nobody


@dataclass
class WikiOutcome:
    """What became of a wiki."""

    wiki: str
    dump: RemoteDump | None = None
    fetched: int = 0
    """Files that were not there before."""
    failure: str | None = None

    @property
    def state(self) -> str:
        """In words, for the table."""
        if self.failure is not None:
            return f"failed: {self.failure}"
        return "was there already" if not self.fetched else "is there"


def user_agent(contact: str | None) -> str:
    """Who asks, as Wikimedia's policy wants it: name and version, how to reach a person; the library is added behind."""
    return f"leia-at-scale/{__version__} ({contact or 'no contact given'})"


def choose_dump(server: Server, wiki: str, date: str | None = None, optional: bool = True) -> RemoteDump:
    """The newest finished dump of a wiki, or that of `date`, each file with its checksum.

    Raises `DownloadError` where there is none, naming the days that were looked at and what is missing in each.
    """
    days = [date] if date is not None else _days(server, wiki)
    reasons = []
    for day in islice(days, _DAYS_LOOKED_AT):
        folder = f"{wiki}/{day}"
        try:
            dump = finished_dump(server.read(f"{folder}/dumpstatus.json"), wiki, day, optional)
        except NotThereError:
            reasons.append(f"{day}: it has no dumpstatus.json here")
        except UnfinishedDumpError as error:
            reasons.append(f"{day}: {error}")
        except StatusError as error:
            raise DownloadError(f"{folder}/{error}") from error
        else:
            return _with_checksums(server, dump)
    raise DownloadError(f"no finished dump: {'; '.join(reasons) or 'the mirror lists no day'}")


def _days(server: Server, wiki: str) -> list[str]:
    try:
        return days_of(server.read(f"{wiki}/").decode("utf-8", "replace"))
    except NotThereError as error:
        raise DownloadError(f"the mirror has no dumps of it: {error}") from error


def _with_checksums(server: Server, dump: RemoteDump) -> RemoteDump:
    if all(file.sha1 is not None for file in dump.files):
        return dump
    path = f"{dump.folder}/{dump.wiki}-{dump.date}-sha1sums.txt"
    try:
        return checked_with(dump, server.read(path).decode("ascii", "replace"))
    except StatusError as error:
        raise DownloadError(f"{path}: {error}") from error


def is_there(folder: Path, file: RemoteFile) -> bool:
    """Whether the file is there whole: it gets its name only when its checksum was right."""
    path = folder / file.name
    return path.is_file() and path.stat().st_size == file.bytes


def local_folder(dumps_dir: str) -> Path:
    """The folder to write to. Raises `ConfigurationError` for a URI: what is gone on with must be on a disk."""
    if "://" in dumps_dir:
        raise ConfigurationError(
            f"dumps_dir: {dumps_dir!r} is not on this machine, and a download that can be gone on with needs a disk: give a "
            "local folder (--set dumps_dir=dumps), then copy it there (hdfs dfs -put, aws s3 sync)"
        )
    folder = Path(dumps_dir).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def check_room(folder: Path, dumps: Sequence[RemoteDump]) -> None:
    """Raise `ConfigurationError` if what is missing of the dumps does not fit on the disk."""
    missing = 0
    for dump in dumps:
        place = folder / dump.folder
        parts = (place / f"{file.name}.part" for file in dump.files)
        wanted = sum(file.bytes for file in dump.files if not is_there(place, file))
        missing += max(0, wanted - sum(part.stat().st_size for part in parts if part.exists()))
    free = shutil.disk_usage(folder).free
    if missing + _ENOUGH_ROOM > free:
        raise ConfigurationError(
            f"dumps_dir: {str(folder)!r} has {decimal(free)} free, and {decimal(missing)} are still to come: make room, choose "
            "fewer wikis, or give a folder on a larger disk"
        )


@contextmanager
def _stoppable(server: Server, threads: int) -> Iterator[ThreadPoolExecutor]:
    """A pool whose work ends soon when the body ends with an exception, Ctrl-C for one."""
    pool = ThreadPoolExecutor(threads)
    try:
        yield pool
    except BaseException:
        server.stop()
        console.print("stopping: connections that are silent are left after download.timeout", style="yellow")
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def download(settings: CorpusSettings) -> list[WikiOutcome]:
    """Fetch the dumps of all wikis; returns what became of each. A wiki that fails does not stop the others."""
    chosen, mirror = settings.download, mirror_of(settings.download.mirror)
    folder = local_folder(settings.dumps_dir)
    connections = chosen.connections or mirror.connections
    outcomes = {wiki: WikiOutcome(wiki) for wiki in settings.wikis}
    with (
        Server(mirror.url, user_agent(chosen.contact), connections, chosen.timeout, chosen.attempts) as server,
        _stoppable(server, connections) as pool,
    ):
        with console.status(f"which dumps are finished at {mirror.url}"):
            asked = {wiki: pool.submit(choose_dump, server, wiki, settings.date, chosen.optional) for wiki in settings.wikis}
            for wiki, answer in asked.items():
                _note(outcomes[wiki], answer)
        for outcome in outcomes.values():
            _tell_choice(outcome)
        dumps = [outcome.dump for outcome in outcomes.values() if outcome.dump is not None]
        check_room(folder, dumps)
        _fetch_all(server, pool, folder, outcomes)
    return list(outcomes.values())


def _note(outcome: WikiOutcome, answer: Future[RemoteDump]) -> None:
    try:
        outcome.dump = answer.result()
    except StoppedError:
        raise
    except DownloadError as error:
        outcome.failure = str(error)


def _tell_choice(outcome: WikiOutcome) -> None:
    if outcome.dump is None:
        console.print(f"  {outcome.wiki}: {outcome.failure}", style="red", highlight=False, markup=False)
        return
    dump = outcome.dump
    absent = f"; the dump has no {', '.join(dump.absent)}" if dump.absent else ""
    console.print(f"  {dump.wiki}: {dump.date}, {len(dump.files)} files, {decimal(dump.bytes)}{absent}", highlight=False)


def _fetch_all(server: Server, pool: ThreadPoolExecutor, folder: Path, outcomes: dict[str, WikiOutcome]) -> None:
    dumps = {wiki: outcome.dump for wiki, outcome in outcomes.items() if outcome.dump is not None}
    missing = {wiki: [file for file in dump.files if not is_there(folder / dump.folder, file)] for wiki, dump in dumps.items()}
    with TransferProgress(sum(file.bytes for files in missing.values() for file in files)) as progress:
        fetches: list[tuple[str, Future[None]]] = []
        for wiki, dump in dumps.items():
            (folder / dump.folder).mkdir(parents=True, exist_ok=True)
            fetches += [(wiki, pool.submit(_fetch, server, folder, dump, file, progress)) for file in missing[wiki]]
        for wiki, fetch in fetches:
            try:
                fetch.result()
                outcomes[wiki].fetched += 1
            except StoppedError:
                raise
            except (DownloadError, OSError) as error:
                outcomes[wiki].failure = str(error)
                console.print(f"  {wiki}: {error}", style="red", highlight=False, markup=False)
    for wiki, dump in dumps.items():
        if outcomes[wiki].failure is None:
            _write_checksums(folder / dump.folder, dump)


def _fetch(server: Server, folder: Path, dump: RemoteDump, file: RemoteFile, progress: TransferProgress) -> None:
    with progress.of_file(file.name, file.bytes) as tell:
        server.fetch(f"{dump.folder}/{file.name}", file, folder / dump.folder / file.name, tell)


def _write_checksums(place: Path, dump: RemoteDump) -> None:
    path = place / f"{dump.wiki}-{dump.date}-sha1sums.txt"
    write_text_atomically(path, "".join(f"{file.sha1}  {file.name}\n" for file in dump.files))


def _show(outcomes: Sequence[WikiOutcome], settings: CorpusSettings) -> None:
    grid = Grid(title="Dumps", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("wiki", "date", "files", "bytes", "state"):
        grid.add_column(heading, justify="right" if heading in ("files", "bytes") else "left", no_wrap=heading != "state")
    for outcome in outcomes:
        dump = outcome.dump
        figures = ("", "", "") if dump is None else (dump.date, str(len(dump.files)), decimal(dump.bytes))
        grid.add_row(outcome.wiki, *figures, escape(outcome.state), style="red" if outcome.failure else None)
    print_table(grid)
    console.print(f"dumps lie in {settings.dumps_dir}", highlight=False, markup=False, soft_wrap=True)
    if failed := [outcome.wiki for outcome in outcomes if outcome.failure is not None]:
        again = retry_command(failed)
        console.print(
            f"{len(failed)} of {len(outcomes)} wikis failed; again:  {again}",
            style="red",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def download_wikis(settings: CorpusSettings) -> int:
    """Fetch what the configuration says and show what is there."""
    for wiki in settings.wikis:
        try:
            load_profile(wiki)
        except ValueError as error:
            raise ConfigurationError(f"wikis: {error}") from error
    mirror = mirror_of(settings.download.mirror)
    if mirror.warning:
        console.print(f"  warning: {mirror.url}: {mirror.warning}", style="yellow", highlight=False)
    if settings.download.contact is None:
        console.print(
            f"  warning: download.contact is not given; programs that do not say whom to write to may be blocked ({_POLICY})",
            style="yellow", highlight=False, soft_wrap=True,
        )  # fmt: skip
    try:
        outcomes = download(settings)
    except KeyboardInterrupt:
        console.print("stopped; what has arrived is kept, and the same command goes on there", style="yellow")
        return 130
    _show(outcomes, settings)
    return int(any(outcome.failure is not None for outcome in outcomes))

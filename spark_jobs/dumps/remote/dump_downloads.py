"""The dumps of several wikis, chosen and downloaded in parallel. A wiki that fails does not stop the others."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.filesize import decimal

from spark_jobs.common.console import console
from spark_jobs.dumps.remote.download_errors import DownloadError, StoppedError
from spark_jobs.dumps.remote.download_folder import check_disk_space, is_complete, write_checksum_list
from spark_jobs.dumps.remote.dump_choice import choose_dump
from spark_jobs.dumps.remote.dump_status import RemoteDump, RemoteFile
from spark_jobs.dumps.remote.mirror_client import MirrorClient
from spark_jobs.dumps.remote.transfer_progress import TransferProgress


@dataclass
class WikiDownload:
    """The download of one wiki: its dump, the files fetched, and why it failed."""

    wiki: str
    dump: RemoteDump | None = None
    fetched: int = 0
    """Files that were missing before."""
    failure: str | None = None

    @property
    def state(self) -> str:
        """The result in words, for the table."""
        if self.failure is not None:
            return f"failed: {self.failure}"
        return "was there already" if not self.fetched else "is there"


def download_dumps(
    client: MirrorClient,
    wikis: Sequence[str],
    folder: Path,
    threads: int,
    date: str | None = None,
    optional: bool = True,
) -> list[WikiDownload]:
    """Download the newest finished dump of each wiki, or that of `date`, into `folder`; returns one result for each wiki.

    Raises `ConfigurationError` before the first file if the disk is too small.
    """
    downloads = {wiki: WikiDownload(wiki) for wiki in wikis}
    with _stoppable_pool(client, threads) as pool:
        with console.status("looking for finished dumps"):
            choices = {wiki: pool.submit(choose_dump, client, wiki, date, optional) for wiki in wikis}
            for wiki, choice in choices.items():
                _note_choice(downloads[wiki], choice)
        for download in downloads.values():
            _print_choice(download)
        check_disk_space(folder, [download.dump for download in downloads.values() if download.dump is not None])
        _fetch_all(client, pool, folder, downloads)
    return list(downloads.values())


@contextmanager
def _stoppable_pool(client: MirrorClient, threads: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads that stops soon when the body raises, for example on Ctrl-C."""
    pool = ThreadPoolExecutor(threads)
    try:
        yield pool
    except BaseException:
        client.stop()
        console.print("stopping: silent connections are closed after download.timeout", style="yellow")
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _note_choice(download: WikiDownload, choice: Future[RemoteDump]) -> None:
    try:
        download.dump = choice.result()
    except StoppedError:
        raise
    except DownloadError as error:
        download.failure = str(error)


def _print_choice(download: WikiDownload) -> None:
    if download.dump is None:
        console.print(f"  {download.wiki}: {download.failure}", style="red", highlight=False, markup=False)
        return
    dump = download.dump
    absent = f"; the dump has no {', '.join(dump.absent)}" if dump.absent else ""
    console.print(f"  {dump.wiki}: {dump.date}, {len(dump.files)} files, {decimal(dump.bytes)}{absent}", highlight=False)


def _fetch_all(client: MirrorClient, pool: ThreadPoolExecutor, folder: Path, downloads: dict[str, WikiDownload]) -> None:
    dumps = {wiki: download.dump for wiki, download in downloads.items() if download.dump is not None}
    missing = {wiki: [file for file in dump.files if not is_complete(folder / dump.folder, file)] for wiki, dump in dumps.items()}
    with TransferProgress(sum(file.bytes for files in missing.values() for file in files)) as progress:
        fetches: list[tuple[str, Future[None]]] = []
        for wiki, dump in dumps.items():
            (folder / dump.folder).mkdir(parents=True, exist_ok=True)
            fetches += [(wiki, pool.submit(_fetch, client, folder, dump, file, progress)) for file in missing[wiki]]
        for wiki, fetch in fetches:
            try:
                fetch.result()
                downloads[wiki].fetched += 1
            except StoppedError:
                raise
            except (DownloadError, OSError) as error:
                downloads[wiki].failure = str(error)
                console.print(f"  {wiki}: {error}", style="red", highlight=False, markup=False)
    for wiki, dump in dumps.items():
        if downloads[wiki].failure is None:
            write_checksum_list(folder, dump)


def _fetch(client: MirrorClient, folder: Path, dump: RemoteDump, file: RemoteFile, progress: TransferProgress) -> None:
    with progress.track_file(file.name, file.bytes) as report_bytes:
        client.fetch(f"{dump.folder}/{file.name}", file, folder / dump.folder / file.name, report_bytes)

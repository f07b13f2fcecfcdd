"""The choice of the dump to download: the newest finished one of a wiki, or that of a given day."""

from itertools import islice

from spark_jobs.dumps.remote.download_errors import DownloadError, NotThereError
from spark_jobs.dumps.remote.dump_status import (
    RemoteDump,
    StatusError,
    UnfinishedDumpError,
    add_checksums,
    list_days,
    select_files,
)
from spark_jobs.dumps.remote.mirror_client import MirrorClient

_DAYS_TRIED = 6
"""Dumps are made twice a month and kept for some months. An older one must be chosen by its `date`."""


def choose_dump(client: MirrorClient, wiki: str, date: str | None = None, optional: bool = True) -> RemoteDump:
    """The newest finished dump of a wiki, or that of `date`, each file with its checksum.

    Raises `DownloadError` if none is finished, naming the days that were tried and the unfinished jobs of each.
    """
    days = [date] if date is not None else _list_days(client, wiki)
    reasons = []
    for day in islice(days, _DAYS_TRIED):
        folder = f"{wiki}/{day}"
        try:
            dump = select_files(client.read(f"{folder}/dumpstatus.json"), wiki, day, optional)
        except NotThereError:
            reasons.append(f"{day}: it has no dumpstatus.json here")
        except UnfinishedDumpError as error:
            reasons.append(f"{day}: {error}")
        except StatusError as error:
            raise DownloadError(f"{folder}/{error}") from error
        else:
            return _complete_checksums(client, dump)
    raise DownloadError(f"no finished dump: {'; '.join(reasons) or 'the mirror lists no day'}")


def _list_days(client: MirrorClient, wiki: str) -> list[str]:
    try:
        return list_days(client.read(f"{wiki}/").decode("utf-8", "replace"))
    except NotThereError as error:
        raise DownloadError(f"the mirror has no dumps of it: {error}") from error


def _complete_checksums(client: MirrorClient, dump: RemoteDump) -> RemoteDump:
    if all(file.sha1 is not None for file in dump.files):
        return dump
    path = f"{dump.folder}/{dump.wiki}-{dump.date}-sha1sums.txt"
    try:
        return add_checksums(dump, client.read(path).decode("ascii", "replace"))
    except StatusError as error:
        raise DownloadError(f"{path}: {error}") from error

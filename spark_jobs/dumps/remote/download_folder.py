"""The local folder of a download: which files are complete, whether the rest fits on the disk, and the list of checksums."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from rich.filesize import decimal

from spark_jobs.common.atomic_files import write_text_atomically
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.dumps.remote.dump_status import RemoteDump, RemoteFile

_SPARE_BYTES = 2**20
"""Bytes of the disk that a download leaves free."""


def make_local_folder(dumps_dir: str) -> Path:
    """The folder to write to, made if it is missing. Raises `ConfigurationError` for a URI: resuming needs a local disk."""
    if "://" in dumps_dir:
        raise ConfigurationError(
            f"dumps_dir: {dumps_dir!r} is not on this machine, and a resumable download needs a local disk. Use a local folder "
            "(--set dumps_dir=dumps), then copy it there (hdfs dfs -put, aws s3 sync)"
        )
    folder = Path(dumps_dir).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def is_complete(folder: Path, file: RemoteFile) -> bool:
    """Whether the file was downloaded completely: it gets its name only after its checksum was verified."""
    path = folder / file.name
    return path.is_file() and path.stat().st_size == file.bytes


def check_disk_space(folder: Path, dumps: Iterable[RemoteDump]) -> None:
    """Raise `ConfigurationError` if the missing bytes of the dumps do not fit on the disk of `folder`."""
    missing = 0
    for dump in dumps:
        place = folder / dump.folder
        parts = (place / f"{file.name}.part" for file in dump.files)
        wanted = sum(file.bytes for file in dump.files if not is_complete(place, file))
        missing += max(0, wanted - sum(part.stat().st_size for part in parts if part.exists()))
    free = shutil.disk_usage(folder).free
    if missing + _SPARE_BYTES > free:
        raise ConfigurationError(
            f"dumps_dir: {str(folder)!r} has {decimal(free)} free, and {decimal(missing)} are still to come: make room, choose "
            "fewer wikis, or use a folder on a larger disk"
        )


def write_checksum_list(folder: Path, dump: RemoteDump) -> None:
    """Write the checksums of a complete dump into its folder, in the format of `sha1sum -c`."""
    path = folder / dump.folder / f"{dump.wiki}-{dump.date}-sha1sums.txt"
    write_text_atomically(path, "".join(f"{file.sha1}  {file.name}\n" for file in dump.files))

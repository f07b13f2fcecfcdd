"""`python -m training.verify_data --config conf/train/tiny.yaml`: read every byte of the corpus and compare checksums.

Opening a corpus checks sizes and footers, and reading a row group checks its pages; this finds a shard that was changed in any
other way, and names it. Every shard is looked at, whatever was found before.
"""

import hashlib

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from spark_jobs.common.command_line import command
from training.config import TrainSettings
from training.data.corpus_errors import CorpusError
from training.data.encoded_corpus import open_corpus
from training.data.ordered_threads import map_in_order
from training.data.read_retries import read_with_retries
from training.data.row_groups import ShardFile

_CHUNK = 1 << 22
_AT_ONCE = 4


def sha256(file: ShardFile, progress: Progress | None = None) -> str:
    """Checksum of a whole shard."""

    def read() -> str:
        digest = hashlib.sha256()
        with file.location.open() as source:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                if progress is not None:
                    progress.advance(progress.task_ids[0], len(chunk))
        return digest.hexdigest()

    return read_with_retries(read, file.where, file.attempts)


def verify(settings: TrainSettings) -> int:
    """Hash every shard.

    Raises:
        CorpusError: naming all shards that are not what their manifest says.
    """
    corpus = open_corpus(settings.data)
    files = [file for wiki in corpus.wikis for file in wiki.files]
    size = sum(file.location.size() for file in files)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task("", total=size)
        found = list(map_in_order(lambda file: sha256(file, progress), files, _AT_ONCE, 2 * _AT_ONCE))
    wrong = [
        f"{file.where} has sha256 {own[:16]}…, the manifest says {file.sha256[:16]}…"
        for file, own in zip(files, found, strict=True)
        if own != file.sha256
    ]
    if wrong:
        raise CorpusError(
            f"{len(wrong)} of {len(files)} shards are not what was published; build these wikis again:\n  " + "\n  ".join(wrong)
        )
    Console().print(f"{len(files)} shards, {size:,} bytes: all as published (data {corpus.fingerprint})", highlight=False)
    return 0


if __name__ == "__main__":
    command(TrainSettings, verify, "Read every byte of an encoded corpus and compare it with the checksums of its manifests.")

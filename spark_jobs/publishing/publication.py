"""Publish a folder of shards: all of it, with its manifest, or nothing.

    <output_dir>/_staging/<unit>/attempts/   what attempts write
    <output_dir>/_staging/<unit>/ready/      shards under their final names, then the manifest
    <output_dir>/<table>/wiki=<wiki>/        `ready`, renamed in one step

An object store has no such step: there the files are copied one by one and the manifest last, after the older one was removed
first. So on S3 a folder is published when its manifest is there, and readers must look for it.

A killed run leaves `_staging`, which the next run of the stage removes. Replacing an older folder takes two renames, the old one
out and the new one in; a run that was killed between them is put right by the next, which takes the old one back. One build
at a time may write to an output folder. The manifest says nothing of time or place, so the same inputs, configuration and code
give the same bytes of everything that is published.
"""

import functools
import hashlib
import importlib.resources
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from importlib.resources.abc import Traversable
from typing import Any

import pyarrow.parquet as pq

from spark_jobs import __version__
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.contract.manifest import MANIFEST, Manifest, Shard, read_manifest
from spark_jobs.contract.row_hash import add_hashes
from spark_jobs.contract.schema_version import SCHEMA_VERSION
from spark_jobs.contract.table_schemas import Table
from spark_jobs.publishing.shard_files import PARQUET, ShardReport

_STAGING = "_staging"
_SHAPING_LIBRARIES = ("pyarrow", "lxml", "tokenizers")


class PublishError(RuntimeError):
    """What was written is not what was reported, or does not add up; nothing was published."""


@functools.cache
def code_version() -> str:
    """Release, and the first 12 hex digits of a sha256 over the engine's own files and the libraries that shape its output."""
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in _SHAPING_LIBRARIES).encode())
    for name, data in sorted(_sources(importlib.resources.files("spark_jobs"), "")):
        digest.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def _sources(folder: Traversable, prefix: str) -> Iterable[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _sources(entry, f"{prefix}{entry.name}/")
        elif entry.is_file() and not entry.name.endswith(".pyc"):
            yield f"{prefix}{entry.name}", entry.read_bytes()


class Publication:
    """One folder that is published as a whole: a table, its partition, what it is made from."""

    def __init__(
        self,
        output: Location,
        table: Table,
        partition: Mapping[str, str],
        inputs: Sequence[Mapping[str, Any]],
        configuration: Mapping[str, Any],
    ) -> None:
        """`inputs` and `configuration` decide whether a folder that is already there is up to date."""
        self.table = table
        self.partition = {name: partition[name] for name in table.partitions}
        self.inputs = [dict(entry) for entry in inputs]
        self.configuration = dict(configuration)
        self.folder = output / table.folder(self.partition)
        self._staging = output / _STAGING / "-".join([table.name, *self.partition.values()])

    @property
    def attempts(self) -> Location:
        """The folder for attempts' files."""
        return self._staging / "attempts"

    def current(self) -> Manifest | None:
        """The published manifest if it was made from the same inputs, configuration and code and its files are there."""
        self._take_back()
        try:
            manifest = read_manifest(self.folder)
        except ConfigurationError:  # missing, damaged, or of another major version
            return None
        wanted = (SCHEMA_VERSION, self.configuration, code_version(), [_identity(entry) for entry in self.inputs])
        inputs = [_identity(entry) for entry in manifest.inputs]
        found = (manifest.schema_version, manifest.configuration, manifest.code_version, inputs)
        if wanted != found:
            return None
        intact = all((file := self.folder / s.path).exists() and file.size() == s.bytes for s in manifest.shards)
        return manifest if intact else None

    def begin(self) -> None:
        """Remove what a killed run left behind and make room for attempts."""
        self._take_back()
        self._staging.remove_folder()
        self.attempts.make_folder()

    def _take_back(self) -> None:
        """Undo a replacement that was killed between its two renames."""
        replaced = self._staging / "replaced"
        if not self.folder.exists() and replaced.exists():
            replaced.move_to(self.folder)

    def publish(
        self, shards: Sequence[ShardReport], counters: Mapping[str, int], inputs: Sequence[Mapping[str, Any]] | None = None
    ) -> Manifest:
        """Put the reported shards in place with their manifest, replacing an older publication.

        `inputs` may repeat the inputs with further figures. Raises `PublishError` if a file disagrees with its report.
        """
        ready = self._staging / "ready"
        ready.make_folder()
        ordered = sorted(shards, key=lambda report: report.name)
        for report in ordered:
            self._check(report)
            (self.attempts / report.attempt).move_to(ready / report.name)
        manifest = Manifest(
            schema_version=SCHEMA_VERSION,
            table=self.table.name,
            partition=self.partition,
            rows=sum(report.rows for report in ordered),
            bytes=sum(report.bytes for report in ordered),
            row_hash=f"{add_hashes(report.row_hash for report in ordered):032x}",
            shards=[Shard(path=r.name, rows=r.rows, bytes=r.bytes, sha256=r.sha256) for r in ordered],
            inputs=[dict(entry) for entry in (self.inputs if inputs is None else inputs)],
            configuration=self.configuration,
            code_version=code_version(),
            counters=dict(sorted(counters.items())),
        )
        (ready / MANIFEST).write_bytes(manifest.model_dump_json(indent=1).encode())
        self._make_room()
        ready.put_folder(self.folder, last=MANIFEST)
        self._staging.remove_folder()
        return manifest

    def _check(self, report: ShardReport) -> None:
        """Refuse an attempt that is not what its task reported: by the rows of its footer, or where it has none by its size."""
        attempt = self.attempts / report.attempt
        if not report.name.endswith(PARQUET):
            if (size := attempt.size()) != report.bytes:
                raise PublishError(f"{report.attempt} has {size} bytes, its task reported {report.bytes}; nothing was published")
            return
        with attempt.open() as file:
            rows = pq.read_metadata(file).num_rows
        if rows != report.rows:
            raise PublishError(f"{report.attempt} holds {rows} rows, its task reported {report.rows}; nothing was published")

    def _make_room(self) -> None:
        """Take away an older publication."""
        if not self.folder.exists():
            return
        if self.folder.renames_folders:
            self.folder.move_to(self._staging / "replaced")
            return
        if (self.folder / MANIFEST).exists():
            (self.folder / MANIFEST).remove()  # first: without it nothing is published
        self.folder.remove_folder()


def _identity(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What makes an input the same: its name and its content, not what was counted in it."""
    return {key: entry[key] for key in ("name", "bytes", "sha256", "row_hash") if key in entry}


def table_input(manifest: Manifest) -> dict[str, Any]:
    """A published table as an input of the next stage: its rows, and how they are dealt to files."""
    digest = hashlib.sha256("".join(f"{shard.sha256} {shard.path}\n" for shard in manifest.shards).encode()).hexdigest()
    return {"name": "/".join([manifest.table, *manifest.partition.values()]), "row_hash": manifest.row_hash, "sha256": digest}

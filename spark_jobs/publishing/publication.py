"""Publication of a folder of shards with its manifest: all of it or nothing.

    <output_dir>/_staging/<table>-<wiki>/attempts/   files that attempts write
    <output_dir>/_staging/<table>-<wiki>/ready/      shards under their final names, then the manifest
    <output_dir>/<table>/wiki=<wiki>/                `ready`, renamed in one step

S3 cannot rename a folder. There the old manifest is removed first, then the files are copied one by one, the new manifest last.
So a folder on S3 is published when its manifest exists, and readers must check for it.

A killed run leaves `_staging`; the next run of the stage removes it. Replacing an older folder takes two renames: the old folder
out, the new one in. If a run is killed between them, the next run restores the old folder. Only one build at a time may write
to an output folder. The same inputs, configuration and code publish the same bytes.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.contract.manifest import MANIFEST, Manifest, Shard, read_manifest
from spark_jobs.contract.row_hash import add_hashes
from spark_jobs.contract.schema_version import SCHEMA_VERSION
from spark_jobs.contract.table_schemas import Table
from spark_jobs.publishing.code_version import code_version
from spark_jobs.publishing.shard_writer import PARQUET, ShardReport

STAGING = "_staging"


class PublishError(RuntimeError):
    """The files disagree with their reports, or the counts do not add up; nothing was published."""


class Publication:
    """One folder to publish: its table, its partition and its inputs."""

    def __init__(
        self,
        output: Location,
        table: Table,
        partition: Mapping[str, str],
        inputs: Sequence[Mapping[str, Any]],
        configuration: Mapping[str, Any],
    ) -> None:
        """`inputs` and `configuration` decide whether an existing folder is up to date."""
        self.table = table
        self.partition = {name: partition[name] for name in table.partitions}
        self.inputs = [dict(entry) for entry in inputs]
        self.configuration = dict(configuration)
        self.folder = output / table.folder(self.partition)
        self._staging = output / STAGING / "-".join([table.name, *self.partition.values()])

    @property
    def attempts(self) -> Location:
        """The folder that attempts write to."""
        return self._staging / "attempts"

    def current(self) -> Manifest | None:
        """The published manifest, if it has the same inputs, configuration and code and its files are complete; else None."""
        self._restore_replaced()
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
        """Remove the files of a killed run and create the folder for attempts."""
        self._restore_replaced()
        self._staging.remove_folder()
        self.attempts.make_folder()

    def _restore_replaced(self) -> None:
        """Restore the old folder if a run was killed between the two renames of a replacement."""
        replaced = self._staging / "replaced"
        if not self.folder.exists() and replaced.exists():
            replaced.move_to(self.folder)

    def publish(
        self, shards: Sequence[ShardReport], counters: Mapping[str, int], inputs: Sequence[Mapping[str, Any]] | None = None
    ) -> Manifest:
        """Move the reported shards and their manifest to the published folder, replacing an older publication.

        `inputs` may repeat the inputs with further counts. Raises `PublishError` if a file disagrees with its report.
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
        self._remove_published()
        ready.put_folder(self.folder, last=MANIFEST)
        self._staging.remove_folder()
        return manifest

    def _check(self, report: ShardReport) -> None:
        """Compare a file with its report: the rows in the Parquet footer, or the size of other files."""
        attempt = self.attempts / report.attempt
        if not report.name.endswith(PARQUET):
            if (size := attempt.size()) != report.bytes:
                raise PublishError(f"{report.attempt} has {size} bytes, its task reported {report.bytes}; nothing was published")
            return
        with attempt.open() as file:
            rows = pq.read_metadata(file).num_rows
        if rows != report.rows:
            raise PublishError(f"{report.attempt} holds {rows} rows, its task reported {report.rows}; nothing was published")

    def _remove_published(self) -> None:
        """Move an older publication to `_staging`, or on S3 delete it."""
        if not self.folder.exists():
            return
        if self.folder.renames_folders:
            self.folder.move_to(self._staging / "replaced")
            return
        if (self.folder / MANIFEST).exists():
            (self.folder / MANIFEST).remove()  # first: a folder without a manifest is not published
        self.folder.remove_folder()


def _identity(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that identify an input: its name and its content, without counts."""
    return {key: entry[key] for key in ("name", "bytes", "sha256", "row_hash") if key in entry}


def table_input(manifest: Manifest) -> dict[str, Any]:
    """A published table as an input of the next stage: its rows, and their distribution over files."""
    digest = hashlib.sha256("".join(f"{shard.sha256} {shard.path}\n" for shard in manifest.shards).encode()).hexdigest()
    return {"name": "/".join([manifest.table, *manifest.partition.values()]), "row_hash": manifest.row_hash, "sha256": digest}

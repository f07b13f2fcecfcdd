"""The manifest of a published folder (`_manifest.json`): its fields, and the one reader of manifests.

A folder is published when its manifest is there. Needs pydantic, not pyspark.
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.contract.schema_version import check_schema_version

MANIFEST = "_manifest.json"
"""File name of the manifest."""


class Shard(BaseModel):
    """One file of a published folder."""

    path: str
    """File name, relative to the manifest's folder."""
    rows: int
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """The contents and the origin of a published folder. Holds neither times nor places: the same data has the same manifest."""

    schema_version: str
    table: str
    partition: dict[str, str]
    """Hive partition columns of the folder, `{"wiki": "jawiki"}`."""
    rows: int
    bytes: int
    row_hash: str
    """Hash of the rows as a multiset, 32 hex digits: it does not depend on how rows are ordered, split into files or encoded."""
    shards: list[Shard]
    inputs: list[dict[str, Any]]
    """Files or tables that were read: `name`, `bytes` and `sha256` of a file, `name` and `row_hash` of a table."""
    configuration: dict[str, Any]
    """The part of the configuration that the rows depend on."""
    code_version: str
    counters: dict[str, int]
    """Counted from the rows that were written."""


def read_manifest(folder: Location | Path) -> Manifest:
    """The manifest of a published folder.

    Raises `ConfigurationError` if the manifest is missing (nothing was published), damaged, of another major version, or of
    another folder: renaming a folder does not rename its content.
    """
    location = folder if isinstance(folder, Location) else Location.of(str(folder))
    path = location / MANIFEST
    if not path.exists():
        raise ConfigurationError(f"{path} does not exist: nothing was published in {location}; run the stage that writes it")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        key, message = ".".join(map(str, error.errors()[0]["loc"])), error.errors()[0]["msg"]
        raise ConfigurationError(
            f"{path} cannot be read as a manifest ({error.error_count()} problems, first: {f'{key}: ' * bool(key)}{message}): "
            "rebuild the table"
        ) from error
    check_schema_version(manifest.schema_version, str(path))
    if (contradiction := find_contradiction(location.path, manifest)) is not None:
        raise ConfigurationError(
            f"{path} belongs to another folder: {contradiction}. Give the folder its own name back, or rebuild the table"
        )
    return manifest


def find_contradiction(folder: str, manifest: Manifest) -> str | None:
    """The first part of a folder's name that contradicts its manifest, as a clause; None where there is none.

    Compared are the Hive partitions in the path, and the folder above them, which has the table's name. A folder outside a
    corpus, without partitions in its path, contradicts nothing.

    >>> names = {"schema_version": "1.0", "table": "names", "partition": {"wiki": "jawiki"}}
    >>> find_contradiction("corpus/names/wiki=eswiki", Manifest.model_construct(**names))
    "the folder is wiki=eswiki, its content is wiki='jawiki'"
    """
    above = ""
    for part in folder.split("/"):
        name, is_partition, value = part.partition("=")
        if not is_partition or name not in manifest.partition:
            above = part
            continue
        if value != manifest.partition[name]:
            return f"the folder is {part}, its content is {name}={manifest.partition[name]!r}"
        if above not in ("", manifest.table):
            return f"the folder is {above}/{part}, its content is the table {manifest.table!r}"
        above = ""
    return None


def find_manifests(corpus: Location) -> dict[str, Manifest]:
    """The manifests of all published folders of a corpus, by folder relative to it, sorted.

    Folders whose names begin with `_` hold nothing published. Raises `ConfigurationError` like `read_manifest`.
    """
    folders = [path.rpartition("/")[0] for path in corpus.files() if path.rpartition("/")[2] == MANIFEST]
    published = [folder for folder in folders if not any(part.startswith("_") for part in folder.split("/"))]
    return {folder: read_manifest(corpus / folder) for folder in published}

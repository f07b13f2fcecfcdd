"""Tables that an earlier stage published, as the input of the next one."""

from collections.abc import Mapping

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.contract.manifest import MANIFEST, Manifest
from spark_jobs.contract.schema_version import check_schema_version
from spark_jobs.contract.table_schemas import Table


def find_published(corpus: Location, table: Table, partition: Mapping[str, str], stage: str) -> tuple[Location, Manifest]:
    """The folder and manifest of a published table. Raises `ConfigurationError` that names the `stage` to run first."""
    folder = corpus / table.folder(partition)
    path = folder / MANIFEST
    if not path.exists():
        raise ConfigurationError(f"{path.path} does not exist: run the stage {stage!r} for {partition['wiki']} first")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
        check_schema_version(manifest.schema_version, path.path)
    except ValueError as error:
        raise ConfigurationError(f"{path.path} cannot be used: {error}; run the stage {stage!r} again") from error
    return folder, manifest

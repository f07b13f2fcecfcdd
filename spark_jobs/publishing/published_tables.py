"""Tables that an earlier stage published, as the input of the next one."""

from collections.abc import Mapping

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.contract.manifest import MANIFEST, Manifest, read_manifest
from spark_jobs.contract.table_schemas import Table


def find_published(corpus: Location, table: Table, partition: Mapping[str, str], stage: str) -> tuple[Location, Manifest]:
    """The folder and manifest of a published table. Raises `ConfigurationError` that names the `stage` to run first."""
    folder = corpus / table.folder(partition)
    if not (folder / MANIFEST).exists():
        raise ConfigurationError(f"{folder / MANIFEST} does not exist: run the stage {stage!r} for {partition['wiki']} first")
    try:
        return folder, read_manifest(folder)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error} (run the stage {stage!r} again)") from error

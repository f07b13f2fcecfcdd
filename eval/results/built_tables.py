"""The published tables of a corpus: their manifests, and the rows of `augmented`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eval.results.input_checks import require_path
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.contract.manifest import Manifest, find_manifests, read_manifest


def read_build_manifests(corpus: Path) -> list[tuple[Path, Manifest]]:
    """Every published folder below `corpus`, sorted by path, with its manifest."""
    try:
        found = find_manifests(Location.of(str(corpus)))
    except ConfigurationError as error:
        raise ConfigurationError(f"corpus: {error}; build the corpus again") from error
    return sorted(((corpus / folder, manifest) for folder, manifest in found.items()), key=lambda entry: entry[0])


def read_augmented(corpus: Path, wiki: str) -> Iterator[dict[str, Any]]:
    """The rows of one wiki's `augmented` table with title, text and entities; one batch in memory at a time."""
    import pyarrow.parquet as pq

    folder = corpus / "augmented" / f"wiki={wiki}"
    require_path(folder, "corpus", "build the corpus with python -m spark_jobs.build")
    read_manifest(folder)  # refuses a folder that is not published, or has the name of another wiki
    for path in sorted(folder.glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(batch_size=256, columns=["title", "text", "entities"]):
            yield from batch.to_pylist()

"""The published tables of a corpus: their manifests, and the rows of `augmented`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from eval.results.input_checks import require_path, summarize_validation_error
from spark_jobs.common.errors import ConfigurationError
from spark_jobs.contract.table_schemas import MANIFEST, Manifest, read_manifest


def read_build_manifests(corpus: Path) -> list[tuple[Path, Manifest]]:
    """Every published folder below `corpus`, sorted by path, with its manifest; folders `_...` are not published."""
    found = []
    for path in sorted(corpus.rglob(MANIFEST)):
        if any(part.startswith("_") for part in path.parent.relative_to(corpus).parts):
            continue
        try:
            found.append((path.parent, read_manifest(path.parent)))
        except ValidationError as error:
            raise ConfigurationError(
                f"corpus: {path} cannot be read as a manifest: {summarize_validation_error(error)}; build that table again"
            ) from error
        except ValueError as error:  # another major version
            raise ConfigurationError(
                f"corpus: {error}; build the corpus again, or read it with the code that wrote it"
            ) from error
    return found


def read_augmented(corpus: Path, wiki: str) -> Iterator[dict[str, Any]]:
    """The rows of one wiki's `augmented` table with title, text and entities; one batch in memory at a time."""
    import pyarrow.parquet as pq

    folder = corpus / "augmented" / f"wiki={wiki}"
    require_path(folder, "corpus", "build the corpus with python -m spark_jobs.build")
    for path in sorted(folder.glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(batch_size=256, columns=["title", "text", "entities"]):
            yield from batch.to_pylist()

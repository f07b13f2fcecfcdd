"""The files of an output folder that a reader sees."""

from pathlib import Path

from spark_jobs.config import CorpusSettings


def published_files(settings: CorpusSettings) -> set[str]:
    """Paths relative to the output folder, without `_staging`."""
    folder = Path(settings.output_dir)
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in files if path.parts[0] != "_staging"}

"""The files of an output folder, to compare two builds."""

from pathlib import Path


def read_corpus_files(folder: Path) -> dict[str, bytes]:
    """Path -> content of all files, without `_build.json`, which contains times."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "_build.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}

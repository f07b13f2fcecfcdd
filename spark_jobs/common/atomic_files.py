"""Files that appear whole or not at all: written under a temporary name, then renamed."""

import os
from pathlib import Path

from spark_jobs.common.storage import Location


def write_text_atomically(path: Path, text: str) -> None:
    """Write a local file in UTF-8; readers see the old content until the new one is complete. Missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def write_bytes_atomically(location: Location, data: bytes) -> None:
    """Write a file of any file system. Its temporary name starts with `_`, so that readers of a table skip it.

    An object store cannot rename: the file is copied to its name there.
    """
    folder = Location(location.filesystem, location.path.rpartition("/")[0], location.scheme)
    temporary = folder / f"_{location.name}.new"
    temporary.write_bytes(data)
    temporary.move_to(location)

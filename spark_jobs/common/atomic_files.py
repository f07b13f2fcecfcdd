"""Writing a file so that readers see the old content or the new one, never a part: a temporary file, then a rename."""

import os
from pathlib import Path

from spark_jobs.common.storage import Location


def write_text_atomically(path: Path, text: str) -> None:
    """Write a local file in UTF-8 and create missing parent folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)  # after a failure: its name has the process id, so no later write would replace it


def write_bytes_atomically(location: Location, data: bytes) -> None:
    """Write a file of any file system. Its temporary name starts with `_`, so that readers of a table skip it.

    An object store has no rename: the temporary file is copied to the final name.
    """
    folder = Location(location.filesystem, location.path.rpartition("/")[0], location.scheme)
    temporary = folder / f"_{location.name}.new"
    temporary.write_bytes(data)
    temporary.move_to(location)

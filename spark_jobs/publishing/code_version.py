"""The version of the code in manifests: a stage runs again when it changes."""

import functools
import hashlib
import importlib.resources
from collections.abc import Iterable
from importlib.metadata import version
from importlib.resources.abc import Traversable

from spark_jobs import __version__

_OUTPUT_LIBRARIES = ("pyarrow", "lxml", "tokenizers")
"""Libraries whose version may change the output."""


@functools.cache
def code_version() -> str:
    """The release, and the first 12 hex digits of a sha256 over the files of `spark_jobs` and the versions of its libraries."""
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in _OUTPUT_LIBRARIES).encode())
    for name, data in sorted(_sources(importlib.resources.files("spark_jobs"), "")):
        digest.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def _sources(folder: Traversable, prefix: str) -> Iterable[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _sources(entry, f"{prefix}{entry.name}/")
        elif entry.is_file() and not entry.name.endswith(".pyc"):
            yield f"{prefix}{entry.name}", entry.read_bytes()

"""Where a task's published files are: below a local folder, or fetched once from where their authors keep them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def find_file(data_dir: Path, folder: str, pattern: str) -> Path:
    """The first file by name that fits `pattern` in `data_dir/folder`, or in `data_dir` itself where it has no such folder.

    One `data_dir` holds the data of several benchmarks, or is that of a single one. Where nothing fits, the path that would.
    """
    base = data_dir / folder if (data_dir / folder).is_dir() else data_dir
    return min(base.glob(pattern), default=base / pattern)


def published_file(name: str, source: Mapping[str, Any], folder: str, data_dir: str | None) -> Path:
    """The local path of a published file; raises `ValueError` where it cannot be had or is not the one that is meant.

    `source` has `local`, its name or pattern; `url`, where it is published, or null; and `sha256` of its content, or null.
    The hash is asked of what was fetched; who names a local folder means the files there.
    """
    if data_dir is not None:
        return find_file(Path(data_dir), folder, str(source["local"]))
    if source.get("url") is None:
        raise ValueError(
            f"{name} is published nowhere that this program may read: give data_dir, with {source['local']} in {folder}/"
        )
    import datasets

    path = Path(datasets.DownloadManager().download(source["url"]))
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if source.get("sha256") not in (None, found):
        raise ValueError(f"{source['url']} has sha256 {found}, not {source['sha256']}: the published file has changed")
    return path

"""Finds, fetches and verifies a task's published data.

Data are files below a local folder, files that their authors publish, or a data set of the hub. Fetched data are verified against
the sha256 in the task's file if the publisher's bytes are known, against the published number of items, and otherwise against a
lock: a text file of `<sha256>  <source>` lines as sha256sum writes them. A source without a line in the lock gets one. Data that
differ from their line are refused, because they changed since they were first read.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RETRIES = 3
"""Retries of a download, after 1, 2, 3 seconds."""
TIMEOUT = 60
"""Seconds without an answer of the server before a download fails."""


def find_file(data_dir: Path, folder: str, pattern: str) -> Path:
    """The first file by name that matches `pattern` in `data_dir/folder`, or in `data_dir` if it does not have that folder.

    So one `data_dir` may hold several benchmarks or a single one. Without a match, returns the path of the pattern.
    """
    base = data_dir / folder if (data_dir / folder).is_dir() else data_dir
    return min(base.glob(pattern), default=base / pattern)


def published_file(name: str, source: Mapping[str, Any], folder: str, data_dir: str | None) -> Path:
    """The local path of a published file. Raises `ValueError` or `OSError` if it is not available or has another hash.

    `source` has `local`, its name or pattern; `url`, its address, or null; and `sha256` of its content, or null. With `data_dir`
    set, only local files are used. `check_published` verifies fetched files without a known hash.
    """
    if data_dir is not None:
        return find_file(Path(data_dir), folder, str(source["local"]))
    if source.get("url") is None:
        raise ValueError(
            f"{name} has no published file that can be fetched: set data_dir to a folder with {source['local']} in {folder}/"
        )
    return fetch(source["url"], source.get("sha256"))


def check_published(path: Path, source: Mapping[str, Any], found: int, data_lock: str | None) -> None:
    """Raises `ValueError` for a fetched file if `found`, its number of items, or its hash is not the published or locked one.

    Items are counted before the lock is written, so a lock never holds a refused file. A refused file is removed from the cache,
    and the next run fetches it again.
    """
    try:
        check_count(source["url"], found, source.get("items"))
        if source.get("sha256") is None:
            check_lock(data_lock, source["url"], hashlib.sha256(path.read_bytes()).hexdigest())
    except ValueError:
        path.unlink(missing_ok=True)
        raise


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON lines file. Raises `ValueError` with the file and the line."""
    rows = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    rows.append(json.loads(line))
                except json.JSONDecodeError as error:
                    raise ValueError(f"{path}, line {number}: not valid JSON ({error}); fetch the file again") from error
    return rows


def fetch(url: str, sha256: str | None) -> Path:
    """Download a file into the user's cache, once. An incomplete download or one with another sha256 is not kept."""
    import pooch

    pooch.get_logger().setLevel("ERROR")
    name = f"{hashlib.sha256(url.encode()).hexdigest()[:16]}-{url.rpartition('/')[2]}"
    files = pooch.create(
        path=pooch.os_cache("leia-at-scale"),
        base_url="",
        registry={name: None if sha256 is None else f"sha256:{sha256}"},
        urls={name: url},
        retry_if_failed=RETRIES,
    )
    try:
        return Path(files.fetch(name, downloader=pooch.HTTPDownloader(timeout=TIMEOUT)))
    except ValueError as error:
        raise ValueError(f"{url} is not the expected file: it has changed or arrived damaged: {error}") from error
    except OSError as error:
        raise OSError(f"{url} could not be fetched: {error}") from error


def check_count(source: str, found: int, published: int | None) -> None:
    """Raises `ValueError` if fetched data do not have the published number of items; None is not checked."""
    if published not in (None, found):
        raise ValueError(f"{source} has {found:,} items, and {published:,} were published: the data have changed")


def check_lock(data_lock: str | None, source: str, sha256: str) -> None:
    """Raises `ValueError` if `sha256` differs from the lock's line of `source`; adds a missing line. None: no lock, no check."""
    if data_lock is None:
        return
    path = Path(data_lock)
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    locked = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    if source not in locked:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{sha256}  {source}\n")
    elif locked[source] != sha256:
        raise ValueError(
            f"{source} has changed: its sha256 is {sha256}, and {path} holds {locked[source]} of an earlier reading. "
            "To use the new data, remove that line and evaluate all models again"
        )

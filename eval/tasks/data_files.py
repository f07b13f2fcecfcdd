"""Where a task's published data are, and whether they are still those that are meant.

Data lie below a local folder, are files that their authors publish, or are a data set of the hub. What was fetched is checked:
against the sha256 in the task's file where the publisher's bytes are known; against the number of items where that was
published; and otherwise against a lock, a text file of `<sha256>  <source>` lines as sha256sum writes them. What is not in the
lock yet is written into it, and data that differ from their line are refused: they changed since the first reading.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RETRIES = 3
"""How often a download is tried again, after 1, 2, 3 seconds."""
TIMEOUT = 60
"""Seconds that a server may be silent."""


def find_file(data_dir: Path, folder: str, pattern: str) -> Path:
    """The first file by name that fits `pattern` in `data_dir/folder`, or in `data_dir` itself where it has no such folder.

    One `data_dir` holds the data of several benchmarks, or is that of a single one. Where nothing fits, the path that would.
    """
    base = data_dir / folder if (data_dir / folder).is_dir() else data_dir
    return min(base.glob(pattern), default=base / pattern)


def published_file(name: str, source: Mapping[str, Any], folder: str, data_dir: str | None) -> Path:
    """The local path of a published file; raises `ValueError` or `OSError` where it cannot be had or has another hash.

    `source` has `local`, its name or pattern; `url`, where it is published, or null; and `sha256` of its content, or null.
    What was fetched and has no known hash is for `check_published`; who names a local folder means the files there.
    """
    if data_dir is not None:
        return find_file(Path(data_dir), folder, str(source["local"]))
    if source.get("url") is None:
        raise ValueError(
            f"{name} is published nowhere that this program may read: give data_dir, with {source['local']} in {folder}/"
        )
    return fetch(source["url"], source.get("sha256"))


def check_published(path: Path, source: Mapping[str, Any], found: int, data_lock: str | None) -> None:
    """Refuse a fetched file of `found` items that are not as many as were published, or that the lock says were others.

    It is counted first, so that no lock holds a file that was refused, and it leaves the cache: the next run fetches it anew.
    """
    try:
        check_count(source["url"], found, source.get("items"))
        if source.get("sha256") is None:
            check_lock(data_lock, source["url"], hashlib.sha256(path.read_bytes()).hexdigest())
    except ValueError:
        path.unlink(missing_ok=True)
        raise


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON lines file; a `ValueError` names the file and the line."""
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
    """Download a file into the user's cache, once; a download that is cut short or has another sha256 leaves nothing there."""
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
        raise ValueError(f"{url} is not the file that is meant, it has changed or came damaged: {error}") from error
    except OSError as error:
        raise OSError(f"{url} could not be fetched: {error}") from error


def check_count(source: str, found: int, published: int | None) -> None:
    """Refuse fetched data that have more or fewer items than were published; null is not checked."""
    if published not in (None, found):
        raise ValueError(f"{source} has {found:,} items, and {published:,} were published: the data have changed")


def check_lock(data_lock: str | None, source: str, sha256: str) -> None:
    """Refuse data that differ from the lock's line of `source`; write the line where there is none. Null: no lock, no check."""
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
            f"{source} is no longer what it was: its sha256 is {sha256}, and {path} holds {locked[source]} of an earlier "
            "reading. To go on with the new data, remove that line and evaluate all models again"
        )

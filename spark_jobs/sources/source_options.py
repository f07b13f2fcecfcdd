"""Options of a data source: text in, values out; and which files a path means."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from pyarrow import fs

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location

Mode = Literal["PERMISSIVE", "DROPMALFORMED", "FAILFAST"]
_MODES: tuple[Mode, ...] = ("PERMISSIVE", "DROPMALFORMED", "FAILFAST")
_SIZE = re.compile(r"(\d+)\s*([kmgt]?)i?b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_WILDCARD = re.compile(r"[*?\[{]")
_BRACES = re.compile(r"\{([^{}]*)\}")


class SourceError(ValueError):
    """A data source was asked for something that it cannot do, or met bad input in mode FAILFAST."""


def check_names(options: Mapping[str, str], known: Sequence[str]) -> dict[str, str]:
    """The options under the names that `known` spells; Spark does not mind case. Raises `SourceError` for an unknown one.

    >>> check_names({"MODE": "FAILFAST"}, ["path", "mode"])
    {'mode': 'FAILFAST'}
    """
    spelled = {name.lower(): name for name in known}
    unknown = [name for name in options if name.lower() not in spelled]
    if unknown:
        raise SourceError(f"unknown option {unknown[0]!r}; the options are {', '.join(known)}")
    return {spelled[name.lower()]: value for name, value in options.items()}


def refuse_twice(names: Sequence[str]) -> None:
    """Raise `SourceError` for a file name that is there twice, in two folders: its rows would be given twice."""
    for name in set(names):
        if names.count(name) > 1:
            raise SourceError(f"{name} is there twice: choose one folder, or remove one of the two")


def read_mode(text: str | None) -> Mode:
    """`PERMISSIVE` if nothing is said, as in Spark's own sources. Raises `SourceError`."""
    for mode in _MODES:
        if mode == (text or "PERMISSIVE").upper():
            return mode
    raise SourceError(f"mode: {text!r} is none of {', '.join(_MODES)}")


def read_size(name: str, text: str | None, default: int) -> int:
    """A number of bytes as Spark writes them. Raises `SourceError`.

    >>> read_size("bytesPerPartition", "16m", 1), read_size("bytesPerPartition", None, 1)
    (16777216, 1)
    """
    if text is None:
        return default
    match = _SIZE.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise SourceError(f"{name}: {text!r} is no number of bytes above 0; write 33554432 or 32m")
    return int(match[1]) * _UNITS[match[2].lower()]


def read_names(name: str, text: str | None, allowed: Sequence[str], default: Sequence[str]) -> tuple[str, ...]:
    """A list of names, separated by commas, out of `allowed`. Raises `SourceError`."""
    if text is None:
        return tuple(default)
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = [part for part in found if part not in allowed]
    if unknown or not found:
        raise SourceError(f"{name}: {unknown[0] if unknown else text!r} is none of {', '.join(allowed)}")
    if len(set(found)) < len(found):
        raise SourceError(f"{name}: {text!r} names a column twice")
    return found


def read_numbers(name: str, text: str | None) -> frozenset[int] | None:
    """A set of whole numbers, separated by commas; None if nothing is said. Raises `SourceError`.

    >>> sorted(read_numbers("namespaces", "0, 10"))
    [0, 10]
    """
    if text is None:
        return None
    try:
        return frozenset(int(part) for part in text.split(","))
    except ValueError as error:
        raise SourceError(f"{name}: {text!r} is no list of numbers; write 0,10") from error


def find_files(options: Mapping[str, str], wanted: re.Pattern[str], in_folder: re.Pattern[str]) -> list[Location]:
    """The files that `path` (or `paths`, as `load([...])` gives them) means, in the order given and then by name.

    A path is a file, a folder (all files below it whose name matches `in_folder`) or a glob (`*`, `?`, `[ab]`, `{a,b}`, none of
    them across folders; files whose name matches `wanted`). Raises `SourceError` when there is none.
    """
    paths = json.loads(options["paths"]) if "paths" in options else [options["path"]] if options.get("path") else []
    if not paths:
        raise SourceError("no path: use .load(PATH) with a file, a folder or a glob")
    files: dict[str, Location] = {}
    for path in paths:
        found = list(_find(path, wanted, in_folder))
        if not found:
            raise SourceError(f"{path!r}: no such file; of a folder, files are read whose names match {in_folder.pattern!r}")
        files |= {file.uri: file for file in found}
    return list(files.values())


def _find(path: str, wanted: re.Pattern[str], in_folder: re.Pattern[str]) -> Iterator[Location]:
    wildcard = _WILDCARD.search(path)
    try:
        if wildcard is None or Path(path).exists():
            yield from _file_or_folder(path, in_folder)
            return
        base = path[: wildcard.start()].rpartition("/")[0]
        folder = Location.of(base or ("/" if path.startswith("/") else "."))
        patterns = list(_expand_braces(path[len(base) :].lstrip("/")))
        for name in folder.files():
            if wanted.search(name.rpartition("/")[2]) and any(_matches(name, pattern) for pattern in patterns):
                yield folder / name
    except (ConfigurationError, FileNotFoundError) as error:
        raise SourceError(f"{path!r}: {error}") from error


def _file_or_folder(path: str, in_folder: re.Pattern[str]) -> Iterator[Location]:
    found = Location.of(path)
    kind = found.filesystem.get_file_info(found.path).type
    if kind is fs.FileType.NotFound:
        raise SourceError(f"{path!r} does not exist (looked at {found.path})")
    if kind is fs.FileType.File:
        yield found
    else:
        yield from (found / name for name in found.files() if in_folder.search(name.rpartition("/")[2]))


def _matches(name: str, pattern: str) -> bool:
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _expand_braces(pattern: str) -> Iterator[str]:
    match = _BRACES.search(pattern)
    if match is None:
        yield pattern
        return
    for choice in match[1].split(","):
        yield from _expand_braces(pattern[: match.start()] + choice + pattern[match.end() :])

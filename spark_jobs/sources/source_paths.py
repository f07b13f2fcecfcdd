"""The files that the option `path` of a data source means: a file, a folder or a glob, local or in another file system."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from pyarrow import fs

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location
from spark_jobs.sources.source_options import SourceError

_WILDCARD = re.compile(r"[*?\[{]")
_DUMP = re.compile(r"(?P<wiki>[a-z][a-z0-9_]*)-(?P<day>[0-9]{8})-")
_BRACES = re.compile(r"\{([^{}]*)\}")


def find_files(options: Mapping[str, str], wanted: re.Pattern[str], in_folder: re.Pattern[str]) -> list[Location]:
    """The files of `path` (or `paths`, from `load([...])`), in the order given and then by name.

    A path is a file, a folder (all files below it whose name matches `in_folder`) or a glob (`*`, `?`, `[ab]`, `{a,b}`, none of
    which matches across folders; files whose name matches `wanted`). Raises `SourceError` if a path has no file.
    """
    paths = json.loads(options["paths"]) if "paths" in options else [options["path"]] if options.get("path") else []
    if not paths:
        raise SourceError(
            "no path: use .load(PATH) with a file, a folder or a glob. A table whose columns are listed in CREATE TABLE loses "
            "its options: leave the columns out, and use the option `columns`"
        )
    files: dict[str, Location] = {}
    for path in paths:
        found = list(_find(path, wanted, in_folder))
        if not found:
            raise SourceError(f"{path!r}: no such file; of a folder, files are read whose names match {in_folder.pattern!r}")
        files |= {file.uri: file for file in found}
    return list(files.values())


def refuse_duplicate_names(names: Sequence[str]) -> None:
    """Raise `SourceError` for a file name that occurs in two folders: its rows would be read twice."""
    for name in set(names):
        if names.count(name) > 1:
            raise SourceError(f"{name} is there twice: choose one folder, or remove one of the two")


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
        names = [name for name in found.files() if in_folder.search(name.rpartition("/")[2])]
        _refuse_two_days(path, [name.rpartition("/")[2] for name in names])
        yield from (found / name for name in names)


def _refuse_two_days(folder: str, names: Sequence[str]) -> None:
    """Raise `SourceError` for a folder with dumps of a wiki of several days: its pages would be read twice."""
    days: dict[str, set[str]] = defaultdict(set)
    for name in names:
        if (match := _DUMP.match(name)) is not None:
            days[match["wiki"]].add(match["day"])
    for wiki, found in days.items():
        if len(found) > 1:
            first, *_, last = sorted(found)
            raise SourceError(
                f"{folder!r} holds {wiki} of several days, such as {first} and {last}: choose one with a path such as "
                f"'{folder.rstrip('/')}/*/{last}/*'"
            )


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

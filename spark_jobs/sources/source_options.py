"""Options of a data source, from text to values."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

ReadMode = Literal["PERMISSIVE", "DROPMALFORMED", "FAILFAST"]
_MODES: tuple[ReadMode, ...] = ("PERMISSIVE", "DROPMALFORMED", "FAILFAST")
_SIZE = re.compile(r"([0-9]+)\s*([kmgt]?)i?b?", re.IGNORECASE)
_INTEGER = re.compile(r"\s*([-+]?[0-9]{1,19})\s*")
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


class SourceError(ValueError):
    """A data source was given an option or a file that it cannot use, or met bad input in mode FAILFAST."""


def check_names(options: Mapping[str, str], known: Sequence[str]) -> dict[str, str]:
    """The options under the spelling of `known`; Spark ignores case. Raises `SourceError` for an unknown option.

    >>> check_names({"MODE": "FAILFAST"}, ["path", "mode"])
    {'mode': 'FAILFAST'}
    """
    spelled = {name.lower(): name for name in known}
    unknown = [name for name in options if name.lower() not in spelled]
    if unknown:
        raise SourceError(f"unknown option {unknown[0]!r}; the options are {', '.join(known)}")
    return {spelled[name.lower()]: value for name, value in options.items()}


def read_mode(text: str | None) -> ReadMode:
    """The mode; `PERMISSIVE` by default, as in Spark's built-in sources. Raises `SourceError`."""
    for mode in _MODES:
        if mode == (text or "PERMISSIVE").upper():
            return mode
    raise SourceError(f"mode: {text!r} is none of {', '.join(_MODES)}")


def read_flag(name: str, text: str | None) -> bool:
    """`true` or `false`, in any case; false if the option is not given. Raises `SourceError`."""
    if (text or "false").lower() not in ("true", "false"):
        raise SourceError(f"{name}: {text!r} is neither true nor false")
    return (text or "false").lower() == "true"


def read_size(name: str, text: str | None, default: int) -> int:
    """A number of bytes in Spark's notation. Raises `SourceError`.

    >>> read_size("bytesPerPartition", "16m", 1), read_size("bytesPerPartition", None, 1)
    (16777216, 1)
    """
    if text is None:
        return default
    match = _SIZE.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise SourceError(f"{name}: {text!r} is not a number of bytes above 0; write 33554432 or 32m")
    return int(match[1]) * _UNITS[match[2].lower()]


def read_names(name: str, text: str | None, allowed: Sequence[str], default: Sequence[str]) -> tuple[str, ...]:
    """A list of names out of `allowed`, separated by commas. Raises `SourceError`."""
    if text is None:
        return tuple(default)
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = [part for part in found if part not in allowed]
    if unknown or not found:
        raise SourceError(f"{name}: {unknown[0] if unknown else text!r} is none of {', '.join(allowed)}")
    if len(set(found)) < len(found):
        raise SourceError(f"{name}: {text!r} names a column twice")
    return found


def parse_integer(text: str) -> int:
    """A whole number of ASCII digits. Raises ValueError for anything else, also for the `1_000` and `１` that `int` reads."""
    match = _INTEGER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a whole number")
    return int(match[1])


def read_numbers(name: str, text: str | None) -> frozenset[int] | None:
    """A set of whole numbers, separated by commas; None if the option is not given. Raises `SourceError`.

    >>> sorted(read_numbers("namespaces", "0, 10"))
    [0, 10]
    """
    if text is None:
        return None
    try:
        return frozenset(parse_integer(part) for part in text.split(","))
    except ValueError as error:
        raise SourceError(f"{name}: {text!r} is not a list of numbers; write 0,10") from error

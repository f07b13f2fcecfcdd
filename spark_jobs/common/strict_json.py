"""JSON of configuration files: each key once, numbers that JSON has, and the bounds of `strict_yaml`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.strict_yaml import read_configuration_text, shorten


def read_json(file: Path) -> Any:
    """The content of a JSON file. Raises `ConfigurationError`, with the reason, for a file that cannot be used."""
    text = read_configuration_text(file)
    try:
        return json.loads(text, object_pairs_hook=_distinct_keys, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ConfigurationError(
            f"{file} is not valid JSON: it is nested too deeply; no setting needs more than a few levels"
        ) from error
    except ValueError as error:
        raise ConfigurationError(f"{file} is not valid JSON: {error}") from error


def _distinct_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {shorten(twice)} is given twice in one object; remove one of them")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")

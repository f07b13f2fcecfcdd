"""One way to configure everything: a YAML file, `--set a.b=value` on top, a typed model that refuses what it does not know.

Every entry point of the project (data engine, training, evaluation) declares a frozen `Settings` model and takes the same two
options. Precedence, from weak to strong: defaults of the model, what the YAML file extends, the file, each `--set` in turn.

    $ python -m spark_jobs.build --config conf/corpus/demo.yaml --set wikis='[jawiki]' --set encode.pivot=en

The value of `--set` is read as YAML, so `[a, b]`, `3`, `1e-4`, `true` and `null` mean what they mean in the file.
A file may say `extends: other.yaml`, relative to itself, and then holds only what differs; sections are merged key by key.
This module imports neither pyspark nor torch: any part may use it.
"""

import difflib
import re
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from spark_jobs.common.errors import ConfigurationError

EXTENDS = "extends"
"""Key of a file that names the one it is built upon."""


class Settings(BaseModel):
    """Base of every configuration model: unknown keys are errors, values are validated, instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, use_attribute_docstrings=True)

    def to_yaml(self) -> str:
        """The resolved configuration as YAML, in the order of the model's fields."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


S = TypeVar("S", bound=Settings)


class _Loader(yaml.SafeLoader):
    """Safe YAML, less two traps of YAML 1.1: `1e-4` is a number, and `no` (Norwegian) is a word; true and false are booleans."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))

_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(?:\d[\d_]*)(?:\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def read_yaml(text: str, source: str) -> Any:
    """Parse YAML with plain types only; `source` names the file or option in the error."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  (a SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{source} is not valid YAML: {error}") from error


def load_settings(model: type[S], config: Path | None, overrides: Sequence[str] = ()) -> S:
    """Read `config`, apply `overrides` (each `a.b=value`) and validate against `model`.

    Raises `ConfigurationError` that names every offending key with its value and what is allowed there.
    """
    values, files = ({}, []) if config is None else _read(config)
    for override in overrides:
        _apply(values, override)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        where = ", which extends ".join(map(str, files)) or "the configuration"
        lines = "\n".join(f"  {_explain(model, problem)}" for problem in error.errors())
        raise ConfigurationError(f"{where} cannot be used:\n{lines}") from error


def read_config(config: Path) -> dict[str, Any]:
    """The values of a configuration file and of what it extends, not validated.

    Raises `ConfigurationError` for a file that is missing, no mapping, no YAML, or that extends itself.
    """
    return _read(config)[0]


def _read(config: Path, below: tuple[Path, ...] = ()) -> tuple[dict[str, Any], list[Path]]:
    """The values of a file over those of the files that it extends, and these files; `below` are the ones that led here."""
    if not config.is_file():
        named = f"{below[-1]}: extends {config}, but" if below else f"--config {config}:"
        raise ConfigurationError(f"{named} there is no such file (current folder: {Path.cwd()})")
    if config.resolve() in [file.resolve() for file in below]:
        circle = " extends ".join(map(str, (*below, config)))
        raise ConfigurationError(f"{circle}: a file cannot extend itself, so one of them must do without")
    values = read_yaml(config.read_text(encoding="utf-8"), str(config)) or {}
    if not isinstance(values, dict):
        raise ConfigurationError(f"{config}: expected a mapping of keys at the top level, found a {type(values).__name__}")
    if EXTENDS not in values:
        return values, [config]
    extended = values.pop(EXTENDS)
    if not isinstance(extended, str):
        raise ConfigurationError(f"{config}: {EXTENDS}: {extended!r} is not allowed: it takes one file, relative to this one")
    inherited, files = _read(config.parent / extended, (*below, config))
    return _over(inherited, values), [config, *files]


def _over(inherited: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """`values` on top of `inherited`: sections key by key; anything else, lists too, is replaced as a whole.

    >>> _over({"a": {"b": 1, "c": [1, 2]}, "d": 4}, {"a": {"c": [3]}})
    {'a': {'b': 1, 'c': [3]}, 'd': 4}
    """
    merged = dict(inherited)
    for key, value in values.items():
        below = merged.get(key)
        merged[key] = _over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _apply(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigurationError(f"--set {override!r}: expected KEY=VALUE, for example --set output_dir=build/run")
    *sections, last = key.strip().split(".")
    target = values
    for section in sections:
        inner = target.setdefault(section, {})
        if inner is None:  # `section:` with nothing below it
            inner = target[section] = {}
        if not isinstance(inner, dict):
            raise ConfigurationError(f"--set {override!r}: {section!r} holds {inner!r}, which has no keys below it")
        target = inner
    target[last] = read_yaml(text, f"--set {override!r}")


def _explain(model: type[BaseModel], problem: Mapping[str, Any]) -> str:
    key = ".".join(str(part) for part in problem["loc"]) or "(top level)"
    if problem["type"] == "extra_forbidden":
        allowed = _keys_at(model, problem["loc"][:-1])
        close = difflib.get_close_matches(str(problem["loc"][-1]), allowed, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(allowed)}"
        return f"{key}: unknown key (value {problem['input']!r}); {hint}"
    if problem["type"] == "missing":
        return f"{key}: required, and not given; add it to the file or pass --set {key}=..."
    if isinstance(problem["input"], dict | BaseModel):  # a rule about several keys: its message names them
        return f"{key}: {problem['msg'].removeprefix('Value error, ')}"
    return f"{key}: {problem['input']!r} is not allowed: {problem['msg'].removeprefix('Value error, ')}"


def _keys_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The keys that exist in the section that `path` leads to."""
    current = model
    for part in path:
        field = current.model_fields.get(str(part))
        inner = [t for t in types_of(field.annotation) if isinstance(t, type) and issubclass(t, BaseModel)] if field else []
        if inner:
            current = inner[0]
    return list(current.model_fields)


def types_of(annotation: Any) -> list[Any]:
    """The types that an annotation names, without containers and unions: `list[int] | None` gives `[int, NoneType]`."""
    if get_origin(annotation) in (Union, types.UnionType, Annotated, list, tuple, dict):
        return [leaf for argument in get_args(annotation) for leaf in types_of(argument)]
    return [annotation]

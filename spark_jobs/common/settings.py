"""Configuration of every command: a YAML file and `--set a.b=value`, validated by a typed model that rejects unknown keys.

Every entry point (data engine, training, evaluation) declares a frozen `Settings` model and takes the same two options.
Precedence, from weak to strong: defaults of the model, the file named by `extends`, the file itself, each `--set` in turn.

    $ python -m spark_jobs.build --config conf/corpus/demo.yaml --set wikis='[jawiki]' --set encode.pivot=en

The value of `--set` is parsed as YAML, so `[a, b]`, `3`, `1e-4`, `true` and `null` have the same meaning as in the file.
A file with the key `extends: other.yaml` (relative to itself) holds only the differences; sections are merged key by key.
"""

import difflib
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.strict_yaml import dump_yaml, parse_yaml, read_yaml, shorten

EXTENDS = "extends"
"""Key with the name of the file to inherit from."""
_MOST_PROBLEMS = 20


def _refuse_empty_path(path: str) -> str:
    if not path.strip():
        raise ValueError("the path is empty; write a folder or file, or '.' for the current folder")
    return path


PathText = Annotated[str, AfterValidator(_refuse_empty_path)]
"""A path or URI as text. Empty is an error: it would mean the current folder. Fields of type `Path` refuse it without this."""


class Settings(BaseModel):
    """Base of every configuration model: unknown keys are errors, values are validated, instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _paths_are_not_empty(cls, value: Any, info: ValidationInfo) -> Any:
        if Path in leaf_types(cls.model_fields[str(info.field_name)].annotation):
            for path in value if isinstance(value, list | tuple) else [value]:
                _refuse_empty_path(path) if isinstance(path, str) else None
        return value

    def to_yaml(self) -> str:
        """The resolved configuration as YAML, in the order of the model's fields."""
        return dump_yaml(self.model_dump(mode="json"))


SettingsT = TypeVar("SettingsT", bound=Settings)


def load_settings(model: type[SettingsT], config: Path | None, overrides: Sequence[str] = ()) -> SettingsT:
    """Read `config`, apply `overrides` (each `a.b=value`) and validate the result with `model`.

    Raises `ConfigurationError` that lists every invalid key with its value and the allowed values.
    """
    values, files = ({}, []) if config is None else _read_inherited(config)
    for override in overrides:
        _apply_override(values, override)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        where = ", which extends ".join(map(str, files)) or "the configuration"
        problems = error.errors()
        lines = [f"  {_explain_problem(model, problem)}" for problem in problems[:_MOST_PROBLEMS]]
        more = [f"  and {len(problems) - _MOST_PROBLEMS:,} more"] if len(problems) > _MOST_PROBLEMS else []
        raise ConfigurationError("\n".join([f"{where} cannot be used:", *lines, *more])) from error


def read_config(config: Path) -> dict[str, Any]:
    """The values of a configuration file, with inherited values, not validated.

    Raises `ConfigurationError` if a file is missing, is not YAML, is not a mapping, or extends itself.
    """
    return _read_inherited(config)[0]


def _read_inherited(config: Path, below: tuple[Path, ...] = ()) -> tuple[dict[str, Any], list[Path]]:
    """The merged values of a file and the files that it extends, and these files; `below` is the chain that led here."""
    if not config.is_file():
        named = f"{below[-1]}: extends {config}, but" if below else f"--config {config}:"
        raise ConfigurationError(f"{named} there is no such file (current folder: {Path.cwd()})")
    if config.resolve() in [file.resolve() for file in below]:
        circle = " extends ".join(map(str, (*below, config)))
        raise ConfigurationError(f"{circle}: a file cannot extend itself; remove one `extends`")
    values = read_yaml(config)
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise ConfigurationError(f"{config}: expected a mapping of keys at the top level, found a {type(values).__name__}")
    if EXTENDS not in values:
        return values, [config]
    extended = values.pop(EXTENDS)
    if not isinstance(extended, str):
        raise ConfigurationError(
            f"{config}: {EXTENDS}: {shorten(extended)} is not allowed: expected one file, relative to this one"
        )
    inherited, files = _read_inherited(config.parent / extended, (*below, config))
    return _merge(inherited, values), [config, *files]


def _merge(inherited: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """`values` on top of `inherited`: sections are merged key by key, other values (lists too) are replaced as a whole.

    >>> _merge({"a": {"b": 1, "c": [1, 2]}, "d": 4}, {"a": {"c": [3]}})
    {'a': {'b': 1, 'c': [3]}, 'd': 4}
    """
    merged = dict(inherited)
    for key, value in values.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _apply_override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigurationError(f"--set {shorten(override)}: expected KEY=VALUE, for example --set output_dir=build/run")
    *sections, last = key.strip().split(".")
    target = values
    for section in sections:
        inner = target.setdefault(section, {})
        if inner is None:  # `section:` with nothing below it
            inner = target[section] = {}
        if not isinstance(inner, dict):
            raise ConfigurationError(f"--set {shorten(override)}: {section!r} is {shorten(inner)}, not a section with keys")
        target = inner
    target[last] = parse_yaml(text, f"--set {shorten(override)}")


def _explain_problem(model: type[BaseModel], problem: Mapping[str, Any]) -> str:
    key = ".".join(str(part) for part in problem["loc"]) or "(top level)"
    if problem["type"] == "extra_forbidden":
        allowed = _keys_at(model, problem["loc"][:-1])
        close = difflib.get_close_matches(str(problem["loc"][-1]), allowed, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(allowed)}"
        return f"{key}: unknown key (value {shorten(problem['input'])}); {hint}"
    if problem["type"] == "missing":
        return f"{key}: required but missing; add it to the file or pass --set {key}=..."
    if isinstance(problem["input"], dict | BaseModel):  # a rule about several keys: its message names them
        return f"{key}: {problem['msg'].removeprefix('Value error, ')}"
    return f"{key}: {shorten(problem['input'])} is not allowed: {problem['msg'].removeprefix('Value error, ')}"


def _keys_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The keys of the section at `path`."""
    current = model
    for part in path:
        field = current.model_fields.get(str(part))
        inner = [t for t in leaf_types(field.annotation) if isinstance(t, type) and issubclass(t, BaseModel)] if field else []
        if inner:
            current = inner[0]
    return list(current.model_fields)


def leaf_types(annotation: Any) -> list[Any]:
    """The types in an annotation, without containers and unions: `list[int] | None` gives `[int, NoneType]`."""
    if get_origin(annotation) in (Union, types.UnionType, Annotated, list, tuple, dict):
        return [leaf for argument in get_args(annotation) for leaf in leaf_types(argument)]
    return [annotation]

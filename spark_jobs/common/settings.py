"""One way to configure everything: a YAML file, `--set a.b=value` on top, a typed model that refuses what it does not know.

Every entry point of the project (data engine, training, evaluation) declares a frozen `Settings` model and takes the same two
options. Precedence, from weak to strong: defaults of the model, what the YAML file extends, the file, each `--set` in turn.

    $ python -m spark_jobs.build --config conf/corpus/demo.yaml --set wikis='[jawiki]' --set encode.pivot=en

The value of `--set` is read as YAML, so `[a, b]`, `3`, `1e-4`, `true` and `null` mean what they mean in the file.
A file may say `extends: other.yaml`, relative to itself, and then holds only what differs; sections are merged key by key.
This module imports neither pyspark nor torch: any part may use it.
"""

import difflib
import inspect
import os
import re
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from rich.console import Console
from rich.markup import escape

ConfigOption = Annotated[
    Path,
    typer.Option("--config", "-c", metavar="FILE", help="YAML file with the configuration.", show_default=False),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="KEY=VALUE", help="Override one value; dots reach into sections. Repeatable."),
]

EXIT_CONFIGURATION = 2

EXTENDS = "extends"
"""Key of a file that names the one it is built upon."""


class ConfigurationError(ValueError):
    """The configuration cannot be used; the message names the key, the value and what is allowed."""


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
        inner = [t for t in _flatten(field.annotation) if isinstance(t, type) and issubclass(t, BaseModel)] if field else []
        if inner:
            current = inner[0]
    return list(current.model_fields)


def _flatten(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (Union, types.UnionType, Annotated, list, tuple, dict):
        return [leaf for argument in get_args(annotation) for leaf in _flatten(argument)]
    return [annotation]


def _type_in_words(annotation: Any) -> str:
    """A type as a reader of `--help` wants it: without what a model attaches to it, and choices as they are written.

    >>> _type_in_words(list[Annotated[str, "a pattern"]] | None), _type_in_words(dict[str, Literal["left", "right"]])
    ('list[str] | None', 'dict[str, left | right]')
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_in_words(arguments[0])
    if origin is Literal:
        return " | ".join(map(str, arguments))
    if origin in (Union, types.UnionType):
        return " | ".join(map(_type_in_words, arguments))
    if origin is not None:
        return f"{origin.__name__}[{', '.join(map(_type_in_words, arguments))}]"
    plain = {types.NoneType: "None", Ellipsis: "..."}
    return plain.get(annotation, str(getattr(annotation, "__name__", annotation)))


def describe_keys(model: type[BaseModel], prefix: str = "") -> str:
    """A line for each key of the model, `key: type = default  what it means`, for the end of `--help`."""
    lines: list[str] = []
    for name, field in model.model_fields.items():
        sections = [t for t in _flatten(field.annotation) if isinstance(t, type) and issubclass(t, BaseModel)]
        if sections:
            lines.append(f"{prefix}{name}: {' '.join((field.description or '').split())}")
            lines.append(describe_keys(sections[0], f"{prefix}{name}."))
            continue
        kind = _type_in_words(field.annotation)
        value = None if field.is_required() else field.get_default(call_default_factory=True)
        default = "(required)" if field.is_required() else f"= {str(value) if isinstance(value, Path) else value!r}"
        lines.append(f"{prefix}{name} [{kind}] {default}: {' '.join((field.description or '').split())}")
    return "\n\n".join(lines)


def keep_examples(text: str) -> str:
    """A docstring for `--help`: the lines of a paragraph are joined, those of an indented one stand as they are."""
    parts = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(f"\b\n{part}" if part.startswith("    ") else " ".join(part.split()) for part in parts)


def command(model: type[S], main: Callable[[S], int | None], summary: str) -> None:
    """Run `main` as a command with `--config` and `--set`: the command line of every entry point.

    `summary` is the first paragraph of `--help`; the keys of `model` follow it. A `ConfigurationError` ends the command
    with its message alone and exit code 2; any other exception keeps its traceback.
    """
    app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)

    # `--local_rank` is what the deepspeed launcher appends; the rank itself is read from the environment.
    @app.command(**help_texts(model, summary))
    def entry(
        config: ConfigOption,
        set_: SetOption = None,
        local_rank: Annotated[int, typer.Option("--local_rank", hidden=True)] = -1,  # noqa: ARG001
    ) -> None:
        run_configured(model, main, config, set_ or ())

    app(prog_name=program_name())


def help_texts(model: type[Settings], summary: str) -> dict[str, Any]:
    """What `--help` says before the options and after them."""
    keys = "[bold]Keys of the configuration[/]\n\n" + escape(describe_keys(model))
    return {"help": keep_examples(escape(summary)), "epilog": keys}


def program_name() -> str:
    """How the command was called, for its own messages: `python -m spark_jobs.build`, or the name of a file."""
    spec = sys.modules["__main__"].__spec__
    return Path(sys.argv[0]).name if spec is None else f"python -m {spec.name.removesuffix('.__main__')}"


def run_configured(model: type[S], main: Callable[[S], int | None], config: Path | None, overrides: Sequence[str]) -> None:
    """Load the configuration, run `main`, and end the command with its exit code; see `command` for errors."""
    try:
        code = main(load_settings(model, config, overrides))
    except ConfigurationError as error:
        # Under a launcher every rank finds the same mistake: one of them tells it.
        quiet = os.environ.get("LOCAL_RANK", "0") != "0"
        Console(stderr=True, quiet=quiet).print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(EXIT_CONFIGURATION) from error
    raise typer.Exit(code or 0)

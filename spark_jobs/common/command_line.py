"""The command line of every entry point: `--config`, `--set`, `--help` with all keys, and exit codes.

A `ConfigurationError` ends a command with its message alone and exit code 2. Any other exception keeps its traceback.
"""

import inspect
import os
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import S, Settings, load_settings, types_of

ConfigOption = Annotated[
    Path,
    typer.Option("--config", "-c", metavar="FILE", help="YAML file with the configuration.", show_default=False),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="KEY=VALUE", help="Override one value; dots reach into sections. Repeatable."),
]

EXIT_CONFIGURATION = 2
"""Exit code of a command that refuses its configuration."""


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
        sections = [t for t in types_of(field.annotation) if isinstance(t, type) and issubclass(t, BaseModel)]
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
    app = new_app()

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


def new_app() -> typer.Typer:
    """An empty command: the look that every command shares."""
    return typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


def run_configured(model: type[S], main: Callable[[S], int | None], config: Path | None, overrides: Sequence[str]) -> None:
    """Load the configuration, run `main`, and end the command with its exit code; see `command` for errors."""
    with exit_on_configuration_error():
        code = main(load_settings(model, config, overrides))
    raise typer.Exit(code or 0)


@contextmanager
def exit_on_configuration_error() -> Iterator[None]:
    """Turn a `ConfigurationError` of the body into its message on standard error and exit code 2.

    Under a launcher every rank finds the same error; only the first rank of a machine prints it.
    """
    try:
        yield
    except ConfigurationError as error:
        quiet = os.environ.get("LOCAL_RANK", "0") != "0"
        Console(stderr=True, quiet=quiet).print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(EXIT_CONFIGURATION) from error

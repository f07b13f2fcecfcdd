"""The command line of every entry point: `--config`, `--set`, `--help` with all configuration keys, and exit codes.

A `ConfigurationError` ends a command with its message and exit code 2, without a traceback. Other exceptions keep theirs.
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
from spark_jobs.common.settings import Settings, SettingsT, leaf_types, load_settings

ConfigOption = Annotated[
    Path,
    typer.Option("--config", "-c", metavar="FILE", help="YAML file with the configuration.", show_default=False),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="KEY=VALUE", help="Override one value; dots reach into sections. Repeatable."),
]

EXIT_CONFIGURATION = 2
"""Exit code of a command that cannot use its configuration or its input."""


def _type_in_words(annotation: Any) -> str:
    """A type for `--help`: without the annotations of the model, and with choices as the user writes them.

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
    """One paragraph for each key of the model, `key [type] = default: description`, for the end of `--help`."""
    lines: list[str] = []
    for name, field in model.model_fields.items():
        sections = [t for t in leaf_types(field.annotation) if isinstance(t, type) and issubclass(t, BaseModel)]
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
    """A docstring for `--help`: the lines of a paragraph are joined; indented paragraphs (examples) keep their lines."""
    parts = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(f"\b\n{part}" if part.startswith("    ") else " ".join(part.split()) for part in parts)


def command(model: type[SettingsT], main: Callable[[SettingsT], int | None], summary: str) -> None:
    """Run `main` as a command with `--config` and `--set`, and exit with the code that it returns.

    `--help` shows `summary`, the options, and the keys of `model`. For errors see the module's docstring.
    """
    app = new_app()

    # The deepspeed launcher appends `--local_rank`; the rank itself is read from the environment.
    @app.command(**help_texts(model, summary))
    def entry(
        config: ConfigOption,
        set_: SetOption = None,
        local_rank: Annotated[int, typer.Option("--local_rank", hidden=True)] = -1,  # noqa: ARG001
    ) -> None:
        run_configured(model, main, config, set_ or ())

    app(prog_name=program_name())


def help_texts(model: type[Settings], summary: str) -> dict[str, Any]:
    """The parts of `--help` before and after the options, as arguments of `typer`'s `command`."""
    keys = "[bold]Keys of the configuration[/]\n\n" + escape(describe_keys(model))
    return {"help": keep_examples(escape(summary)), "epilog": keys}


def program_name() -> str:
    """The command as the user started it, for the usage line: `python -m spark_jobs.build`, or the name of a file."""
    spec = sys.modules["__main__"].__spec__
    return Path(sys.argv[0]).name if spec is None else f"python -m {spec.name.removesuffix('.__main__')}"


def new_app() -> typer.Typer:
    """An empty `typer` application with the options that all commands share."""
    return typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


def run_configured(
    model: type[SettingsT], main: Callable[[SettingsT], int | None], config: Path | None, overrides: Sequence[str]
) -> None:
    """Load the configuration, run `main`, and exit with the code that it returns."""
    with exit_on_configuration_error():
        code = main(load_settings(model, config, overrides))
    raise typer.Exit(code or 0)


@contextmanager
def exit_on_configuration_error() -> Iterator[None]:
    """Print a `ConfigurationError` of the body to standard error and exit with code 2.

    Under a launcher every rank raises the same error; only the first rank of a machine prints it.
    """
    try:
        yield
    except ConfigurationError as error:
        quiet = os.environ.get("LOCAL_RANK", "0") != "0"
        Console(stderr=True, quiet=quiet).print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(EXIT_CONFIGURATION) from error

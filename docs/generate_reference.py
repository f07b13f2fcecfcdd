"""Write the generated pages of docs/reference: `make reference`.

    python -m docs.generate_reference [FOLDER]

Commands and options come from the typer apps, keys from the pydantic models, tables from the data contract, the Python API from
the source of what `API` lists, and exit codes from `EXIT_CODES`. A test compares the committed pages with the generated ones.
"""

import ast
import html
import importlib
import inspect
import re
import runpy
import sys
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints
from unittest import mock

import typer
from typer.models import ArgumentInfo, OptionInfo

from spark_jobs.common.command_line import describe_keys
from spark_jobs.common.page_templates import markdown_cell
from spark_jobs.common.settings import Settings
from spark_jobs.contract.contract_page import contract_page

REFERENCE = Path(__file__).parent / "reference"
NOTICE = "<!-- Written by `make reference` from the code: change that, not this page. -->"


@dataclass(frozen=True)
class EntryPoint:
    """A module that is run as a command."""

    module: str
    settings: str | None = None
    """Name in that module of the model of its configuration."""


ENTRY_POINTS = {
    "Data engine": (
        EntryPoint("spark_jobs.download", "CorpusSettings"),
        EntryPoint("spark_jobs.build", "CorpusSettings"),
        EntryPoint("spark_jobs.extract", "CorpusSettings"),
        EntryPoint("spark_jobs.align", "CorpusSettings"),
        EntryPoint("spark_jobs.augment", "CorpusSettings"),
        EntryPoint("spark_jobs.encode", "CorpusSettings"),
        EntryPoint("spark_jobs.describe", "CorpusSettings"),
        EntryPoint("spark_jobs.explain", "CorpusSettings"),
        EntryPoint("spark_jobs.card", "CorpusSettings"),
        EntryPoint("spark_jobs.render", "RenderSettings"),
        EntryPoint("spark_jobs.contract"),
    ),
    "Training": (
        EntryPoint("training.train", "TrainSettings"),
        EntryPoint("training.preview", "PreviewSettings"),
        EntryPoint("training.verify_data", "TrainSettings"),
        EntryPoint("training.run_page"),
        EntryPoint("training.tiny", "TinyModelSettings"),
    ),
    "Evaluation": (
        EntryPoint("eval.run", "EvalSettings"),
        EntryPoint("eval.compare"),
        EntryPoint("eval.knowledge"),
        EntryPoint("eval.cities", "CitySettings"),
        EntryPoint("eval.summary", "SummarySettings"),
    ),
    "Experiment": (EntryPoint("benchmarks.transfer.run", "ExperimentSettings"),),
}

TITLES = {
    "CorpusSettings": "Build",
    "RenderSettings": "Plain text",
    "TrainSettings": "Training run",
    "PreviewSettings": "Preview",
    "TinyModelSettings": "Tiny model",
    "EvalSettings": "Evaluation",
    "CitySettings": "City facts",
    "SummarySettings": "Summary page",
    "ExperimentSettings": "Experiment",
}
"""Model of a configuration -> heading of its keys."""

EXIT_CODES = (
    # code, name of the constant in the code, commands, meaning, remedy
    (0, None, "all", "finished", "after training, evaluate `output_dir/model`"),
    (
        1,
        "EXIT_FAILED",
        "`spark_jobs.*`",
        "some wikis failed, or the dataset card did; the tables of the others are complete",
        "fix the cause that is printed, then run the command that is printed",
    ),
    (
        1,
        None,
        "`benchmarks.transfer.run`",
        "a part of the experiment failed",
        "read the log that the message names, then run the same command again",
    ),
    (1, None, "all", "an error that the program does not expect, with its traceback", "report it"),
    (
        2,
        "EXIT_CONFIGURATION",
        "all",
        (
            "the command line, the configuration or the input cannot be used (training changes nothing), an active run owns "
            "`output_dir`, or a shared disk is full"
        ),
        "read the message, then run the same command, corrected",
    ),
    (
        3,
        "EXIT_DIVERGED",
        "`training.train`",
        "the loss or the gradient of too many steps was not finite; the run was saved",
        "read `events.jsonl`, which names the sequences; to continue, raise `guard.stop_after`",
    ),
    (
        4,
        "EXIT_OUT_OF_MEMORY",
        "`training.train`",
        "out of memory; the message holds the estimate and the settings that need less",
        "change a setting that the message names; some need `elastic=true` to continue, or a new run",
    ),
    (
        5,
        "EXIT_RANK_LOST",
        "`training.train`",
        "another rank ended or was killed, so this one could not continue",
        "run the same command with `--set resume=true`",
    ),
    (
        75,
        "EXIT_INTERRUPTED",
        "`training.train`, `benchmarks.transfer.run`",
        (
            "ended on request: SIGTERM, in training also SIGUSR1 or a killed launcher; a training run is saved after its last "
            "finished step"
        ),
        "run the same command, for training with `--set resume=true`",
    ),
    (
        130,
        "EXIT_INTERRUPTED",
        "`spark_jobs.download`",
        "ended by Ctrl-C",
        "run the same command to continue the download",
    ),
)
"""Every exit code. A test compares the named ones with the constants in the code."""

COMMANDS_INTRODUCTION = """\
Each command prints this text with `--help`. Commands that take `--config` also list their keys there;
[Configuration](configuration.md) has the keys as tables. [Exit codes](exit-codes.md) lists how commands end.

Jobs that need Spark run with `python -m` on one machine and with `spark-submit` on a cluster. Start `training.train` with
`deepspeed` or `torchrun`, and `eval.run` with `torchrun` if it is to use several GPUs."""
CONFIGURATION_INTRODUCTION = """\
A configuration is a YAML file (`--config FILE`), checked against a typed model. `--set a.b=value` overrides one key and is
repeatable; its value is read as YAML. A file may contain `extends: other.yaml`, a path relative to itself: sections are merged
key by key, lists are replaced. Precedence, from weak to strong: defaults, the extended file, the file, each `--set` in turn.

An unknown key, a wrong type or an impossible value ends the command with exit code 2 and a message that names the key, the
value and the allowed values. The resolved configuration is written into every output. `conf/` holds a file for every purpose."""
EXIT_CODES_NOTE = """\
`deepspeed` passes on the first exit code that it sees. `torchrun` ends with 1 whatever the code was, and prints the code in
its last lines (`exitcode  : 75`); [Launch on several machines](../how-to/launch-on-several-machines.md#kubernetes) describes
the consequences. Any other code, or none, means that a machine or a GPU was lost: run the same command again, for training
with `--set resume=true`."""
API_INTRODUCTION = """\
Functions and classes that other code may import. The tables can be read without any code of this project:
[Read the tables](../how-to/read-the-tables.md)."""

API = {
    "Wikitext": (
        "spark_jobs.wikitext.extract",
        "spark_jobs.wikitext.Options",
        "spark_jobs.wikitext.Budget",
        "spark_jobs.wikitext.Extraction",
        "spark_jobs.wikitext.Link",
        "spark_jobs.wikitext.Section",
        "spark_jobs.wikitext.WikitextError",
        "spark_jobs.wikis.load_profile",
    ),
    "SQL dumps": ("spark_jobs.dumps.sql.read_table",),
    "Spark data sources": (
        "spark_jobs.sources.register",
        "spark_jobs.sources.MediaWikiSource",
        "spark_jobs.sources.MediaWikiSqlSource",
    ),
    "Training stream": (
        "training.data.encoded_corpus.open_corpus",
        "training.data.encoded_corpus.Corpus",
        "training.stream.token_stream.Stream",
        "training.stream.token_stream.StreamRules",
        "training.stream.token_stream.Batch",
        "training.stream.rolling_hash.RollingHash",
    ),
}
WITHOUT_METHODS = {"WikitextError", "MediaWikiSource", "MediaWikiSqlSource"}
"""Classes whose methods are called by Spark or Python, not by a reader."""


def pages() -> dict[str, str]:
    """File name -> text of every generated page."""
    return {
        "commands.md": commands_page(),
        "configuration.md": configuration_page(),
        "exit-codes.md": exit_codes_page(),
        "python-api.md": python_api_page(),
        "tables.md": contract_page(),
    }


# --- commands


@dataclass(frozen=True)
class Parameter:
    """An argument or option of a command."""

    name: str
    kind: Any
    info: OptionInfo | ArgumentInfo
    default: Any

    @property
    def required(self) -> bool:
        """Whether the command line must hold it."""
        return self.default is inspect.Parameter.empty

    @property
    def is_list(self) -> bool:
        """Whether it takes several values."""
        return list in (get_origin(self.kind), *map(get_origin, get_args(self.kind)))

    @property
    def usage(self) -> str:
        """An argument as it is written after `Usage:`."""
        name = f"{self.info.metavar or self.name.upper()}{'...' if self.is_list else ''}"
        return name if self.required else f"[{name}]"

    @property
    def described(self) -> str:
        """Names and value."""
        if isinstance(self.info, ArgumentInfo):
            return f"`{self.usage}`"
        # In `Annotated`, typer takes the first name as the default and moves it later.
        first = [self.info.default] if isinstance(self.info.default, str) else []
        declared = [*first, *(self.info.param_decls or ())] or [f"--{self.name.replace('_', '-')}"]
        names = ", ".join(f"`{name}`" for name in declared)
        if self.kind is bool:
            return names
        choices = ", ".join(f"`{choice}`" for choice in get_args(self.kind) if isinstance(choice, str))
        plain = next((kind.__name__.upper() for kind in (self.kind, *get_args(self.kind)) if isinstance(kind, type)), "")
        return f"{names} {choices or self.info.metavar or plain}{', repeatable' if self.is_list else ''}"

    @property
    def shown_default(self) -> str:
        """The default, if it is a value."""
        if self.required:
            return "required"
        return "" if self.default is None or self.kind is bool else f"`{self.default}`"


def commands_page() -> str:
    """Every command with its arguments and options."""
    parts = ["# Commands", NOTICE, COMMANDS_INTRODUCTION]
    for group, entry_points in ENTRY_POINTS.items():
        parts.append(f"## {group}")
        for entry_point in entry_points:
            parts += _command_section(entry_point.module)
    return _joined(parts)


def command_of(module: str) -> tuple[str, list[Parameter]]:
    """The help text and the parameters of a module's command, taken where the module would start it."""
    importlib.import_module(module)  # the first import: pydantic finds no docstrings of fields after `runpy` has run the file
    started: list[typer.Typer] = []

    def start(app: typer.Typer, *_: Any, **__: Any) -> None:
        started.append(app)

    with mock.patch.object(typer.Typer, "__call__", start), mock.patch.object(sys, "argv", [module]), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the module may be imported already
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    (command,) = started[0].registered_commands
    assert command.callback is not None
    hints = get_type_hints(command.callback, include_extras=True)
    signature = inspect.signature(command.callback)
    found = [Parameter(name, *_declared(hints[name]), parameter.default) for name, parameter in signature.parameters.items()]
    return command.help or "", [parameter for parameter in found if not parameter.info.hidden]


def _declared(annotation: Any) -> tuple[Any, OptionInfo | ArgumentInfo]:
    """The type of a parameter and what typer is to make of it, `Annotated[type, info]` or that and None."""
    if hasattr(annotation, "__metadata__"):
        return get_args(annotation)[0], annotation.__metadata__[0]
    return next(_declared(part) for part in get_args(annotation) if hasattr(part, "__metadata__"))


def _command_section(module: str) -> list[str]:
    text, parameters = command_of(module)
    arguments = [parameter for parameter in parameters if isinstance(parameter.info, ArgumentInfo)]
    options = [parameter for parameter in parameters if isinstance(parameter.info, OptionInfo)]
    usage = " ".join([f"python -m {module}", *["[OPTIONS]"][: len(options)], *(argument.usage for argument in arguments)])
    parts = [f"### {module}", f"```text\nUsage: {usage}\n```", *_help_text(text)]
    rows = [(parameter.described, parameter.shown_default, parameter.info.help or "") for parameter in [*arguments, *options]]
    return [*parts, _table(("argument or option", "default", "meaning"), rows)] if rows else parts


def _help_text(text: str) -> Iterator[str]:
    """Paragraphs of a help text; examples, which click keeps behind a form feed and a backspace, in a block."""
    for paragraph in inspect.cleandoc(text).replace("\\[", "[").split("\n\n"):
        body = paragraph.replace("\b\n", "").strip("\n")
        if body.startswith("    "):
            yield f"```text\n{textwrap.dedent(body)}\n```"
        else:
            yield _prose(body)


# --- configuration


def configuration_page() -> str:
    """Every key of every configuration, by the model that checks it."""
    readers: dict[str, list[str]] = {}
    models: dict[str, type[Settings]] = {}
    for entry_point in (entry_point for group in ENTRY_POINTS.values() for entry_point in group if entry_point.settings):
        name = entry_point.settings or ""
        readers.setdefault(name, []).append(entry_point.module)
        models.setdefault(name, getattr(importlib.import_module(entry_point.module), name))
    parts = [
        "# Configuration",
        NOTICE,
        CONFIGURATION_INTRODUCTION,
    ]
    for name, model in models.items():
        inherited = next((base for base in models.values() if base is not model and issubclass(model, base)), None)
        commands = ", ".join(f"[`{module}`](commands.md#{module.replace('.', '')})" for module in readers[name])
        parts += [f"## {TITLES[name]}", f"Read by {commands}."]
        parts += [f"All keys of [{TITLES[inherited.__name__].lower()}](#{_anchor(inherited)}), and:"] if inherited else []
        known = {row[0] for row in keys_of(inherited)} if inherited else set()
        rows = [(f"`{key}`", kind, default, meaning) for key, kind, default, meaning in keys_of(model) if key not in known]
        parts.append(_table(("key", "type", "default", "meaning"), rows))
    return _joined(parts)


def _anchor(model: type[Settings]) -> str:
    return TITLES[model.__name__].lower().replace(" ", "-")


def keys_of(model: type[Settings]) -> Iterator[tuple[str, str, str, str]]:
    """Key, type, default and meaning of every key, in the order of `describe_keys`; sections have neither type nor default."""
    for line in describe_keys(model).split("\n\n"):
        if (key := re.fullmatch(r"(\S+) \[(.+?)\] (?:\((required)\)|= (.+?)):(?: (.*))?", line)) is not None:
            name, kind, required, default, meaning = key.groups()
            yield name, kind, required or f"`{default}`", meaning or ""
        else:
            name, _, meaning = line.partition(":")
            yield name, "section", "", meaning.strip()


# --- exit codes


def exit_codes_page() -> str:
    """Every exit code with its meaning."""
    rows = [(str(code), commands, meaning, remedy) for code, _, commands, meaning, remedy in EXIT_CODES]
    return _joined(
        [
            "# Exit codes",
            NOTICE,
            _table(("code", "commands", "meaning", "what to do"), rows, "rlll"),
            EXIT_CODES_NOTE,
        ]
    )


# --- Python API


def python_api_page() -> str:
    """Signatures and docstrings of the names that other projects may import."""
    parts = [
        "# Python API",
        NOTICE,
        API_INTRODUCTION,
    ]
    for group, names in API.items():
        parts.append(f"## {group}")
        for name in names:
            parts += _object_section(*name.rpartition(".")[::2])
    return _joined(parts)


def _object_section(module: str, name: str) -> list[str]:
    place = importlib.import_module(module)
    found = getattr(place, name)
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(found))).body
    home = module if hasattr(place, "__path__") else found.__module__  # a package exports on purpose
    parts = [f"### {name}", f"```python\nfrom {home} import {name}\n```"]
    if isinstance(node, ast.FunctionDef):
        return [*parts, _signature(node), *_docstring(node)]
    assert isinstance(node, ast.ClassDef)
    parts += _docstring(node)
    if fields := list(_fields(node)):
        parts.append(_table(("field", "type", "default", "meaning"), fields))
    if name not in WITHOUT_METHODS:
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                parts += [_signature(method, f"{name}."), *_docstring(method)]
            elif isinstance(method, ast.FunctionDef) and method.name == "__init__":
                parts += [_signature(method, name, constructor=True), *_docstring(method)]
    return parts


def _signature(node: ast.FunctionDef, prefix: str = "", *, constructor: bool = False) -> str:
    arguments = ast.parse(ast.unparse(node)).body[0].args  # type: ignore[attr-defined]  # a copy
    is_property = any(isinstance(decorator, ast.Name) and decorator.id == "property" for decorator in node.decorator_list)
    if prefix:
        arguments.args = arguments.args[1:]
    listed = "" if is_property else f"({ast.unparse(arguments)})"
    result = "" if node.returns is None or constructor else f" -> {ast.unparse(node.returns)}"
    text = f"{prefix}{'' if constructor else node.name}{listed}{result}"
    if len(text) > 100:
        parts = [ast.unparse(argument) for argument in _each_argument(arguments)]
        text = f"{prefix}{'' if constructor else node.name}(\n    " + ",\n    ".join(parts) + f",\n){result}"
    return f"```python\n{text}\n```"


def _each_argument(arguments: ast.arguments) -> Iterator[ast.arguments]:
    """One list of arguments for each argument, with its default."""
    empty = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    without = len(arguments.args) - len(arguments.defaults)
    for position, argument in enumerate(arguments.args):
        default = arguments.defaults[position - without : position - without + 1] if position >= without else []
        yield ast.arguments(**{**vars(empty), "args": [argument], "defaults": default})
    for argument, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield ast.arguments(**{**vars(empty), "args": [argument], "defaults": [value] if value else []})


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, str, str, str]]:
    """Name, type, default and meaning of the public fields of a class; a field's docstring is the string below it."""
    for field, below in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and not field.target.id.startswith("_"):
            documented = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
            meaning = inspect.cleandoc(below.value.value) if documented else ""  # type: ignore[union-attr]
            default = "" if field.value is None else f"`{ast.unparse(field.value)}`"
            yield f"`{field.target.id}`", ast.unparse(field.annotation), default, meaning


def _docstring(node: ast.FunctionDef | ast.ClassDef) -> Iterator[str]:
    """The docstring in Markdown: examples in blocks, sections such as `Raises:` as lists."""
    for paragraph in (ast.get_docstring(node) or "").split("\n\n"):
        title, _, items = paragraph.partition("\n")
        if title in {"Args:", "Raises:", "Returns:", "Yields:"}:
            yield f"**{title}**"
            lines = textwrap.dedent(items).splitlines()
            yield _prose("\n".join(f"  {line.strip()}" if line.startswith(" ") else f"- {line}" for line in lines))
        elif paragraph.lstrip().startswith(">>>") or paragraph.startswith("    "):
            yield (
                f"```pycon\n{textwrap.dedent(paragraph)}\n```"
                if ">>>" in paragraph
                else f"```text\n{textwrap.dedent(paragraph)}\n```"
            )
        elif paragraph:
            yield _prose(paragraph)


# --- Markdown


def _prose(text: str) -> str:
    """Text whose angle brackets are shown as they are; code is not changed."""
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in re.split(r"(`[^`]*`)", text))


def _cell(text: str) -> str:
    """Text as a cell of a table. Code with a bar becomes HTML: the site would show the backslash that escapes the bar."""
    parts = re.split(r"(`[^`]*`)", _prose(text))
    bars = [part.startswith("`") and "|" in part for part in parts]
    shown = [
        f"<code>{html.escape(part[1:-1])}</code>".replace("|", "&#124;") if bar else part
        for part, bar in zip(parts, bars, strict=True)
    ]
    return markdown_cell("".join(shown))


def _table(headers: tuple[str, ...], rows: list[tuple[str, ...]], alignment: str = "") -> str:
    marks = ["--:" if mark == "r" else "---" for mark in alignment.ljust(len(headers), "l")]
    lines = [headers, marks, *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _joined(parts: list[str]) -> str:
    return "\n\n".join(parts) + "\n"


def main(folder: Path) -> None:
    """Write the pages."""
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REFERENCE)

"""YAML of configuration files and of `--set`: plain types, each key once, and bounds on size and depth.

Differences from PyYAML's safe loader, which follows YAML 1.1:

- A key that is given twice in a mapping is an error; PyYAML takes the last value.
- `1e-4` is a number, `no` (Norwegian) is a string, and so are `1:30` and `010`, which YAML 1.1 reads as 90 and 8.
  Booleans are `true` and `false`.
- A text of more than `MAX_BYTES` bytes, also after its aliases are expanded, and one that is nested deeper than `MAX_DEPTH`, are
  errors. A text that breaks a bound is refused before its values exist.
"""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from spark_jobs.common.errors import ConfigurationError

MAX_BYTES = 2**20
"""Bytes that a configuration file may have, and characters of a configuration whose aliases are expanded."""
MAX_DEPTH = 64
"""Lists and mappings that may enclose a value."""
_MESSAGE_CHARACTERS = 300
_MERGE = "tag:yaml.org,2002:merge"
_REPLACED_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float")}
_DECIMAL = r"(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
_IMPLICIT = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?(?:0|[1-9][0-9_]*|0b[01_]+|0x[0-9a-fA-F_]+)", "-+0123456789"),
    "float": (rf"[-+]?(?:{_DECIMAL}|[0-9][0-9_]*[eE][-+]?[0-9]+|\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN", "-+.0123456789"),
}


class BoundedLoader(yaml.SafeLoader):
    """PyYAML's safe loader with bounds and without repeated keys; scalars are those of YAML 1.1."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = self._deepest = self._size = 0
        self._anchored: dict[str, tuple[int, int]] = {}  # anchor -> (characters, levels) of its value

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node, and count its characters and levels. An alias counts as much as the value that it repeats."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in self.anchors and event.anchor not in self._anchored:
                raise _error(f"the value of &{event.anchor} contains itself", event.start_mark)
            characters, levels = self._anchored.get(str(event.anchor), (0, 0))
            self._grow(characters, self._depth + levels, event.start_mark)
            alias: yaml.Node | None = super().compose_node(parent, index)
            return alias
        before, outer = self._size, self._deepest
        self._depth += not isinstance(event, yaml.ScalarEvent)
        self._deepest = self._depth
        self._grow(1 + len(getattr(event, "value", "")), self._depth, event.start_mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= not isinstance(event, yaml.ScalarEvent)
        if event.anchor is not None:
            self._anchored[event.anchor] = self._size - before, self._deepest - self._depth
        self._deepest = max(outer, self._deepest)
        return node

    def _grow(self, characters: int, depth: int, mark: Any) -> None:
        self._size += characters
        self._deepest = max(self._deepest, depth)
        if self._size > MAX_BYTES:
            raise _error(f"the aliases expand to more than {MAX_BYTES:,} characters; write fewer of them", mark)
        if depth > MAX_DEPTH:
            raise _error(f"the value is nested more than {MAX_DEPTH} levels deep; no setting needs more than a few", mark)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compose a mapping whose keys differ."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        refuse_repeated_keys(self, node)
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Resolve `<<`: the keys of the mapping win, then those of earlier ones. PyYAML 6.0.4 lets some inherited keys win."""
        pairs: dict[Hashable, tuple[yaml.Node, yaml.Node]] = {}
        inherited: list[yaml.MappingNode] = []
        for key, value in node.value:
            if key.tag != _MERGE:
                pairs[self._identity(key)] = key, value
                continue
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if not isinstance(source, yaml.MappingNode):
                    raise _error("<< takes a mapping or a list of mappings", source.start_mark)
                self.flatten_mapping(source)
                inherited.append(source)
        for source in inherited:
            for key, value in source.value:
                pairs.setdefault(self._identity(key), (key, value))
        node.value = list(pairs.values())

    def _identity(self, key: yaml.Node) -> Hashable:
        """The key of a mapping, for comparison."""
        constructed: Hashable = self.construct_object(key) if isinstance(key, yaml.ScalarNode) else id(key)
        return constructed

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Construct a value. A scalar that only looks like a number or a day is a YAML error, too."""
        try:
            return super().construct_object(node, deep)
        except yaml.YAMLError:
            raise
        except (ValueError, OverflowError) as error:
            kind = node.tag.rpartition(":")[2]
            raise _error(
                f"{shorten(node.value)} is not a valid {kind}: {error}; quote it to get a string", node.start_mark
            ) from error


class _StrictLoader(BoundedLoader):
    """`BoundedLoader` with the scalars of the module's docstring."""


_StrictLoader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag not in _REPLACED_TAGS]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _kind, (_pattern, _letters) in _IMPLICIT.items():
    _StrictLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_pattern})$"), list(_letters))


class _StrictDumper(yaml.SafeDumper):
    """Quotes also the strings that only `_StrictLoader` would read as something else, such as `1e5`."""


_StrictDumper.yaml_implicit_resolvers = {
    letter: [*yaml.SafeDumper.yaml_implicit_resolvers.get(letter, []), *_StrictLoader.yaml_implicit_resolvers.get(letter, [])]
    for letter in yaml.SafeDumper.yaml_implicit_resolvers.keys() | _StrictLoader.yaml_implicit_resolvers.keys()
}


def refuse_repeated_keys(loader: yaml.constructor.BaseConstructor, node: yaml.MappingNode) -> None:
    """Raise `yaml.constructor.ConstructorError` for a mapping that has a key twice, with the lines of both."""
    seen: dict[Hashable, int] = {}
    for key_node, _ in node.value:
        if not isinstance(key_node, yaml.ScalarNode):  # cannot be a key of a Python mapping, which the constructor reports
            continue
        is_merge = key_node.tag == _MERGE
        key: Any = key_node.value if is_merge else loader.construct_object(key_node)
        line = key_node.start_mark.line + 1
        if key in seen:
            raise _error(
                f"the key {shorten(key)} is given twice, first in line {seen[key]}; remove one of them", key_node.start_mark
            )
        seen[key] = line


def _error(problem: str, mark: Any) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, mark)


def parse_yaml(text: str, source: str, loader: type[BoundedLoader] = _StrictLoader) -> Any:
    """Parse YAML; `source` names the file or option in messages. Raises `ConfigurationError` with the line."""
    if len(text.encode("utf-8", errors="surrogatepass")) > MAX_BYTES:
        raise ConfigurationError(f"{source} has more than {MAX_BYTES:,} bytes; is it a configuration?")
    try:
        return yaml.load(text, Loader=loader)  # noqa: S506  (a SafeLoader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = f"U+{ord(text[error.position]):04X}"
        raise ConfigurationError(
            f"{source} is not valid YAML: line {line}: the character {character} must not occur in it; remove it"
        ) from error
    except yaml.MarkedYAMLError as error:
        raise ConfigurationError(f"{source} is not valid YAML: {_place(error)}{_problem(error)}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{source} is not valid YAML: {error}") from error


def _place(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "


def _problem(error: yaml.MarkedYAMLError) -> str:
    text = ", ".join(part for part in (error.context, error.problem, error.note) if part)
    return text if len(text) <= _MESSAGE_CHARACTERS else f"{text[:_MESSAGE_CHARACTERS]}…"


def read_yaml(file: Path, loader: type[BoundedLoader] = _StrictLoader) -> Any:
    """The content of a YAML file. Raises `ConfigurationError`, with the line, for a file that cannot be used."""
    return parse_yaml(read_configuration_text(file), str(file), loader)


def read_configuration_text(file: Path) -> str:
    """The text of a file. Raises `ConfigurationError` for more than `MAX_BYTES` bytes, and for bytes that are not UTF-8."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{file} has more than {MAX_BYTES:,} bytes; is it a configuration?")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"{file} is not UTF-8: line {line} has the byte 0x{data[error.start]:02x}; save the file as UTF-8"
        ) from error


def dump_yaml(values: Any) -> str:
    """YAML that `parse_yaml` reads back as the same values, with the keys in their order."""
    text: str = yaml.dump(values, Dumper=_StrictDumper, sort_keys=False, allow_unicode=True)
    return text


def shorten(value: object, limit: int = 200) -> str:
    """`repr` of a value for a message, at most `limit` characters long.

    >>> shorten("jawiki"), shorten(list(range(1000)), 12)
    ("'jawiki'", '[0, 1, 2, 3,…')
    """
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…"

"""Rules for templates: the patterns that the language files are written in.

A *pattern* describes the text that a template leaves:

    {1} {name}     the argument with that number or name, trimmed
    {name|1}       the first of these arguments that is given and not empty
    {2:to,and}     the argument if it is one of these words
    {1|=text}      a literal as the last alternative
    {*, }          all numbered arguments that are not empty, in order, separated by the text after the star
    [ … ]          left out when an argument inside is missing or empty
    A || B         A if all its arguments are given, else B; the spaces around the bars belong to the operator

Worked example: `{1}[ ({2}[, {3}])]` on `{{nihongo|Tokyo|東京}}` gives `Tokyo (東京)`;
`{1} {2:to,and} {3} {4} || {1} {2}` gives `5 to 10 km` on `{{convert|5|to|10|km|mi}}` and `5 km` on `{{convert|5|km|mi}}`.

A `LinkTemplate` holds the patterns of a template that makes a link.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_OR = " || "
_ALL = "*"
_TOKEN = re.compile(r"\{([^{}]*)\}|([\[\]])|\\(.)", re.DOTALL)

PatternPart = str | tuple[str, ...] | list[Any]
"""A literal; the keys of an argument; or an optional group of parts."""


@dataclass(frozen=True)
class LinkTemplate:
    """A template that links to `target` with the text `label`; `titles` are pairs of (language, title) on other wikis."""

    label: str
    target: str
    titles: tuple[tuple[str, str], ...]


TemplateRule = str | LinkTemplate
"""The pattern of the text that a template leaves, or the patterns of its link."""


def parse_link_rule(rule: Mapping[str, Any]) -> LinkTemplate:
    """A link rule of a language file: `label`, `target`, and `language` with `title`, or `titles` as a list of such pairs.

    Raises ValueError for missing or unknown keys and for values of another type.
    """
    if set(rule) not in ({"label", "target", "language", "title"}, {"label", "target", "titles"}):
        raise ValueError(
            f"a link rule has label, target, and language with title, or titles; this one has {', '.join(map(str, rule))}"
        )
    pairs = rule["titles"] if "titles" in rule else [[rule["language"], rule["title"]]]
    if not isinstance(pairs, list) or not pairs or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise ValueError(f"titles must be a list of [language, title], not {pairs!r}")
    patterns = [rule["label"], rule["target"], *(pattern for pair in pairs for pattern in pair)]
    if not all(isinstance(pattern, str) for pattern in patterns):
        raise ValueError(f"the values of a link rule must be texts, not {patterns!r}")
    return LinkTemplate(rule["label"], rule["target"], tuple((language, title) for language, title in pairs))


@lru_cache(maxsize=4096)
def parse_pattern(pattern: str) -> list[list[PatternPart]]:
    """The alternatives of a pattern, each as a list of its parts. Raises ValueError for unbalanced brackets."""
    return [_parse(alternative) for alternative in pattern.split(_OR)]


def _parse(pattern: str) -> list[PatternPart]:
    stack: list[list[PatternPart]] = [[]]
    last = 0
    for match in _TOKEN.finditer(pattern):
        if match.start() > last:
            stack[-1].append(pattern[last : match.start()])
        last = match.end()
        if match[3]:
            stack[-1].append(match[3])
        elif match[2] == "[":
            stack.append([])
        elif match[2] == "]":
            if len(stack) == 1:
                raise ValueError(f"template pattern {pattern!r} closes a bracket that it did not open")
            group = stack.pop()
            stack[-1].append(group)
        else:
            stack[-1].append((match[1],) if match[1][:1] == _ALL else tuple(match[1].split("|")))
    if len(stack) > 1:
        raise ValueError(f"template pattern {pattern!r} opens a bracket that it does not close")
    if last < len(pattern):
        stack[0].append(pattern[last:])
    return stack[0]


def fill_pattern(pattern: str, arguments: Mapping[str, str]) -> str:
    """The text that `pattern` leaves for a template's arguments: decimal number or name -> trimmed text.

    >>> fill_pattern("{1}[ ({2}[, {3}])]", {"1": "Tokyo", "2": "東京"})
    'Tokyo (東京)'
    """
    text = ""
    for alternative in parse_pattern(pattern):
        text, complete = _fill_parts(alternative, arguments)
        if complete:
            break
    return text


def _fill_parts(parts: list[PatternPart], arguments: Mapping[str, str]) -> tuple[str, bool]:
    """The text of `parts`, and whether all their arguments were given."""
    out: list[str] = []
    complete = True
    for part in parts:
        if isinstance(part, str):
            out.append(part)
        elif isinstance(part, tuple):
            value = next((found for key in part if (found := _value(key, arguments))), "")
            complete = complete and (bool(value) or part[-1] == "=")
            out.append(value)
        else:
            text, whole = _fill_parts(part, arguments)
            out.append(text if whole else "")
    return "".join(out), complete


def _value(key: str, arguments: Mapping[str, str]) -> str:
    """The value of one key; empty if the argument is missing."""
    if key[:1] == "=":
        return key[1:]
    if key[:1] == _ALL:
        return key[1:].join(arguments[position] for position in _positions(arguments) if arguments[position])
    name, colon, words = key.partition(":")
    value = arguments.get(name, "")
    return value if not colon or value in words.split(",") else ""


def _positions(arguments: Mapping[str, str]) -> list[str]:
    """The numbered arguments in numeric order."""
    return sorted((name for name in arguments if name.isascii() and name.isdigit() and len(name) < 6), key=int)

"""The small language in which template rules are written.

A *pattern* says what text a template leaves. It is text with

    {1} {name}     the argument of that number or name, trimmed
    {name|1}       the first of these that is given and not empty
    {2:to,and}     the argument if it is one of these words
    {1|=text}      a literal as the last resort
    {*, }          all arguments that are not empty, by number, with what follows the star between them
    [ … ]          a part that is left out when an argument in it is missing or empty
    A || B         A if all its arguments are there, else B; the spaces around the bars belong to them

Worked example: `{1}[ ({2}[, {3}])]` on `{{nihongo|Tokyo|東京}}` gives `Tokyo (東京)`;
`{1} {2:to,and} {3} {4} || {1} {2}` gives `5 to 10 km` on `{{convert|5|to|10|km|mi}}` and `5 km` on `{{convert|5|km|mi}}`.

A `LinkTemplate` says where a link-bearing template keeps its parts, as patterns too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_OR = " || "
_ALL = "*"
_TOKEN = re.compile(r"\{([^{}]*)\}|([\[\]])|\\(.)", re.DOTALL)

Part = str | tuple[str, ...] | list[Any]
"""A literal; the keys of an argument; or an optional group of parts."""


@dataclass(frozen=True)
class LinkTemplate:
    """A template that shows `label` and leads to `target` here, and to `titles`, pairs of (language, title), on other wikis."""

    label: str
    target: str
    titles: tuple[tuple[str, str], ...]


def link_template(rule: Mapping[str, Any]) -> LinkTemplate:
    """A rule as the data file writes it: `label`, `target`, and `language` with `title`, or `titles` as a list of such pairs."""
    pairs = rule.get("titles") or [[rule["language"], rule["title"]]]
    return LinkTemplate(rule["label"], rule["target"], tuple((language, title) for language, title in pairs))


@lru_cache(maxsize=4096)
def parse_pattern(pattern: str) -> list[list[Part]]:
    """The alternatives of a pattern, each as its parts; raises ValueError for brackets that do not pair."""
    return [_parse(alternative) for alternative in pattern.split(_OR)]


def _parse(pattern: str) -> list[Part]:
    stack: list[list[Part]] = [[]]
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


def fill(pattern: str, arguments: Mapping[str, str]) -> str:
    """The text that `pattern` leaves for a template's arguments (position as a decimal string, or name -> trimmed text).

    >>> fill("{1}[ ({2}[, {3}])]", {"1": "Tokyo", "2": "東京"})
    'Tokyo (東京)'
    """
    text = ""
    for alternative in parse_pattern(pattern):
        text, complete = _fill(alternative, arguments)
        if complete:
            break
    return text


def _fill(parts: list[Part], arguments: Mapping[str, str]) -> tuple[str, bool]:
    """The text of some parts, and whether all their arguments were there."""
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
            text, whole = _fill(part, arguments)
            out.append(text if whole else "")
    return "".join(out), complete


def _value(key: str, arguments: Mapping[str, str]) -> str:
    """What one key stands for; empty if it is not there."""
    if key[:1] == "=":
        return key[1:]
    if key[:1] == _ALL:
        return key[1:].join(arguments[position] for position in _positions(arguments) if arguments[position])
    name, colon, words = key.partition(":")
    value = arguments.get(name, "")
    return value if not colon or value in words.split(",") else ""


def _positions(arguments: Mapping[str, str]) -> list[str]:
    """The arguments that have numbers, in their order, however they were written."""
    return sorted((name for name in arguments if name.isascii() and name.isdigit() and len(name) < 6), key=int)

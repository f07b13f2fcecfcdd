"""Arguments of a template call: split at pipes, named or numbered."""

import re

from spark_jobs.wikitext.page_state import DROPPED

_ARGUMENT_EDGES = re.compile(r"\[\[|\]\]|\|")
_NOTHING = f"{DROPPED} \t\n"


def parse_arguments(content: str) -> dict[str, str]:
    """Trimmed arguments of `{{content}}` by name, or by position counted from "1". Pipes inside links do not separate.

    >>> parse_arguments("lang|fr|a=b|[[x|y]]")
    {'1': 'fr', 'a': 'b', '2': '[[x|y]]'}
    """
    found: dict[str, str] = {}
    position = 0
    for part in split_arguments(content)[1:]:
        name, equals, value = part.partition("=")
        if equals and "[[" not in name:
            found[name.strip()] = _trim(value)
        else:
            position += 1
            found[str(position)] = _trim(part)
    return found


def _trim(value: str) -> str:
    """`value` without outer white space and dropped templates; an argument of only these counts as not given."""
    return value.strip(_NOTHING) if DROPPED in value else value.strip()


def split_arguments(content: str) -> list[str]:
    """`content` split at its pipes; pipes inside links do not separate, unless a link is unclosed."""
    if "[[" not in content:
        return content.split("|")
    parts: list[str] = []
    depth = start = 0
    for edge in _ARGUMENT_EDGES.finditer(content):
        if edge[0] == "[[":
            depth += 1
        elif edge[0] == "]]":
            depth = max(0, depth - 1)
        elif depth == 0:
            parts.append(content[start : edge.start()])
            start = edge.end()
    parts.append(content[start:])
    return parts if depth == 0 else content.split("|")

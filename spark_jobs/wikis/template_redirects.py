"""Redirects between templates: `{{Nobreak|…}}` is `{{Nowrap|…}}` where one redirects to the other. Pure functions of names."""

from collections.abc import Collection, Mapping
from typing import TypeVar

Rule = TypeVar("Rule")


def resolve_template_redirects(redirects: Mapping[str, str]) -> dict[str, str]:
    """Each source -> the name at the end of its chain; sources that lead into a circle are left out. Linear in the names.

    >>> resolve_template_redirects({"A": "B", "B": "C", "X": "Y", "Y": "X"})
    {'A': 'C', 'B': 'C'}
    """
    ends: dict[str, str | None] = {}
    for source in redirects:
        chain: list[str] = []
        name = source
        seen: set[str] = set()
        while name in redirects and name not in ends and name not in seen:
            seen.add(name)
            chain.append(name)
            name = redirects[name]
        end = None if name in seen else ends.get(name, name)
        ends.update(dict.fromkeys(chain, end))
    return {source: end for source in redirects if (end := ends[source]) is not None}


def add_rules_of_targets(rules: Mapping[str, Rule], resolved: Mapping[str, str], known: Collection[str]) -> dict[str, Rule]:
    """`rules` by template name, with the rule of a redirect's source added for its target if the target is not in `known`.

    Of several sources with rules, the first by name is taken, in any order of `resolved`.
    """
    added: dict[str, Rule] = {}
    for source in sorted(resolved.keys() & rules.keys()):
        if resolved[source] not in known:
            added.setdefault(resolved[source], rules[source])
    return {**rules, **added}

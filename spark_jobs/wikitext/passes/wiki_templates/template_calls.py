"""Calls, `{{head|…}}`: which template or function the head names, and the text that it leaves.

A template with a rule in the profile leaves the filled pattern or a link; other templates leave nothing. The head alone decides,
so calls are cached by their head, per wiki.
"""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

from spark_jobs.wikis.template_rules import fill_pattern
from spark_jobs.wikis.wiki_profile import NAMESPACE_TEMPLATE, WikiProfile, namespace_key
from spark_jobs.wikitext.page_state import DROPPED, EQUALS, PIPE, PageState
from spark_jobs.wikitext.passes.wiki_templates.parser_functions import FUNCTIONS, SILENT_FUNCTIONS, VARIABLES
from spark_jobs.wikitext.passes.wiki_templates.template_arguments import parse_arguments, split_arguments
from spark_jobs.wikitext.passes.wiki_templates.template_links import mark_template_link
from spark_jobs.wikitext.title_normalisation import MAX_TITLE_BYTES

_SUBSTITUTION = re.compile(r"\A\s*(?:safesubst|subst|msgnw|msg|raw)\s*:", re.IGNORECASE)
_SHIELD = str.maketrans({"|": PIPE, "=": EQUALS})
CACHED_CALLS = 1 << 14


class Call(NamedTuple):
    """The meaning of a head, the text before the first pipe of `{{…}}`."""

    name: str
    """Name of the template, its redirects followed; empty if the head does not name a template."""
    counter: str
    """Counter to raise; empty for none."""
    render: Callable[[str, PageState], str] | None
    """(content between the braces, page) -> text that the call leaves; None if it leaves nothing."""


def expand_call(content: str, opened: int, calls: dict[str, Call], page: PageState) -> str:
    """The text that `{{content}}` leaves; `opened` is a number that grows with the position of the opening braces."""
    head = content.partition("|")[0]
    call = calls.get(head)
    if call is None:
        call = _resolve_call(head, page.profile)
        if len(head) <= MAX_TITLE_BYTES:
            calls[head] = call
    name, counter, render = call
    if name and page.templates.get(name, opened) >= opened:
        page.templates[name] = opened
    if counter:
        page.count(counter)
    return DROPPED if render is None else render(content, page)


@lru_cache(maxsize=64)
def _call_cache(profile: WikiProfile) -> dict[str, Call]:  # noqa: ARG001
    return {}


def known_calls(profile: WikiProfile) -> dict[str, Call]:
    """The calls resolved so far on this wiki, by head."""
    calls = _call_cache(profile)
    if len(calls) > CACHED_CALLS:
        calls.clear()
    return calls


def _resolve_call(head: str, profile: WikiProfile) -> Call:
    """Resolve the template or function that `{{head|…}}` calls."""
    called = _normalise_head(head.replace(DROPPED, ""), profile)
    if not called:
        return Call("", "", _render_nameless)
    word, colon, _ = called.partition(":")
    word = word.rstrip().replace(" ", "_")
    if word in profile.page_settings or word in VARIABLES or word in profile.variables:
        return Call("", "", None)
    if colon:
        word = word.lower()
        convert = FUNCTIONS.get(profile.functions.get(word, word))
        if convert is not None:
            return Call("", "", partial(_render_function, convert))
        if word.startswith("#") or word in SILENT_FUNCTIONS:
            return Call("", "", None)
    name = profile.capitalise(called, NAMESPACE_TEMPLATE)
    name = profile.template_redirects.get(name, name)
    pattern, rule = profile.templates.get(name), profile.link_templates.get(name)
    if pattern is not None:
        render = partial(_render_pattern, pattern) if "{" in pattern else partial(_render_fixed_text, pattern.translate(_SHIELD))
        return Call(name, "templates_kept", render)
    return Call(name, "templates_dropped", None) if rule is None else Call(name, "", partial(mark_template_link, rule))


def _render_nameless(content: str, page: PageState) -> str:  # noqa: ARG001
    return DROPPED if content.strip() else "{{" + content + "}}"


def _render_function(convert: Callable[[str], str], content: str, page: PageState) -> str:  # noqa: ARG001
    """The text that a parser function of one argument leaves."""
    return convert(_SUBSTITUTION.sub("", split_arguments(content)[0]).partition(":")[2].strip())


def _render_pattern(pattern: str, content: str, page: PageState) -> str:  # noqa: ARG001
    return fill_pattern(pattern, parse_arguments(content)) or DROPPED


def _render_fixed_text(text: str, content: str, page: PageState) -> str:  # noqa: ARG001
    return text


def _normalise_head(raw: str, profile: WikiProfile) -> str:
    """A head without outer white space, substitution prefix and template namespace."""
    name = " ".join(raw.replace("_", " ").split())
    if ":" in name:
        name = _SUBSTITUTION.sub("", name).lstrip()
        prefix, colon, rest = name.partition(":")
        if colon and profile.namespaces.get(namespace_key(prefix)) == NAMESPACE_TEMPLATE:
            name = rest.strip()
    return name

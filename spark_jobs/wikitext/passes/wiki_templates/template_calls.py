"""Templates, parameters and parser functions: balanced `{{ }}`, and what each leaves in the text.

Braces pair as in MediaWiki's preprocessor: the innermost run of two or more opening braces meets the next run of closing ones,
three make a parameter, two a template. What never closes stays as it is and swallows nothing.
"""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

from spark_jobs.wikis.template_rules import fill
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
    """What stands before the first pipe of `{{…}}`, understood."""

    name: str
    """Of the template, at the end of its redirects; empty where it is none."""
    counter: str
    """To raise; empty where there is none."""
    render: Callable[[str, PageState], str] | None
    """What it leaves in the text, from all that stands between the braces; None if that is nothing."""


def expand_call(content: str, opened: int, calls: dict[str, Call], page: PageState) -> str:
    """What `{{content}}` leaves; `opened` orders templates by where they begin."""
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
    """What was understood before on this wiki; by what stands before the first pipe, which is all that it depends on."""
    calls = _call_cache(profile)
    if len(calls) > CACHED_CALLS:
        calls.clear()
    return calls


def _resolve_call(head: str, profile: WikiProfile) -> Call:
    """The template or function that `{{head|…}}` calls."""
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
    """What a parser function of one argument leaves."""
    return convert(_SUBSTITUTION.sub("", split_arguments(content)[0]).partition(":")[2].strip())


def _render_pattern(pattern: str, content: str, page: PageState) -> str:  # noqa: ARG001
    return fill(pattern, parse_arguments(content)) or DROPPED


def _render_fixed_text(text: str, content: str, page: PageState) -> str:  # noqa: ARG001
    return text


def _normalise_head(raw: str, profile: WikiProfile) -> str:
    """What stands before the first pipe, without white space around it, substitution and the template namespace."""
    name = " ".join(raw.replace("_", " ").split())
    if ":" in name:
        name = _SUBSTITUTION.sub("", name).lstrip()
        prefix, colon, rest = name.partition(":")
        if colon and profile.namespaces.get(namespace_key(prefix)) == NAMESPACE_TEMPLATE:
            name = rest.strip()
    return name

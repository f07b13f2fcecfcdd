"""Templates, parameters and parser functions: balanced `{{ }}`, and what each leaves in the text.

Braces pair as in MediaWiki's preprocessor: the innermost run of two or more opening braces meets the next run of closing ones,
three make a parameter, two a template. What never closes stays as it is and swallows nothing.
"""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

from spark_jobs.common.wiki_languages import canonical_code, wiki_of_language
from spark_jobs.wikis.template_rules import LinkTemplate, fill
from spark_jobs.wikis.wiki_profile import NAMESPACE_TEMPLATE, WikiProfile, load_profile, namespace_key
from spark_jobs.wikitext.page_state import DROPPED, EQUALS, NO_TRAIL, PIPE, TEMPLATE_LINK, LinkTarget, PageState
from spark_jobs.wikitext.titles import MAX_TITLE_BYTES, normalise_title

_BRACES = re.compile(r"(\{\{+|\}\}+)")
_ARGUMENT_EDGES = re.compile(r"\[\[|\]\]|\|")
_LINK_MARKUP = re.compile(r"\[\[(?:[^\[\]|]*+\|)?([^\[\]]*+)\]\]")
_SUBSTITUTION = re.compile(r"\A\s*(?:safesubst|subst|msgnw|msg|raw)\s*:", re.IGNORECASE)
_SHIELD = str.maketrans({"|": PIPE, "=": EQUALS})
_NOTHING = f"{DROPPED} \t\n"
PARAMETER, TEMPLATE = 3, 2
LONGEST_RUN = 60
"""More braces than these in a row are literal."""
CACHED_CALLS = 1 << 14
_COPIED = "characters copied out of templates"

FUNCTIONS: dict[str, Callable[[str], str]] = {
    "lc": str.lower,
    "uc": str.upper,
    "lcfirst": lambda text: text[:1].lower() + text[1:],
    "ucfirst": lambda text: text[:1].upper() + text[1:],
    "formatnum": lambda text: text,
}
"""Parser functions of one argument that leave text."""
VARIABLES = frozenset(
    f"{subject}{part}"
    for subject in ("", "FULL", "BASE", "ROOT", "SUB", "TALK", "ARTICLE", "SUBJECT")
    for part in ("PAGENAME", "PAGENAMEE", "SPACE", "SPACEE")
) | {
    "NAMESPACE",
    "NAMESPACEE",
    "SITENAME",
    "SERVER",
    "CURRENTYEAR",
    "CURRENTMONTH",
    "CURRENTDAY",
    "CURRENTTIME",
    "NUMBEROFARTICLES",
}
"""Words in braces that are no template: what they show depends on the page or the day, and is left out."""
_SILENT_FUNCTIONS = """
anchorencode canonicalurl filepath fullurl gender grammar int localurl ns nse numberingroup padleft padright pageid
pagesincategory pagesinnamespace pagesize plural protectionexpiry protectionlevel special tag urlencode
"""
SILENT_FUNCTIONS = frozenset(_SILENT_FUNCTIONS.split())
"""Parser functions without `#` whose text is left out; by their English names, they are no templates."""


class Call(NamedTuple):
    """What stands before the first pipe of `{{…}}`, understood."""

    name: str
    """Of the template, at the end of its redirects; empty where it is none."""
    counter: str
    """To raise; empty where there is none."""
    left: Callable[[str, PageState], str] | None
    """What it leaves in the text, from all that stands between the braces; None if that is nothing."""


def expand_templates(text: str, page: PageState) -> str:
    """`text` with every template replaced by what it leaves: nothing, an argument, or a link."""
    if "{{" not in text:
        return text
    pairs_only = "{{{" not in text and "}" * (LONGEST_RUN + 1) not in text and len(text) < page.budget.delimiters
    return (_expand_pairs if pairs_only else _expand_runs)(text, page).replace(PIPE, "|").replace(EQUALS, "=")


def _expand_pairs(text: str, page: PageState) -> str:
    """Where no three braces open in a row each `}}` closes the last `{{`. Most pages are so, and far faster to read."""
    calls, depth = _known_calls(page.profile), page.budget.depth
    before, *pieces = text.split("{{")
    stack: list[tuple[list[str], int]] = []
    current = [before]
    written = 0
    for index, piece in enumerate(pieces):
        inside, *closed = piece.split("}}")
        if len(stack) < depth:
            stack.append((current, index))
            current = [inside]
        else:
            current += ("{{", inside)
        for after in closed:
            if stack:
                content = "".join(current)
                current, opened = stack.pop()
                result = _template(content, opened, calls, page)
                written += len(result)
                page.spend(written, page.budget.copied_characters, _COPIED)
                current += (result, after)
            else:
                current += ("}}", after)
    return _reopened([(TEMPLATE, outer, opened) for outer, opened in stack], current, page)


def _expand_runs(text: str, page: PageState) -> str:
    """Any run of braces: `{{{{x}}}}`, parameters."""
    calls = _known_calls(page.profile)
    tokens = _BRACES.split(text)
    page.spend(len(tokens) // 2, page.budget.delimiters, "runs of braces")
    stack: list[tuple[int, list[str], int]] = []
    current: list[str] = []
    written = 0
    for index, token in enumerate(tokens):
        if index % 2 == 0:
            if token:
                current.append(token)
        elif len(token) > LONGEST_RUN:
            current.append(token)
        elif token[0] == "{":
            if len(stack) < page.budget.depth:
                stack.append((len(token), current, index))
                current = []
            else:
                current.append(token)
        else:
            closing = len(token)
            while closing >= TEMPLATE and stack:
                opening, outer, opened = stack[-1]
                size = PARAMETER if opening >= PARAMETER and closing >= PARAMETER else TEMPLATE
                content = "".join(current)
                result = _template(content, opened, calls, page) if size == TEMPLATE else _parameter(content)
                written += len(result)
                page.spend(written, page.budget.copied_characters, _COPIED)
                opening -= size
                closing -= size
                if opening >= TEMPLATE:
                    stack[-1] = (opening, outer, opened)
                    current = [result]
                else:
                    stack.pop()
                    outer.extend(("{" * opening, result))
                    current = outer
            current.append("}" * closing)
    return _reopened(stack, current, page)


def _reopened(stack: list[tuple[int, list[str], int]], current: list[str], page: PageState) -> str:
    """The text of frames that never closed: their braces are literal."""
    page.count("unclosed_braces", len(stack))
    while stack:
        opening, outer, _ = stack.pop()
        outer.extend(("{" * opening, "".join(current)))
        current = outer
    return "".join(current)


def _parameter(content: str) -> str:
    """`{{{1|default}}}` on a page of its own shows the default; without one it shows itself."""
    _, pipe, default = content.partition("|")
    return default.partition("|")[0] if pipe else "{{{" + content + "}}}"


def _template(content: str, opened: int, calls: dict[str, Call], page: PageState) -> str:
    """What `{{content}}` leaves; `opened` orders templates by where they begin."""
    head = content.partition("|")[0]
    call = calls.get(head)
    if call is None:
        call = _understand(head, page.profile)
        if len(head) <= MAX_TITLE_BYTES:
            calls[head] = call
    name, counter, left = call
    if name and page.templates.get(name, opened) >= opened:
        page.templates[name] = opened
    if counter:
        page.count(counter)
    return DROPPED if left is None else left(content, page)


@lru_cache(maxsize=64)
def _calls(profile: WikiProfile) -> dict[str, Call]:  # noqa: ARG001
    return {}


def _known_calls(profile: WikiProfile) -> dict[str, Call]:
    """What was understood before on this wiki; by what stands before the first pipe, which is all that it depends on."""
    calls = _calls(profile)
    if len(calls) > CACHED_CALLS:
        calls.clear()
    return calls


def _understand(head: str, profile: WikiProfile) -> Call:
    """The template or function that `{{head|…}}` calls."""
    called = _called(head.replace(DROPPED, ""), profile)
    if not called:
        return Call("", "", _left_without_name)
    word, colon, _ = called.partition(":")
    word = word.rstrip().replace(" ", "_")
    if word in profile.page_settings or word in VARIABLES or word in profile.variables:
        return Call("", "", None)
    if colon:
        word = word.lower()
        convert = FUNCTIONS.get(profile.functions.get(word, word))
        if convert is not None:
            return Call("", "", partial(_converted, convert))
        if word.startswith("#") or word in SILENT_FUNCTIONS:
            return Call("", "", None)
    name = profile.capitalise(called, NAMESPACE_TEMPLATE)
    name = profile.template_redirects.get(name, name)
    pattern, rule = profile.templates.get(name), profile.link_templates.get(name)
    if pattern is not None:
        left = partial(_filled, pattern) if "{" in pattern else partial(_fixed, pattern.translate(_SHIELD))
        return Call(name, "templates_kept", left)
    return Call(name, "templates_dropped", None) if rule is None else Call(name, "", partial(_link, rule))


def _left_without_name(content: str, page: PageState) -> str:  # noqa: ARG001
    return DROPPED if content.strip() else "{{" + content + "}}"


def _converted(convert: Callable[[str], str], content: str, page: PageState) -> str:  # noqa: ARG001
    """What a parser function of one argument leaves."""
    return convert(_SUBSTITUTION.sub("", _split(content)[0]).partition(":")[2].strip())


def _filled(pattern: str, content: str, page: PageState) -> str:  # noqa: ARG001
    return fill(pattern, arguments(content)) or DROPPED


def _fixed(text: str, content: str, page: PageState) -> str:  # noqa: ARG001
    return text


def _called(raw: str, profile: WikiProfile) -> str:
    """What stands before the first pipe, without white space around it, substitution and the template namespace."""
    name = " ".join(raw.replace("_", " ").split())
    if ":" in name:
        name = _SUBSTITUTION.sub("", name).lstrip()
        prefix, colon, rest = name.partition(":")
        if colon and profile.namespaces.get(namespace_key(prefix)) == NAMESPACE_TEMPLATE:
            name = rest.strip()
    return name


def arguments(content: str) -> dict[str, str]:
    """Arguments of `{{content}}`, trimmed: by name, and by position counted from "1". Pipes inside links separate nothing.

    >>> arguments("lang|fr|a=b|[[x|y]]")
    {'1': 'fr', 'a': 'b', '2': '[[x|y]]'}
    """
    found: dict[str, str] = {}
    position = 0
    for part in _split(content)[1:]:
        name, equals, value = part.partition("=")
        if equals and "[[" not in name:
            found[name.strip()] = _trim(value)
        else:
            position += 1
            found[str(position)] = _trim(part)
    return found


def _trim(value: str) -> str:
    """`value` without white space and templates that left nothing at its ends: an argument of these alone counts as not given."""
    return value.strip(_NOTHING) if DROPPED in value else value.strip()


def _split(content: str) -> list[str]:
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


def _link(rule: LinkTemplate, content: str, page: PageState) -> str:
    """The markup that carries a template's link to the pass over links."""
    values = arguments(content)
    label = plain_label(fill(rule.label, values))
    target = normalise_title(plain_label(fill(rule.target, values)), page.profile)
    if not label.strip():
        return DROPPED
    if target is None or target.wiki is not None:
        return label
    names: dict[str, str] = {}
    for language, title in rule.titles:
        given = plain_label(fill(language, values)).strip()
        if not given:
            continue
        code = canonical_code(given)
        wiki = wiki_of_language(code)
        foreign = (
            normalise_title(plain_label(fill(title, values)), load_profile(wiki)) if wiki and wiki != page.profile.wiki else None
        )
        if foreign is not None and foreign.text and foreign.wiki is None and foreign.fragment is None:
            names.setdefault(code, foreign.text)
    page.template_links.append(LinkTarget("template", None, target.text, target.fragment, names))
    return f"[[{TEMPLATE_LINK}{len(page.template_links) - 1}{PIPE}{label}]]{NO_TRAIL}"


def plain_label(text: str) -> str:
    """`text` without link markup and brackets, so that it can stand inside a link."""
    if "[" in text or "]" in text:
        text = _LINK_MARKUP.sub(r"\1", text).replace("[", "").replace("]", "")
    if TEMPLATE_LINK in text or NO_TRAIL in text:
        text = re.sub(f"{TEMPLATE_LINK}[0-9]+{PIPE}|{NO_TRAIL}", "", text)
    return text.replace("''", "") if "''" in text else text

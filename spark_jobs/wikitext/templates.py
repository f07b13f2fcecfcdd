"""Templates, parameters and parser functions: balanced `{{ }}`, and what each leaves in the text.

Braces pair as in MediaWiki's preprocessor: the innermost run of two or more opening braces meets the next run of closing ones,
three make a parameter, two a template. What never closes stays as it is and swallows nothing.
"""

import re
from collections.abc import Callable

from spark_jobs.wikis.languages import canonical_code, wiki_of_language
from spark_jobs.wikis.profiles import NAMESPACE_TEMPLATE, WikiProfile, load_profile, namespace_key
from spark_jobs.wikis.rules import LinkTemplate, fill
from spark_jobs.wikitext.page import DROPPED, EQUALS, NO_TRAIL, PIPE, TEMPLATE_LINK, LinkTarget, Page
from spark_jobs.wikitext.titles import normalise_title

_BRACES = re.compile(r"(\{\{+|\}\}+)")
_ARGUMENT_EDGES = re.compile(r"\[\[|\]\]|\|")
_LINK_MARKUP = re.compile(r"\[\[(?:[^\[\]|]*+\|)?([^\[\]]*+)\]\]")
_SUBSTITUTION = re.compile(r"\A\s*(?:safesubst|subst|msgnw|msg|raw)\s*:", re.IGNORECASE)
_SHIELD = str.maketrans({"|": PIPE, "=": EQUALS})
_NOTHING = f"{DROPPED} \t\n"
PARAMETER, TEMPLATE = 3, 2
LONGEST_RUN = 60
"""More braces than these in a row are literal."""

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


def expand_templates(text: str, page: Page) -> str:
    """`text` with every template replaced by what it leaves: nothing, an argument, or a link."""
    if "{{" not in text:
        return text
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
                result = _template(content, opened, page) if size == TEMPLATE else _parameter(content)
                written += len(result)
                page.spend(written, page.budget.copied_characters, "characters copied out of templates")
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
    page.count("unclosed_braces", len(stack))
    return _reopened(stack, current).replace(PIPE, "|").replace(EQUALS, "=")


def _reopened(stack: list[tuple[int, list[str], int]], current: list[str]) -> str:
    """The text of frames that never closed: their braces are literal."""
    while stack:
        opening, outer, _ = stack.pop()
        outer.extend(("{" * opening, "".join(current)))
        current = outer
    return "".join(current)


def _parameter(content: str) -> str:
    """`{{{1|default}}}` on a page of its own shows the default; without one it shows itself."""
    _, pipe, default = content.partition("|")
    return default.partition("|")[0] if pipe else "{{{" + content + "}}}"


def _template(content: str, opened: int, page: Page) -> str:
    """What `{{content}}` leaves; `opened` orders templates by where they begin."""
    head = content.partition("|")[0]
    if DROPPED in head:
        head = head.replace(DROPPED, "")
    profile = page.profile
    called = _called(head, profile)
    if not called:
        return DROPPED if content.strip() else "{{" + content + "}}"
    word, colon, _ = called.partition(":")
    word = word.rstrip().replace(" ", "_")
    if word in profile.page_settings or word in VARIABLES or word in profile.variables:
        return DROPPED
    if colon:
        word = word.lower()
        convert = FUNCTIONS.get(profile.functions.get(word, word))
        if convert is not None:
            return convert(_SUBSTITUTION.sub("", _split(content)[0]).partition(":")[2].strip())
        if word.startswith("#") or word in SILENT_FUNCTIONS:
            return DROPPED
    name = profile.capitalise(called, NAMESPACE_TEMPLATE)
    name = profile.template_redirects.get(name, name)
    page.templates[name] = min(opened, page.templates.get(name, opened))
    return _left_by(name, content, page)


def _left_by(name: str, content: str, page: Page) -> str:
    """What a template of this name leaves, by its class."""
    pattern = page.profile.templates.get(name)
    if pattern is not None:
        page.count("templates_kept")
        return (fill(pattern, arguments(content)) or DROPPED) if "{" in pattern else pattern.translate(_SHIELD)
    rule = page.profile.link_templates.get(name)
    if rule is not None:
        return _link(rule, arguments(content), page)
    page.count("templates_dropped")
    return DROPPED


def template_name(raw: str, profile: WikiProfile) -> str:
    """Normalised name of the template that `{{raw` calls, without its namespace; empty where there is none."""
    return profile.capitalise(_called(raw, profile), NAMESPACE_TEMPLATE)


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


def _link(rule: LinkTemplate, values: dict[str, str], page: Page) -> str:
    """The markup that carries a template's link to the pass over links."""
    label = plain_label(fill(rule.label, values))
    target = normalise_title(plain_label(fill(rule.target, values)), page.profile)
    if not label.strip():
        return DROPPED
    if target is None or target.wiki is not None:
        return label
    names: dict[str, str] = {}
    for language, title in rule.titles:
        code = canonical_code(plain_label(fill(language, values)).strip())
        wiki = wiki_of_language(code) if code else None
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

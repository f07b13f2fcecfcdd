"""Balanced `{{ }}` and `{{{ }}}`: each call is replaced by the text that it leaves.

Braces pair as in MediaWiki's preprocessor: the innermost run of two or more opening braces meets the next run of closing braces;
three are a parameter, two a template. Unclosed braces stay literal.
"""

import re

from spark_jobs.wikitext.page_state import EQUALS, PIPE, PageState
from spark_jobs.wikitext.passes.wiki_templates.template_calls import expand_call, known_calls

_BRACES = re.compile(r"(\{\{+|\}\}+)")
PARAMETER, TEMPLATE = 3, 2
"""Number of braces on each side."""
LONGEST_RUN = 60
"""Longer runs of braces are literal."""
_COPIED = "characters copied out of templates"


def expand_templates(text: str, page: PageState) -> str:
    """`text` with each template replaced by the text that it leaves: nothing, an argument, or a link."""
    if "{{" not in text:
        return text
    pairs_only = "{{{" not in text and "}" * (LONGEST_RUN + 1) not in text and len(text) < page.budget.delimiters
    return (_expand_pairs if pairs_only else _expand_runs)(text, page).replace(PIPE, "|").replace(EQUALS, "=")


def _expand_pairs(text: str, page: PageState) -> str:
    """Expand a text without three opening braces in a row, where each `}}` closes the last `{{`: most pages, and far faster."""
    calls, depth = known_calls(page.profile), page.budget.depth
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
                result = expand_call(content, opened, calls, page)
                written += len(result)
                page.check_budget(written, page.budget.copied_characters, _COPIED)
                current += (result, after)
            else:
                current += ("}}", after)
    return _restore_unclosed([(TEMPLATE, outer, opened) for outer, opened in stack], current, page)


def _expand_runs(text: str, page: PageState) -> str:
    """Expand a text with any runs of braces: `{{{{x}}}}`, parameters."""
    calls = known_calls(page.profile)
    tokens = _BRACES.split(text)
    page.check_budget(len(tokens) // 2, page.budget.delimiters, "runs of braces")
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
                result = expand_call(content, opened, calls, page) if size == TEMPLATE else _expand_parameter(content)
                written += len(result)
                page.check_budget(written, page.budget.copied_characters, _COPIED)
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
    return _restore_unclosed(stack, current, page)


def _restore_unclosed(stack: list[tuple[int, list[str], int]], current: list[str], page: PageState) -> str:
    """The whole text, with the braces of unclosed frames as literals."""
    page.count("unclosed_braces", len(stack))
    while stack:
        opening, outer, _ = stack.pop()
        outer.extend(("{" * opening, "".join(current)))
        current = outer
    return "".join(current)


def _expand_parameter(content: str) -> str:
    """`{{{1|default}}}` outside a template shows the default, or its own source if there is none."""
    _, pipe, default = content.partition("|")
    return default.partition("|")[0] if pipe else "{{{" + content + "}}}"

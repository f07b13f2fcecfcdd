"""Language variants, `-{zh-hans:计算机;zh-hant:電腦}-`: resolved to one variant in wikis that have them.

Rules: MediaWiki's "Writing systems/Syntax". Flags: A and + show and define; H, T, D, N and - show nothing; R shows the raw text,
and so does the code of a variant. Conversion tables of words are not applied.
"""

import re
from functools import lru_cache

from spark_jobs.wikitext.page_state import TAG_OPEN, PageState

_OPEN, _CLOSE = "-{", "}-"
_EDGES = re.compile(r"(-\{|\}-)")
_FLAGS = re.compile(r"\s*([-+A-Za-z;\s]*?)\s*\|")
_HIDING = frozenset("HTDN-")


@lru_cache(maxsize=64)
def _rule_pattern(variants: tuple[str, ...]) -> re.Pattern[str]:
    """Pattern of the start of a rule: `code:` or `word=>code:`."""
    codes = "|".join(re.escape(code) for code in sorted(variants, key=len, reverse=True))
    return re.compile(rf"(?:^|;)\s*+(?:([^;:]*?)=>\s*+)?({codes})\s*+:", re.IGNORECASE)


def choose_variant(text: str, page: PageState) -> str:
    """`text` with each `-{ }-` replaced by the text for readers of the chosen variant; unclosed ones stay literal."""
    variants = page.profile.variants
    if not variants or "-{" not in text:
        return text
    tokens = _EDGES.split(text)
    page.check_budget(len(tokens) // 2, page.budget.delimiters, "variant markers")
    stack: list[list[str]] = []
    current: list[str] = []
    for index, token in enumerate(tokens):
        if index % 2 == 0:
            current.append(token)
        elif token == _CLOSE and not stack and tokens[index + 1].startswith("{"):
            current.append("}")  # outside of any variant, `}-{` is a brace and an opening
            tokens[index + 1] = tokens[index + 1][1:]
            stack.append(current)
            current = []
        elif token == _OPEN and len(stack) < page.budget.depth:
            stack.append(current)
            current = []
        elif token == _CLOSE and stack:
            shown = resolve_variants("".join(current), variants)
            current = stack.pop()
            if not stack and current[-1][-1:] in ("", "\n"):
                current.append(TAG_OPEN)  # its text does not begin a list
            current.append(shown)
            page.count("variants")
        else:
            current.append(token)
    while stack:
        outer = stack.pop()
        outer.append(_OPEN)
        outer.append("".join(current))
        current = outer
    return "".join(current)


def resolve_variants(content: str, variants: tuple[str, ...]) -> str:
    """The text that `-{content}-` shows in the first of `variants` that it has a rule for.

    >>> resolve_variants("zh-hans:计算机;zh-hant:電腦", ("zh-cn", "zh-hans", "zh-hant"))
    '计算机'
    >>> resolve_variants("H|zh-cn:a;zh-tw:b", ("zh-cn", "zh-tw"))
    ''
    """
    if ":" not in content and "|" not in content:
        return content
    flags = _FLAGS.match(content)
    if flags is not None:
        content = content[flags.end() :]
        wanted = {flag.strip() for flag in flags[1].split(";")}
        if wanted & _HIDING:
            return ""
        codes = {flag.lower() for flag in wanted} & set(variants)
        if "R" in wanted or codes:
            return content
    rules = list(_rule_pattern(variants).finditer(content))
    if not rules:
        return content
    ends = [following.start() for following in rules[1:]] + [len(content)]
    texts: dict[str, str] = {}
    for rule, end in zip(rules, ends, strict=True):
        if rule[1] is None:
            texts.setdefault(rule[2].lower(), content[rule.end() : end].strip().removesuffix(";").rstrip())
    return next((texts[code] for code in variants if code in texts), "")

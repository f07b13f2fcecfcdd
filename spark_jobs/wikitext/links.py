"""Internal links: files out, categories and language links silent, the rest marked with the letters that join them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from spark_jobs.wikis.profiles import NAMESPACE_CATEGORY, NAMESPACE_FILE, NAMESPACE_MEDIA, WikiProfile
from spark_jobs.wikitext.page import BREAK, DROPPED, LINK_CLOSE, LINK_OPEN, TEMPLATE_LINK, LinkTarget, Page
from spark_jobs.wikitext.titles import Title, normalise_title

_LABEL = r"[^\[\]]*+(?:(?:\[(?!\[)|\](?!\]))[^\[\]]*+)*+"
_CAPTION = rf"[^\[\]\n]*+(?:(?:\[\[{_LABEL}\]\]|\[(?!\[)|\](?!\])|\n(?!\s*\n))[^\[\]\n]*+)*+\]\]"
_TARGET = r"[^\[\]{}|<>\n\x00-\x0d\x0f-\x11\x13-\x1f\x7f]*+"
_PARENTHESIS = re.compile(r" ?(?:\([^()]*\)|（[^（）]*）)$")
_BRACKETS = re.compile(r"(\[\[|\]\])")
CACHED_TARGETS = 1 << 16

LITERAL, UNKNOWN = "links_literal", "links_as_text"
_SILENT_NAMESPACES = {NAMESPACE_CATEGORY: "categories", NAMESPACE_FILE: "files"}
SILENT = frozenset(["language_links", *_SILENT_NAMESPACES.values()])


class Resolved(NamedTuple):
    """What a link target does: the text shown without a label, and with an empty one; the target; else the counter to raise."""

    shown: str
    short: str
    target: LinkTarget | None
    action: str


@dataclass(slots=True)
class LinkSyntax:
    """Compiled patterns of one wiki, and the targets met so far."""

    file_start: re.Pattern[str]
    file: re.Pattern[str]
    edges: re.Pattern[str]
    link: re.Pattern[str]
    prefix: re.Pattern[str] | None
    resolved: dict[str, Resolved] = field(default_factory=dict)


@lru_cache(maxsize=64)
def link_syntax(profile: WikiProfile) -> LinkSyntax:
    """The wiki's link syntax; made once per process."""
    names = [re.escape(name).replace(r"\ ", "[ _]+") for name, number in profile.namespaces.items() if number == NAMESPACE_FILE]
    start = rf"\[\[[ _]*(?:{'|'.join(sorted(names, key=len, reverse=True))})[ _]*:"
    trail = f"({profile.link_trail})"
    prefix = rf"(?<![{profile.link_prefix}])([{profile.link_prefix}]++){LINK_OPEN}" if profile.link_prefix else None
    link = rf"\[\[({_TARGET})(?:\|({_LABEL})\]\](\]?)|\]\]){trail}"
    return LinkSyntax(
        re.compile(start, re.IGNORECASE),
        re.compile(start + _CAPTION, re.IGNORECASE),
        re.compile(rf"({start})|\[\[|\]\]", re.IGNORECASE),
        re.compile(link),
        re.compile(prefix) if prefix else None,
    )


def drop_files(text: str, page: Page) -> str:
    """`text` without `[[File:…]]`, captions and the links in them included; an unclosed one goes to the end of its line."""
    syntax = link_syntax(page.profile)
    if syntax.file_start.search(text) is None:
        return text
    text, number = syntax.file.subn(DROPPED, text)
    page.count("files", number)
    first = syntax.file_start.search(text)
    return text if first is None else _drop_deep_files(text, first.start(), syntax, page)


def _drop_deep_files(text: str, start: int, syntax: LinkSyntax, page: Page) -> str:
    """Files whose captions hold files or paragraphs, by a stack of brackets; `start` is where the first one begins."""
    stack: list[tuple[int, bool]] = []
    spans: list[tuple[int, int]] = []
    for edge in syntax.edges.finditer(text, start):
        if edge[0] != "]]":
            stack.append((edge.start(), edge[1] is not None))
        elif stack:
            begin, is_file = stack.pop()
            if is_file:
                spans.append((begin, edge.end()))
    line_end = 0
    for begin, is_file in stack:
        if is_file and begin >= line_end:
            line_end = text.find("\n", begin)
            line_end = len(text) if line_end < 0 else line_end
            spans.append((begin, line_end))
            page.count("unclosed_files")
    out: list[str] = []
    last = 0
    for begin, end in sorted(spans):
        if begin >= last:
            out.append(text[last:begin])
            page.count("files")
        last = max(last, end)
    out.append(text[last:])
    return DROPPED.join(out)


def mark_links(text: str, page: Page) -> str:
    """`text` with each visible link as its label between marks; `page.links` gets their targets in the same order."""
    if "[[" not in text:
        return text
    syntax = link_syntax(page.profile)
    if len(syntax.resolved) > CACHED_TARGETS:
        syntax.resolved.clear()
    text = syntax.link.sub(_marker(page, syntax), text)
    if syntax.prefix is not None:
        text = syntax.prefix.sub(rf"{LINK_OPEN}\1", text)
    return drop_stray_brackets(text) if "[[" in text or "]]" in text else text


def _marker(page: Page, syntax: LinkSyntax) -> Callable[[re.Match[str]], str]:
    resolved, profile, append = syntax.resolved, page.profile, page.links.append

    def mark(match: re.Match[str]) -> str:
        raw, label, bracket, trail = match.groups("")
        rest = ""
        if bracket:
            label, trail, rest = (label + "]", trail, "") if "[" in label else (label, "", "]" + trail)
        found = resolved.get(raw)
        if found is None:
            if TEMPLATE_LINK in raw:
                return _template_link(raw, label, trail + rest, page)
            found = resolved[raw] = resolve_target(raw, profile)
        if label:
            shown = found.short if label.isspace() else label
            if "\n" in shown or BREAK in shown:
                shown = " ".join(shown.replace(BREAK, " ").split())
        else:
            shown = found.shown if match[2] is None else found.short
        if found.target is not None:
            append(found.target)
            before = " " if shown[:1] == " " else ""
            return f"{before}{LINK_OPEN}{shown.lstrip()}{trail}{LINK_CLOSE}{rest}"
        page.count(found.action)
        if found.action == LITERAL:
            return match[0]
        return trail if found.action in SILENT else f"{shown}{trail}{rest}"

    return mark


def resolve_target(raw: str, profile: WikiProfile) -> Resolved:
    """What `[[raw]]` does on this wiki."""
    if DROPPED in raw:
        return Resolved("", "", None, UNKNOWN)
    title = normalise_title(raw, profile)
    if title is None:
        return Resolved(raw, raw, None, LITERAL)
    shown = (raw.strip().removeprefix(":").strip() or title.text).replace("''", "&#39;&#39;")
    action = _action(title)
    return Resolved(shown, _pipe_trick(title), None if action else _visible(title), action)


def _action(title: Title) -> str:
    """The counter of a link that is none in the text; empty for one that is."""
    if title.wiki is not None:
        if title.interlanguage and not title.colon:
            return "language_links"
        return "" if title.wiki else UNKNOWN
    if title.namespace == NAMESPACE_MEDIA:
        return UNKNOWN
    return "" if title.colon else _SILENT_NAMESPACES.get(title.namespace, "")


def _visible(title: Title) -> LinkTarget:
    if title.wiki is None:
        return LinkTarget("internal", None, title.text, title.fragment, {})
    names = {title.language: title.text} if title.language and title.text and title.fragment is None else {}
    return LinkTarget("interwiki", title.wiki, title.text, title.fragment, names)


def drop_stray_brackets(text: str) -> str:
    """`text` without `[[` that nothing closes on its line and `]]` that nothing opened: slips of editors, no text.

    Links that MediaWiki refuses, such as `[[a{b]]`, pair and stay.
    """
    return "\n".join([_without_strays(line) if "[[" in line or "]]" in line else line for line in text.split("\n")])


def _without_strays(line: str) -> str:
    parts = _BRACKETS.split(line)
    waiting: list[int] = []
    for index in range(1, len(parts), 2):
        if parts[index] == "[[":
            waiting.append(index)
        elif waiting:
            waiting.pop()
        else:
            parts[index] = ""
    for index in waiting:
        parts[index] = ""
    return "".join(parts)


def _template_link(raw: str, label: str, after: str, page: Page) -> str:
    number = raw.strip().removeprefix(TEMPLATE_LINK)
    if not label or not number.isdecimal():
        return label + after
    page.links.append(page.template_links[int(number)])
    return f"{LINK_OPEN}{' '.join(label.replace(BREAK, ' ').split())}{LINK_CLOSE}{after}"


def _pipe_trick(title: Title) -> str:
    """`[[Help:Foo (bar)|]]` shows Foo."""
    text = title.text.partition(":")[2] if title.namespace else title.text
    return _PARENTHESIS.sub("", text) or text or (title.fragment or "")

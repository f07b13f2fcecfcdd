"""Internal links: files out, categories and language links silent, the rest marked with the letters that join them."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from spark_jobs.wikis.profiles import NAMESPACE_CATEGORY, NAMESPACE_FILE, NAMESPACE_MEDIA, WikiProfile
from spark_jobs.wikitext.inline import PROTOCOLS
from spark_jobs.wikitext.page import (
    BREAK,
    DROPPED,
    HEADING_CLOSE,
    HEADING_OPEN,
    LINK_CLOSE,
    LINK_OPEN,
    TEMPLATE_LINK,
    LinkTarget,
    Page,
)
from spark_jobs.wikitext.quotes import drop_quotes_of_line
from spark_jobs.wikitext.titles import Title, is_ordinary, normalise_title

# A heading ends what is open: an unclosed link must not take the sections after it.
_PLAIN = rf"[^\[\]{HEADING_OPEN}]"
_INSIDE = rf"{_PLAIN}*+(?:(?:\[(?!\[)|\](?!\])){_PLAIN}*+)*+"
_LABEL = rf"(?:[^\[{HEADING_OPEN}]|\[(?!\[)){_INSIDE}"
_IN_CAPTION = rf"[^\[\]\n{HEADING_OPEN}]"
_CAPTION = rf"{_IN_CAPTION}*+(?:(?:\[\[{_INSIDE}\]\]|\[(?!\[)|\](?!\])|\n(?!\s*\n)){_IN_CAPTION}*+)*+\]\]"
_LINE_END = re.compile(rf"[\n{HEADING_CLOSE}]|\Z")
_TARGET = r"[^\[\]{}|<>\n\x00-\x0d\x0f-\x11\x13-\x1f\x7f]++"
_MARKUP = re.compile(rf"[\n{BREAK}\[]|''")
_PROTOCOL = re.compile(PROTOCOLS, re.IGNORECASE)
_BRACKETS = re.compile(rf"(\[\[(?!{PROTOCOLS})|\]\]|\n[ \t]*\n)", re.IGNORECASE)
CACHED_TARGETS = 1 << 16

LITERAL, UNKNOWN = "links_literal", "links_as_text"
_SILENT_NAMESPACES = {NAMESPACE_CATEGORY: "categories", NAMESPACE_FILE: "files"}
SILENT = frozenset(["language_links", *_SILENT_NAMESPACES.values()])


class Resolved(NamedTuple):
    """What a link target does: the text shown without a label; the target; else the counter to raise."""

    shown: str
    target: LinkTarget | None
    action: str


class Brackets(NamedTuple):
    """The pieces of `[…[[raw|label]]]trail`, and the text after it up to the next link."""

    before: str
    raw: str
    label: str | None
    bracket: str
    trail: str
    after: str

    def as_written(self) -> str:
        """The link as it stands in the source, without what comes after it."""
        label = "" if self.label is None else f"|{self.label}"
        return f"[{self.before}[{self.raw}{label}]]{self.bracket}{self.trail}"


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
    """The wiki's link syntax; made once per process.

    Of three opening brackets MediaWiki takes none for a link; where only two close, we read a bracket and a link.
    """
    names = [_name_pattern(name) for name, number in profile.namespaces.items() if number == NAMESPACE_FILE]
    start = rf"\[\[[ _]*(?:{'|'.join(sorted(names, key=len, reverse=True))})[ _]*:"
    trail = f"({profile.link_trail})"
    prefix = rf"(?<![{profile.link_prefix}])([{profile.link_prefix}]++){LINK_OPEN}" if profile.link_prefix else None
    # Brackets pair from the left: of four in a row the last two open a link.
    link = rf"\[(?<!\[\[)(\[*)\[({_TARGET})(?:\|({_LABEL})\]\](\]?)|\]\]){trail}"
    return LinkSyntax(
        re.compile(start, re.IGNORECASE),
        re.compile(start + _CAPTION, re.IGNORECASE),
        re.compile(rf"({start})|\[\[|\]\]|{HEADING_OPEN}", re.IGNORECASE),
        re.compile(link),
        re.compile(prefix) if prefix else None,
    )


def _name_pattern(name: str) -> str:
    """A namespace name, case ignored; but `re` takes the Turkish İ for an i, and MediaWiki does not."""
    return re.escape(name).replace(r"\ ", "[ _]+").replace("i", "(?-i:[iI])")


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
    unclosed: list[int] = []
    for edge in syntax.edges.finditer(text, start):
        if edge[0] == HEADING_OPEN:
            unclosed += [begin for begin, is_file in stack if is_file]
            stack.clear()
        elif edge[0] != "]]":
            stack.append((edge.start(), edge[1] is not None))
        elif stack:
            begin, is_file = stack.pop()
            if is_file:
                spans.append((begin, edge.end()))
    unclosed += [begin for begin, is_file in stack if is_file]
    line_end = 0
    for begin in unclosed:
        if begin >= line_end:
            line_end = _LINE_END.search(text, begin).start()  # type: ignore[union-attr]  # the end of the text matches
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
    known = syntax.resolved.get
    parts = syntax.link.split(text)
    out = [parts[0]]
    for before, raw, label, bracket, trail, after in zip(*(parts[group::6] for group in range(1, 7)), strict=True):
        found = known(raw)
        if found is None or found.target is None or before or bracket:
            out.append(_rarer_link(Brackets(before, raw, label, bracket or "", trail, after), syntax, page))
        else:
            shown = found.shown if label is None else _plain(label, page) if _MARKUP.search(label) else label
            out.append(_marked(shown, trail, found.target, page))
        out.append(after)
    text = "".join(out)
    if syntax.prefix is not None:
        text = syntax.prefix.sub(rf"{LINK_OPEN}\1", text)
    return drop_unclosed(text, page) if "[[" in text else text


def _marked(shown: str, trail: str, target: LinkTarget, page: Page) -> str:
    page.links.append(target)
    if shown[:1] == " ":
        return f" {LINK_OPEN}{shown.lstrip()}{trail}{LINK_CLOSE}"
    return f"{LINK_OPEN}{shown}{trail}{LINK_CLOSE}"


def _rarer_link(link: Brackets, syntax: LinkSyntax, page: Page) -> str:
    """What stands for a link whose target is new, or that is none, or that has further brackets around it."""
    before, raw, label, bracket, trail, after = link
    if len(before) % 2 and (bracket or (trail or after)[:1] == "]"):
        return link.as_written()
    rest = ""
    if bracket and label is not None:
        label, trail, rest = (label + "]", trail, "") if "[" in label else (label, "", "]" + trail)
    if TEMPLATE_LINK in raw:
        return before + _template_link(raw, label or "", trail + rest, page)
    found = syntax.resolved.get(raw)
    if found is None:
        found = syntax.resolved[raw] = resolve_target(raw, page.profile)
    shown = found.shown if label is None else _plain(label, page)
    if found.target is not None:
        return f"{before}{_marked(shown, trail, found.target, page)}{rest}"
    page.count(found.action)
    if found.action == LITERAL:
        return link.as_written()
    return before + DROPPED + trail + rest if found.action in SILENT else f"{before}{shown}{trail}{rest}"


def drop_unclosed(text: str, page: Page) -> str:
    """`text` without each `[[` that no `]]` of its paragraph closes: a slip of an editor, where MediaWiki shows the brackets.

    What pairs and is no link stays: `[[a{b]]`.
    """
    parts = _BRACKETS.split(text)
    waiting: list[int] = []
    unclosed: list[int] = []
    for index in range(1, len(parts), 2):
        if parts[index] == "[[":
            waiting.append(index)
        elif parts[index] != "]]":
            unclosed += waiting
            waiting.clear()
        elif waiting:
            waiting.pop()
    unclosed += waiting
    if not unclosed:
        return text
    page.count("links_unclosed", len(unclosed))
    for index in unclosed:
        parts[index] = ""
    return "".join(parts)


def _plain(label: str, page: Page) -> str:
    """A label as a link shows it: one line, its quotes read by themselves, its single brackets no external link."""
    if "\n" in label or BREAK in label:
        label = " ".join(label.replace(BREAK, " ").split())
    if "''" in label:
        label = drop_quotes_of_line(label)
    return label.replace("[", page.strip("[")) if "[" in label else label


def resolve_target(raw: str, profile: WikiProfile) -> Resolved:
    """What `[[raw]]` does on this wiki."""
    if is_ordinary(raw) and "''" not in raw:
        return Resolved(raw, LinkTarget("internal", None, profile.capitalise(raw), None, {}), "")
    if DROPPED in raw:
        return Resolved("", None, UNKNOWN)
    title = None if _PROTOCOL.match(raw.lstrip(" ")) else normalise_title(raw, profile)
    if title is None:
        return Resolved(raw, None, LITERAL)
    shown = unquote(raw) if "%" in raw else raw
    shown = shown.strip().removeprefix(":").strip() or title.text
    if "''" in shown:
        shown = shown.replace("''", "&#39;&#39;")
    action = _action(title)
    return Resolved(shown, None if action else _visible(title), action)


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


def _template_link(raw: str, label: str, after: str, page: Page) -> str:
    number = raw.strip().removeprefix(TEMPLATE_LINK)
    if not label or not number.isdecimal():
        return label + after
    page.links.append(page.template_links[int(number)])
    return f"{LINK_OPEN}{' '.join(label.replace(BREAK, ' ').split())}{LINK_CLOSE}{after}"

"""Internal links: files out, categories and language links silent, the rest marked with the letters that join them."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

from spark_jobs.wikis.wiki_profile import NAMESPACE_FILE, WikiProfile
from spark_jobs.wikitext.extraction_result import LinkKind
from spark_jobs.wikitext.page_state import (
    BREAK,
    DROPPED,
    HEADING_CLOSE,
    HEADING_OPEN,
    LINK_CLOSE,
    LINK_OPEN,
    TEMPLATE_LINK,
    PageState,
    TargetFields,
)
from spark_jobs.wikitext.passes.bold_italics import drop_quotes_of_line
from spark_jobs.wikitext.passes.inline_markup import PROTOCOLS
from spark_jobs.wikitext.passes.link_targets import LITERAL, NO_NAMES, SILENT, Resolved, resolve_target
from spark_jobs.wikitext.titles import ORDINARY_TITLE, Capitals, are_stored

# A heading ends what is open: an unclosed link must not take the sections after it. No link stands inside a link.
_PLAIN = rf"[^\[\]{LINK_OPEN}{HEADING_OPEN}]"
_INSIDE = rf"{_PLAIN}*+(?:(?:\[(?!\[)|\](?!\])){_PLAIN}*+)*+"
_LABEL = rf"(?:[^\[{LINK_OPEN}{HEADING_OPEN}]|\[(?!\[)){_INSIDE}"
_IN_CAPTION = rf"[^\[\]\n{HEADING_OPEN}]"
_CAPTION = rf"{_IN_CAPTION}*+(?:(?:\[\[{_INSIDE}\]\]|\[(?!\[)|\](?!\])|\n(?!\s*\n)){_IN_CAPTION}*+)*+\]\]"
_LINE_END = re.compile(rf"[\n{HEADING_CLOSE}]|\Z")
_TARGET = r"[^\[\]{}|<>\n\x00-\x0d\x0f-\x11\x13-\x1f\x7f]++"
_SHOWN = rf"[^'\[\]\n{BREAK}{HEADING_OPEN}]++"
_ORDINARY = rf"\[\[(?<!\[\[\[)({ORDINARY_TITLE})(?:\|((?! ){_SHOWN}(?:'(?!'){_SHOWN})*+))?\]\]"
"""Nearly all links: the title of an article as it is stored, and a label that is shown as it stands. Such a link begins at the
only two brackets in a row and ends before the next two, so that nothing around it can change it."""
_BRACKETS = re.compile(rf"(\[\[(?!{PROTOCOLS})|\]\]|\n[ \t]*\n)", re.IGNORECASE)
CACHED_TARGETS = 1 << 16


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
    """Compiled patterns of one wiki, and the links met so far."""

    file_start: re.Pattern[str]
    file: re.Pattern[str]
    edges: re.Pattern[str]
    ordinary: re.Pattern[str]
    link: re.Pattern[str]
    prefix: re.Pattern[str] | None
    capitals: Capitals
    resolved: dict[str, Resolved] = field(default_factory=dict)


@lru_cache(maxsize=64)
def link_syntax(profile: WikiProfile) -> LinkSyntax:
    """The wiki's link syntax; made once per process.

    Of three opening brackets MediaWiki takes none for a link; where only two close, we read a bracket and a link.
    """
    names = [_name_pattern(name) for name, number in profile.namespaces.items() if number == NAMESPACE_FILE]
    # The class is for speed: it keeps nearly all links from being compared with name after name.
    first = "".join(sorted({re.escape(name[0]) for name, number in profile.namespaces.items() if number == NAMESPACE_FILE}))
    start = rf"\[\[[ _]*+(?=[{first}])(?:{'|'.join(sorted(names, key=len, reverse=True))})[ _]*:"
    trail = f"({profile.link_trail})"
    prefix = rf"(?<![{profile.link_prefix}])([{profile.link_prefix}]++){LINK_OPEN}" if profile.link_prefix else None
    # Brackets pair from the left: of four in a row the last two open a link.
    link = rf"\[(?<!\[\[)(\[*)\[({_TARGET})(?:\|({_LABEL})\]\](\]?)|\]\]){trail}"
    return LinkSyntax(
        file_start=re.compile(start, re.IGNORECASE),
        file=re.compile(start + _CAPTION, re.IGNORECASE),
        edges=re.compile(rf"({start})|\[\[|\]\]|{HEADING_OPEN}", re.IGNORECASE),
        ordinary=re.compile(_ORDINARY + trail),
        link=re.compile(link),
        prefix=re.compile(prefix) if prefix else None,
        capitals=Capitals(profile),
    )


def _name_pattern(name: str) -> str:
    """A namespace name, case ignored; but `re` takes the Turkish İ for an i, and MediaWiki does not."""
    return re.escape(name).replace(r"\ ", "[ _]+").replace("i", "(?-i:[iI])")


def drop_files(text: str, page: PageState) -> str:
    """`text` without `[[File:…]]`, captions and the links in them included; an unclosed one goes to the end of its line."""
    syntax = link_syntax(page.profile)
    if syntax.file_start.search(text) is None:
        return text
    text, number = syntax.file.subn(DROPPED, text)
    page.count("files", number)
    first = syntax.file_start.search(text)
    return text if first is None else _drop_deep_files(text, first.start(), syntax, page)


def _drop_deep_files(text: str, start: int, syntax: LinkSyntax, page: PageState) -> str:
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


def mark_links(text: str, page: PageState) -> str:
    """`text` with each visible link as its label between marks; `page.links` gets their targets in the same order."""
    if "[[" not in text:
        return text
    syntax = link_syntax(page.profile)
    text, page.links = _mark_ordinary(text, syntax)
    if "[[" in text:
        text = _mark_others(text, syntax, page)
    if syntax.prefix is not None:
        text = syntax.prefix.sub(rf"{LINK_OPEN}\1", text)
    return drop_unclosed(text, page) if "[[" in text else text


def _mark_ordinary(text: str, syntax: LinkSyntax) -> tuple[str, list[TargetFields]]:
    """`text` with its ordinary links marked, and their targets: all at once, for a page has hundreds of them.

    Where one of them turns out not to be ordinary, which is rare, all of the page are left as they are.
    """
    parts = syntax.ordinary.split(text)
    raws, labels = parts[1::4], parts[2::4]
    if not are_stored(raws):
        return text, []
    out = [""] * (len(raws) * 5 + 1)
    out[::5] = parts[::4]
    out[1::5] = repeat(LINK_OPEN, len(raws))
    out[2::5] = [label or raw for raw, label in zip(raws, labels, strict=True)]
    out[3::5] = parts[3::4]
    out[4::5] = repeat(LINK_CLOSE, len(raws))
    capitals = syntax.capitals
    titles = [raw if (capital := capitals[raw[0]]) == raw[0] else capital + raw[1:] for raw in raws]
    kind: LinkKind = "internal"
    return "".join(out), [*zip(repeat(kind), repeat(None), titles, repeat(None), repeat(NO_NAMES), strict=False)]


def _mark_others(text: str, syntax: LinkSyntax, page: PageState) -> str:
    """The links that are left; their targets go among those of the links that are marked already."""
    if len(syntax.resolved) > CACHED_TARGETS:
        syntax.resolved.clear()
    parts = syntax.link.split(text)
    out = [parts[0]]
    ordinary, page.links = page.links, []
    marked = parts[0].count(LINK_OPEN)
    page.links += ordinary[:marked]
    for before, raw, label, bracket, trail, after in zip(*(parts[group::6] for group in range(1, 7)), strict=True):
        found = syntax.resolved.get(raw)
        if found is not None and found.action in SILENT and not before and not bracket:
            page.count(found.action)
            out.append(DROPPED + trail)
        else:
            out.append(_other_link(Brackets(before, raw, label, bracket or "", trail, after), syntax, page))
        out.append(after)
        following = marked + after.count(LINK_OPEN)
        page.links += ordinary[marked:following]
        marked = following
    return "".join(out)


def _other_link(link: Brackets, syntax: LinkSyntax, page: PageState) -> str:
    """What stands for a link that may have further brackets in it and around it, and any target."""
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
        page.links.append(found.target)
        blank = " " if shown[:1] == " " else ""
        return f"{before}{blank}{LINK_OPEN}{shown.lstrip() if blank else shown}{trail}{LINK_CLOSE}{rest}"
    page.count(found.action)
    if found.action == LITERAL:
        return link.as_written()
    return f"{before}{DROPPED if found.action in SILENT else shown}{trail}{rest}"


def drop_unclosed(text: str, page: PageState) -> str:
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


def _plain(label: str, page: PageState) -> str:
    """A label as a link shows it: one line, its quotes read by themselves, its single brackets no external link."""
    if "\n" in label or BREAK in label:
        label = " ".join(label.replace(BREAK, " ").split())
    if "''" in label:
        label = drop_quotes_of_line(label)
    return label.replace("[", page.strip("[")) if "[" in label else label


def _template_link(raw: str, label: str, after: str, page: PageState) -> str:
    number = raw.strip().removeprefix(TEMPLATE_LINK)
    if not label or not number.isdecimal():
        return label + after
    page.links.append(page.template_links[int(number)])
    return f"{LINK_OPEN}{' '.join(label.replace(BREAK, ' ').split())}{LINK_CLOSE}{after}"

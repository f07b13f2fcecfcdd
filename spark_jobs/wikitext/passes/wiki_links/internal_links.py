"""Internal links, `[[target|label]]trail`: marked with their trail. Categories and language links: dropped."""

from itertools import repeat
from typing import NamedTuple

from spark_jobs.wikitext.extraction_result import LinkKind
from spark_jobs.wikitext.page_state import (
    BREAK,
    DROPPED,
    LINK_CLOSE,
    LINK_OPEN,
    TEMPLATE_LINK,
    PageState,
    TargetFields,
)
from spark_jobs.wikitext.passes.bold_italics import drop_bold_italics_of_line
from spark_jobs.wikitext.passes.wiki_links.link_syntax import LinkSyntax, compile_link_syntax
from spark_jobs.wikitext.passes.wiki_links.link_targets import LITERAL_COUNTER, NO_NAMES, SILENT_COUNTERS, resolve_target
from spark_jobs.wikitext.passes.wiki_links.unclosed_links import drop_unclosed_links
from spark_jobs.wikitext.title_normalisation import are_ordinary_titles

CACHED_TARGETS = 1 << 16


class BracketedLink(NamedTuple):
    """The parts of `[…[[raw|label]]]trail`, and the text after it up to the next link."""

    before: str
    raw: str
    label: str | None
    bracket: str
    trail: str
    after: str

    def as_written(self) -> str:
        """The source of the link, without the text after it."""
        label = "" if self.label is None else f"|{self.label}"
        return f"[{self.before}[{self.raw}{label}]]{self.bracket}{self.trail}"


def mark_links(text: str, page: PageState) -> str:
    """`text` with the label of each visible link between marks; sets `page.links` to their targets in the same order."""
    if "[[" not in text:
        return text
    syntax = compile_link_syntax(page.profile)
    text, page.links = _mark_ordinary(text, syntax)
    if "[[" in text:
        text = _mark_others(text, syntax, page)
    if syntax.prefix is not None:
        text = syntax.prefix.sub(rf"{LINK_OPEN}\1", text)
    return drop_unclosed_links(text, page) if "[[" in text else text


def _mark_ordinary(text: str, syntax: LinkSyntax) -> tuple[str, list[TargetFields]]:
    """`text` with its ordinary links marked, and their targets. Handles all at once, since a page has hundreds of them.

    If one of them is not ordinary after all, which is rare, `text` is returned unchanged, without targets.
    """
    parts = syntax.ordinary.split(text)
    raws, labels = parts[1::4], parts[2::4]
    if not are_ordinary_titles(raws):
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
    """`text` with the remaining links marked; inserts their targets between those of the links marked before."""
    if len(syntax.resolved) > CACHED_TARGETS:
        syntax.resolved.clear()
    parts = syntax.link.split(text)
    out = [parts[0]]
    ordinary, page.links = page.links, []
    marked = parts[0].count(LINK_OPEN)
    page.links += ordinary[:marked]
    for before, raw, label, bracket, trail, after in zip(*(parts[group::6] for group in range(1, 7)), strict=True):
        found = syntax.resolved.get(raw)
        if found is not None and found.counter in SILENT_COUNTERS and not before and not bracket:
            page.count(found.counter)
            out.append(DROPPED + trail)
        else:
            out.append(_mark_other_link(BracketedLink(before, raw, label, bracket or "", trail, after), syntax, page))
        out.append(after)
        following = marked + after.count(LINK_OPEN)
        page.links += ordinary[marked:following]
        marked = following
    return "".join(out)


def _mark_other_link(link: BracketedLink, syntax: LinkSyntax, page: PageState) -> str:
    """The text that replaces a link with any target, which may contain or touch further brackets."""
    before, raw, label, bracket, trail, after = link
    if len(before) % 2 and (bracket or (trail or after)[:1] == "]"):
        return link.as_written()
    rest = ""
    if bracket and label is not None:
        label, trail, rest = (label + "]", trail, "") if "[" in label else (label, "", "]" + trail)
    if TEMPLATE_LINK in raw:
        return before + _mark_template_link(raw, label or "", trail + rest, page)
    found = syntax.resolved.get(raw)
    if found is None:
        found = syntax.resolved[raw] = resolve_target(raw, page.profile)
    shown = found.shown if label is None else _plain_label(label, page)
    if found.target is not None:
        page.links.append(found.target)
        blank = " " if shown[:1] == " " else ""
        return f"{before}{blank}{LINK_OPEN}{shown.lstrip() if blank else shown}{trail}{LINK_CLOSE}{rest}"
    page.count(found.counter)
    if found.counter == LITERAL_COUNTER:
        return link.as_written()
    return f"{before}{DROPPED if found.counter in SILENT_COUNTERS else shown}{trail}{rest}"


def _plain_label(label: str, page: PageState) -> str:
    """A label as a link shows it: one line, without bold and italics, its single brackets protected."""
    if "\n" in label or BREAK in label:
        label = " ".join(label.replace(BREAK, " ").split())
    if "''" in label:
        label = drop_bold_italics_of_line(label)
    return label.replace("[", page.protect("[")) if "[" in label else label


def _mark_template_link(raw: str, label: str, after: str, page: PageState) -> str:
    number = raw.strip().removeprefix(TEMPLATE_LINK)
    if not label or not number.isdecimal():
        return label + after
    page.links.append(page.template_links[int(number)])
    return f"{LINK_OPEN}{' '.join(label.replace(BREAK, ' ').split())}{LINK_CLOSE}{after}"

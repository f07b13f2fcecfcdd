"""One `<page>` of MediaWiki's XML export, parsed with lxml: no entities, no DTD, no network.

Export versions 0.3 to 0.11 are read (https://www.mediawiki.org/wiki/Help:Export#Export_format).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from spark_jobs.dumps.hardened_xml import hardened_parser
from spark_jobs.dumps.page_errors import HistoryError, PageError

PAGE_HEAD_BYTES = 4096
"""Bytes at the beginning of a page that hold its title and id."""
_REVISION = b"<revision>"
_TITLE = re.compile(r"<title>([^<]*)</title>")
_PAGE_ID = re.compile(r"<id>([0-9]{1,18})</id>")
_PARSER = hardened_parser()


@dataclass(frozen=True, slots=True)
class PageRevision:
    """One page at one revision."""

    page_id: int
    namespace: int
    title: str
    redirect: str | None
    """Title in the `<redirect>` element, as MediaWiki wrote it (without a fragment); empty where an old dump names none."""
    revision_id: int
    timestamp: datetime | None
    model: str
    text: str
    """Wikitext of the main slot; empty if its revision was deleted (suppressed)."""


def parse_page(xml: bytes, namespaces: Mapping[str, int] | None = None) -> PageRevision:
    """Parse one `<page>` element. Raises `PageError` with the reason unless it is a well-formed page with one revision.

    `namespaces` (name -> number, from `namespaces_by_name`) are for pages of export versions up to 0.5, which have no `<ns>`:
    their namespace is the part of the title before the first colon, if that is the name of one. Several revisions
    raise `HistoryError`. A text that the dump leaves out (stubs; revisions that could not be fetched) raises; a deleted text is
    empty. libxml2 refuses text nodes above 10 MB, which MediaWiki does not store (its default limit is 2 MB).
    """
    if b"<!DOCTYPE" in xml:
        raise PageError("a document type declaration, which no dump has")
    try:
        root = etree.fromstring(xml, _PARSER)
    except etree.XMLSyntaxError as error:
        raise PageError(f"malformed XML: {error}") from error
    page, revisions = _first_children(root), 0
    for child in root:
        revisions += child.tag == "revision"
    if revisions > 1:
        raise HistoryError(f"{revisions} revisions")
    if not revisions:
        raise PageError("0 revisions where one is expected")
    revision, redirect, title = _first_children(page["revision"]), page.get("redirect"), _required(page, "page", "title")
    model = revision.get("model")
    return PageRevision(
        page_id=_integer(page, "page", "id", 64),
        namespace=_namespace(page, title, namespaces),
        title=title,
        redirect=None if redirect is None else redirect.get("title", ""),
        revision_id=_integer(revision, "revision", "id", 64),
        timestamp=_timestamp(revision.get("timestamp")),
        model=(model is not None and model.text) or "wikitext",
        text=_text(revision.get("text")),
    )


def _first_children(element: etree._Element) -> dict[str, etree._Element]:
    """The first child of each name. One walk is much faster than a search for each."""
    children: dict[str, etree._Element] = {}
    for child in element:
        children.setdefault(child.tag, child)
    return children


def _namespace(page: dict[str, etree._Element], title: str, namespaces: Mapping[str, int] | None) -> int:
    if namespaces is None or "ns" in page:
        return _integer(page, "page", "ns", 32)
    prefix, colon, _ = title.partition(":")
    return namespaces.get(prefix, 0) if colon else 0


def _text(element: etree._Element | None) -> str:
    """The text of the main slot, whose `<text>` is a child of the revision. Those of other slots are deeper, in `<content>`."""
    if element is None:
        raise PageError("<revision> has no <text>: is this a dump of stubs or abstracts? Take pages-articles")
    if text := element.text:  # lxml decodes the text at each access
        return text
    if element.get("deleted") is not None:
        return ""
    if element.get("bytes", "0") != "0" or ("bytes" not in element.attrib and "id" in element.attrib):
        sign = f"says bytes={element.get('bytes')!r}" if "bytes" in element.attrib else "only has an id"
        raise PageError(f"<text> is empty but {sign}: the dump leaves this text out; a dump of stubs leaves out all of them")
    return ""


def _timestamp(element: etree._Element | None) -> datetime | None:
    if element is None or not element.text:
        return None
    try:
        stamp = datetime.fromisoformat(element.text)
    except ValueError as error:
        raise PageError(f"<timestamp>: {error}") from error
    return stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)


def _integer(children: dict[str, etree._Element], parent: str, tag: str, bits: int) -> int:
    text = _required(children, parent, tag)
    try:
        value = int(text.encode("ascii").replace(b"_", b"x"))  # else `int` takes digits of any script, and 1_000
    except ValueError as error:
        raise PageError(f"<{tag}>: {text[:40]!r} is not a number") from error
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise PageError(f"<{tag}> {text} does not fit into {bits} bits")
    return value


def _required(children: dict[str, etree._Element], parent: str, tag: str) -> str:
    element = children.get(tag)
    if element is None or not element.text:
        raise PageError(f"<{parent}> has no <{tag}>")
    return element.text


def read_id_and_title(xml: bytes) -> tuple[int | None, str | None]:
    """Id and title from the first bytes of a page that cannot be parsed; None for each that is missing there.

    >>> read_id_and_title(b"<page><title>A &amp; B</title><ns>0</ns><id>7</id><revision><id>70</id>")
    (7, 'A & B')
    """
    head = xml[:PAGE_HEAD_BYTES].partition(_REVISION)[0].decode("utf-8", errors="replace")
    title, page_id = _TITLE.search(head), _PAGE_ID.search(head)
    return None if page_id is None else int(page_id[1]), None if title is None else unescape_title(title[1])


def unescape_title(text: str) -> str:
    """Resolve the entities that MediaWiki writes into XML, once: `A &amp;amp; B` becomes `A &amp; B`."""
    for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#039;", "'"), ("&amp;", "&")):
        text = text.replace(entity, letter)
    return text

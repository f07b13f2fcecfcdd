"""The head of an XML dump: checks the format of the export and parses its `<siteinfo>` (the wiki's namespaces and case rule)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree

from spark_jobs.dumps.hardened_xml import hardened_parser
from spark_jobs.dumps.page_errors import PageError
from spark_jobs.dumps.stream_decompression import StreamChunk
from spark_jobs.wikis import Namespace, SiteInfo

_MAX_HEAD_BYTES = 2**20
_SHOWN_BYTES = 80
_LEAST_VERSION, _NEWEST_VERSION = (0, 3), (0, 11)
_UTF8_BOM = b"\xef\xbb\xbf"
# Byte order marks, and `<` without one. The mark of UTF-32 begins like that of UTF-16.
_WIDE_ENCODINGS = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<", b"\0\0\0<", b"\0\0\xfe\xff")
_UTF8_NAMES = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})
_DECLARATION = re.compile(rb"\s*<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([^\"']*)[\"']")
_ROOT = re.compile(rb"(?:\s|<\?.*?\?>|<!--.*?-->)*<([^\s/>!?]+)([^>]*)>", re.DOTALL)
_ATTRIBUTE = re.compile(rb"([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_OTHER_ROOTS = {"feed": "a dump of abstracts", "html": "a web page", "mysqldump": "a table"}


@dataclass(frozen=True)
class ExportHead:
    """The part of a dump before its first page."""

    siteinfo: SiteInfo
    version: str | None
    """Export version as the root element names it: `0.11`."""
    warning: str | None
    """Why pages may be read wrong: the export version is unknown or missing. None for a known version."""


def read_head(chunks: Iterable[StreamChunk], name: str) -> ExportHead:
    """Parse the head from the first chunks of the dump `name`.

    Reads MediaWiki's exports of version 0.3 to 0.11 in UTF-8, with or without its byte order mark. A newer version is read with
    a warning: the required elements of a page (id, title, revision, text) have not changed since 0.3, and a page that lacks one
    is refused by itself.

    Raises `PageError` for anything else and names the problem: another root element, an older version, another encoding, a
    document type declaration, no `<siteinfo>` in the first MiB.
    """
    head = bytearray()
    for chunk in chunks:
        head += chunk.data
        end = head.find(b"</siteinfo>")
        if end >= 0:
            return _parse_head(bytes(head[: end + len(b"</siteinfo>")]), name)
        if len(head) > _MAX_HEAD_BYTES or b"<page>" in head:
            break
    _check_start(bytes(head[:_MAX_HEAD_BYTES]), name)
    raise PageError(f"{name} does not begin with <siteinfo>: is it a MediaWiki XML export?{_beginning(head)}")


def namespaces_by_name(siteinfo: SiteInfo) -> dict[str, int]:
    """Name -> number of the namespaces that occur in titles, as `parse_page` needs them for export versions up to 0.5.

    >>> spaces = (Namespace(0, "first-letter", ""), Namespace(1, "first-letter", "Diskussion"))
    >>> namespaces_by_name(SiteInfo("dewiki", "de", "", "first-letter", spaces))
    {'Diskussion': 1}
    """
    return {space.name: space.number for space in siteinfo.namespaces if space.name}


def _parse_head(head: bytes, name: str) -> ExportHead:
    attributes = _check_start(head, name)
    start = head.find(b"<siteinfo>")
    if start < 0:
        raise PageError(f"{name} does not begin with <siteinfo>: is it a MediaWiki XML export?{_beginning(head)}")
    version = attributes.get("version")
    try:
        root = etree.fromstring(head[start:], hardened_parser())
        siteinfo = _siteinfo(root, attributes.get("xml:lang"))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise PageError(f"{name}: its <siteinfo> cannot be read: {error}") from error
    return ExportHead(siteinfo, version, _check_version(version, name))


def _check_start(head: bytes, name: str) -> dict[str, str]:
    """The attributes of `<mediawiki>`. Raises `PageError` unless `head` begins an export in UTF-8."""
    if head.startswith(_WIDE_ENCODINGS):
        raise PageError(f"{name} is in UTF-16 or UTF-32: convert it with `iconv -f UTF-16 -t UTF-8`.{_beginning(head)}")
    head = head.removeprefix(_UTF8_BOM)
    declared = _DECLARATION.match(head)
    if declared is not None and declared[1].lower() not in _UTF8_NAMES:
        encoding = declared[1].decode("ascii", errors="replace")
        raise PageError(f"{name} is in {encoding!r}: convert it with `iconv -f {encoding} -t UTF-8` and correct its first line")
    if b"<!DOCTYPE" in head:
        raise PageError(f"{name} has a document type declaration, which dumps never have.{_beginning(head)}")
    root = _ROOT.match(head)
    if root is None:
        return {}
    tag = root[1].decode("utf-8", errors="replace")
    if tag not in ("mediawiki", "siteinfo"):
        known = f" ({_OTHER_ROOTS[tag]})" if tag in _OTHER_ROOTS else ""
        raise PageError(
            f"{name} does not begin with <siteinfo>: its root element is <{tag}>{known}, not <mediawiki>: is it a MediaWiki XML "
            f"export?{_beginning(head)}"
        )
    found = {match[1].decode(): match[2] if match[2] is not None else match[3] for match in _ATTRIBUTE.finditer(root[2])}
    return {key: value.decode("utf-8", errors="replace") for key, value in found.items()}


def _check_version(version: str | None, name: str) -> str | None:
    """The warning for an unknown version, else None. Raises `PageError` for a version that cannot be read."""
    known = f"{'.'.join(map(str, _LEAST_VERSION))} to {'.'.join(map(str, _NEWEST_VERSION))}"
    if version is None:
        return f"{name} names no export version; it is read as one of {known}"
    match = re.fullmatch(r"([0-9]+)\.([0-9]+)", version)
    if match is None:
        raise PageError(f"{name} is of export version {version!r}, which MediaWiki does not write: {known} are read")
    number = int(match[1]), int(match[2])
    if number < _LEAST_VERSION:
        raise PageError(f"{name} is of export version {version}: {known} are read; export the pages again with a newer MediaWiki")
    if number > _NEWEST_VERSION:
        return f"{name} is of export version {version}, newer than the known ones ({known}); it is read in the same way"
    return None


def _siteinfo(root: etree._Element, language: str | None) -> SiteInfo:
    namespaces = tuple(
        Namespace(int(element.get("key", "0")), element.get("case", "first-letter"), element.text or "")
        for element in root.iterfind("namespaces/namespace")
    )
    return SiteInfo(
        wiki=root.findtext("dbname") or "",
        language=language,
        base=root.findtext("base") or "",
        case=root.findtext("case") or "first-letter",
        namespaces=namespaces,
    )


def _beginning(head: bytes | bytearray) -> str:
    return f" It begins with {bytes(head[:_SHOWN_BYTES])!r}"

"""The `<siteinfo>` at the head of a dump: the wiki's own namespaces and case rule."""

import re
from collections.abc import Iterable

from lxml import etree

from spark_jobs.dumps.pages import PageError, hardened_parser
from spark_jobs.dumps.streams import Chunk
from spark_jobs.wikis import Namespace, SiteInfo

_LANGUAGE = re.compile(rb"<mediawiki[^>]* xml:lang=\"([^\"]+)\"")
_MAX_HEAD_BYTES = 2**20


def read_siteinfo(chunks: Iterable[Chunk], name: str) -> SiteInfo:
    """Parse the siteinfo from the first chunks of the dump `name`. Raises `PageError` if there is none in the first MiB."""
    head = bytearray()
    for chunk in chunks:
        head.extend(chunk.data)
        start, end = head.find(b"<siteinfo>"), head.find(b"</siteinfo>")
        if start >= 0 and end >= 0:
            try:
                return _parse(bytes(head[start : end + len(b"</siteinfo>")]), bytes(head[:start]))
            except (etree.XMLSyntaxError, ValueError) as error:
                raise PageError(f"{name}: its <siteinfo> cannot be read: {error}") from error
        if len(head) > _MAX_HEAD_BYTES or b"<page>" in head:
            break
    raise PageError(f"{name} does not begin with <siteinfo>: is it a MediaWiki XML export? It begins with {bytes(head[:80])!r}")


def _parse(xml: bytes, before: bytes) -> SiteInfo:
    root = etree.fromstring(xml, hardened_parser())
    language = _LANGUAGE.search(before)
    namespaces = tuple(
        Namespace(int(element.get("key", "0")), element.get("case", "first-letter"), element.text or "")
        for element in root.iterfind("namespaces/namespace")
    )
    return SiteInfo(
        wiki=root.findtext("dbname") or "",
        language=language[1].decode() if language else None,
        base=root.findtext("base") or "",
        case=root.findtext("case") or "first-letter",
        namespaces=namespaces,
    )

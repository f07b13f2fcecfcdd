"""External links, `[http://… label]`: replaced by their label or number."""

import re
from collections.abc import Callable

from spark_jobs.wikitext.page_state import TAG_CLOSE, TAG_OPEN

_ABSOLUTE = (
    r"bitcoin:|ftps?://|geo:|git://|gopher://|https?://|ircs?://|magnet:|mailto:|matrix:|mms://|news:|nntp://|redis://|sftp://"
    r"|sips?:|sms:|ssh://|svn://|tel:|telnet://|urn:|worldwind://|xmpp:"
)
PROTOCOLS = f"(?:{_ABSOLUTE}|//)"
"""How an address begins. Source: MediaWiki's `$wgUrlProtocols`."""
_URL_CHARACTER = r"[^\s\[\]<>\"\x00-\x11\x13-\x20\x7f\ufffd]"
FREE_LINK = rf"\b(?:{_ABSOLUTE}){_URL_CHARACTER}*+(?<![,;.:!?])"
"""An address in the text, without trailing punctuation."""
_EXTERNAL = re.compile(
    rf"\[{PROTOCOLS}(?:\[[0-9a-f:.]+\]|{_URL_CHARACTER}){_URL_CHARACTER}*+[^\S\n\x0b-\x1f]*+([^\]\n]*+)\]", re.IGNORECASE
)


def drop_external_links(text: str) -> str:
    """`text` with the label of each external link between tag marks; without a label, a number in brackets.

    >>> drop_external_links("[http://a.org] [//b.org]")
    '[1] [2]'
    """
    if "[" not in text:
        return text
    number = 0

    def label(match: re.Match[str]) -> str:
        nonlocal number
        if match[1]:
            return f"{TAG_OPEN}{match[1]}{TAG_CLOSE}"
        number += 1
        return f"[{number}]"

    return "\n".join([_replace_links(line, label) if "[" in line else line for line in text.split("\n")])


def _replace_links(line: str, label: Callable[[re.Match[str]], str]) -> str:
    """A line with its links replaced. Searches only up to the last `]`, which keeps the search linear."""
    head, bracket, tail = line.rpartition("]")
    return _EXTERNAL.sub(label, head + bracket) + tail

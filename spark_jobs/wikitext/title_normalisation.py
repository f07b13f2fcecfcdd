"""Titles of pages: from the text that an editor types to the title that MediaWiki stores.

Rules: MediaWiki's "Help:Links", "Manual:Page title" and `$wgLegalTitleChars`.
"""

import html
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from spark_jobs.common.wiki_languages import interwiki_prefix, wiki_of_language
from spark_jobs.wikis.profile_assembly import load_profile
from spark_jobs.wikis.wiki_profile import NAMESPACE_ARTICLE, WikiProfile, namespace_key

MAX_TITLE_BYTES = 255
LONGEST_TARGET = 2 * MAX_TITLE_BYTES
"""Characters of a target before `#`, prefixes included."""

_DIRECTION_MARKS = re.compile("[\u200e\u200f\u202a-\u202e]")
_BLANKS = re.compile("[ _\u00a0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_RARE = re.compile("[\u00a0\u1680\u180e\u2000-\u200a\u200e\u200f\u2028-\u202f\u205f\u3000]")
_FORBIDDEN = re.compile(r"[\x00-\x1f<>\[\]{|}\x7f\ufffd]")
_FORBIDDEN_SEQUENCES = re.compile(r"%[0-9a-fA-F]{2}|&(?:[0-9A-Za-z\x80-\U0010ffff]+|#[0-9]+|#[xX][0-9a-fA-F]+);|~~~")
_SEQUENCE_MARKS = re.compile("[%&~]")
_SPECIAL_CHARACTERS = r"\x00-\x1f#%&:<>\[\]_{|}~\x7f\u00a0\u1680\u180e\u2000-\u200a\u200e\u200f\u2028-\u202f\u205f\u3000\ufffd"
_SPECIAL = re.compile(rf"[{_SPECIAL_CHARACTERS}]|  |\A[ .]| \Z|/\.")
_WORD = rf"[^ '/\x85{_SPECIAL_CHARACTERS}]++"
ORDINARY_TITLE = rf"(?!\.){_WORD}(?:(?:[ ']|/(?!\.)){_WORD})*+"
"""Matches a legal, tidy title of an article on this wiki, its first letter in any case; `are_ordinary_titles` must confirm it."""
ORDINARY_LENGTH = MAX_TITLE_BYTES // 4
"""So many characters of any script fit into `MAX_TITLE_BYTES`."""
_RELATIVE = re.compile(r"\.{1,2}(?:/.*)?|.*/\.{1,2}(?:/.*)?", re.DOTALL)


class Title(NamedTuple):
    """A page of this wiki (`wiki` None) or another: namespace, title as MediaWiki shows it, and section."""

    wiki: str | None
    """Id of the other wiki (`enwiki`); None for this wiki; empty for a project without a known wiki."""
    namespace: int
    """Number of the namespace on this wiki; always 0 for pages of other wikis."""
    text: str
    """Title with spaces and, outside the articles, the local name of the namespace: `ファイル:Foo.jpg`. Empty for `#section`."""
    fragment: str | None = None
    """Section without `#`; None if the link has no section."""
    language: str | None = None
    """Language code if the page is on another Wikipedia."""
    colon: bool = False
    """Whether the link began with a colon, which makes a link to a language, category or file visible."""
    interlanguage: bool = False
    """Whether the prefix is a bare language code; without a colon, such links show nothing in the text."""


def normalise_title(raw: str, profile: WikiProfile) -> Title | None:
    """The page that `[[raw]]` leads to on the profile's wiki; None if MediaWiki does not accept it as a title.

    >>> from spark_jobs.wikis import load_profile
    >>> normalise_title(" star_Trek:  Picard#Cast ", load_profile("enwiki")).text
    'Star Trek: Picard'
    """
    return _normalise(raw, profile)


@lru_cache(maxsize=1 << 16)
def _normalise(raw: str, profile: WikiProfile) -> Title | None:
    text = unquote(raw, errors="replace") if "%" in raw else raw
    if "&" in text:
        text = html.unescape(text)
    text = _tidy(text)
    colon = text.startswith(":")
    if colon:
        text = text[1:].lstrip(" ")
    text, hash_sign, fragment = text.partition("#")
    if len(text) > LONGEST_TARGET:
        return None
    title = _resolve_prefix(text.rstrip(" ") if hash_sign else text, profile)
    if title is None or not (title.text or hash_sign or title.wiki):
        return None  # the main page of another wiki needs no title
    return title._replace(fragment=fragment.strip() or None, colon=colon) if colon or fragment else title


def is_ordinary_title(raw: str) -> bool:
    """Whether `raw` is a legal title of an article on this wiki and normalised already, except for the case of its first letter.

    True for nearly all links. `normalise_title` gives the same title for them, far slower.
    """
    return 0 < len(raw) <= ORDINARY_LENGTH and _SPECIAL.search(raw) is None and _is_composed(raw)


def are_ordinary_titles(titles: Sequence[str]) -> bool:
    """Whether all `titles`, matches of `ORDINARY_TITLE`, are short enough for a title and in Unicode's form C."""
    long = [title for title in titles if len(title) > ORDINARY_LENGTH]
    return all(len(title.encode(errors="replace")) <= MAX_TITLE_BYTES for title in long) and _is_composed("\n".join(titles))


def _is_composed(text: str) -> bool:
    return text.isascii() or unicodedata.is_normalized("NFC", text)


class CapitalLetters(dict[str, str]):
    """First letter of a title -> the letter that MediaWiki stores on this wiki; computed once per letter."""

    def __init__(self, profile: WikiProfile) -> None:
        super().__init__()
        self.profile = profile

    def __missing__(self, letter: str) -> str:
        self[letter] = capital = self.profile.capitalise(letter)
        return capital


def _tidy(text: str) -> str:
    """`text` with white space collapsed and trimmed, without direction marks, in Unicode's form C."""
    if not text.isascii():
        if _RARE.search(text) is not None:
            text = _BLANKS.sub(" ", _DIRECTION_MARKS.sub("", text))
        text = unicodedata.normalize("NFC", text)
    if "_" in text:
        text = text.replace("_", " ")
    if "  " in text:
        text = _BLANKS.sub(" ", text)
    return text.strip(" ")


def _resolve_prefix(text: str, profile: WikiProfile) -> Title | None:
    """The page that `text`, tidy and without a section, names: by its namespace or interwiki prefix, if it has one."""
    if not text:
        return Title(None, NAMESPACE_ARTICLE, "")
    prefix, found, rest = text.partition(":")
    if found:
        number = profile.namespaces.get(namespace_key(prefix))
        if number is not None:
            return _title_in_namespace(rest.strip(" "), number, profile)
        other = interwiki_prefix(prefix, profile.language)
        if other is not None:
            if other.wiki == profile.wiki and other.project is None:
                return _resolve_prefix(rest.strip(" ").removeprefix(":").strip(" "), profile)
            return _title_on_other_wiki(rest.strip(" "), other.wiki, other.project, profile)
    return _title_in_namespace(text, NAMESPACE_ARTICLE, profile)


def _title_in_namespace(text: str, number: int, profile: WikiProfile) -> Title | None:
    if not text or not is_legal_title(text):
        return None
    text = profile.capitalise(text, number)
    if number != NAMESPACE_ARTICLE:
        text = f"{profile.namespace_names[number]}:{text}"
    return Title(None, number, text)


def _title_on_other_wiki(text: str, wiki: str | None, project: str | None, profile: WikiProfile) -> Title | None:
    """A page of another wiki; a language code after the prefix of a project selects the wiki of that language."""
    if project is not None:
        code, found, rest = text.partition(":")
        inner = wiki_of_language(code) if found else None
        if inner is not None:
            wiki, text = inner.removesuffix("wiki") + project, rest.strip(" ")
    if wiki == profile.wiki:
        return _resolve_prefix(text, profile)
    if text and not is_legal_title(text):
        return None
    if not wiki or not wiki.endswith("wiki") or wiki_of_language(wiki.removesuffix("wiki")) != wiki:
        return Title(wiki or "", NAMESPACE_ARTICLE, text)
    target = load_profile(wiki)
    return Title(wiki, NAMESPACE_ARTICLE, target.capitalise(text), language=target.language, interlanguage=project is None)


def is_legal_title(text: str) -> bool:
    """Whether MediaWiki accepts `text`, trimmed and decoded, as a title without namespace."""
    return not (
        _FORBIDDEN.search(text)
        or (_SEQUENCE_MARKS.search(text) and _FORBIDDEN_SEQUENCES.search(text))
        or text.startswith(":")
        or ("." in text and _RELATIVE.fullmatch(text))
        or len(text) > MAX_TITLE_BYTES
        or (len(text) * 4 > MAX_TITLE_BYTES and len(text.encode(errors="replace")) > MAX_TITLE_BYTES)
    )

"""The file `{wiki}-{date}-siteinfo-namespaces.json.gz` of a dump: the wiki's namespaces, magic words and link rules on that day.

The file holds the response to `api.php?action=query&meta=siteinfo&siprop=general|namespaces|namespacealiases|magicwords` of
MediaWiki, in either version of the API's JSON: names are under `*` in version 1, under `name` and `alias` in version 2. Only
`namespaces` is required, and more parts are allowed. Pure: bytes in, a `SiteInfo` out. Nothing in the file is trusted.
"""

import json
import re
import zlib
from collections.abc import Mapping
from typing import Any

from spark_jobs.wikis.siteinfo import Namespace, SiteInfo, classify_magic_words

MAX_BYTES = 64 * 2**20
"""Limit on the decompressed file; real ones have 10 kB to 2 MB."""
_GZIP = b"\x1f\x8b"
_PHP_PATTERN = re.compile(r"/\^\((?P<body>.*)\)\(\.\*\)\$/[a-zA-Z]*", re.DOTALL)
_CLASS = r"\[(?!\^)(?:[^\[\]\\]|\\.)+\]"
_PLAIN = rf"(?:{_CLASS}|\(\?!\\?['\"]\)|\\['\"]|[^\[\]\\()*+?{{}}|.^$])+"
_TRAIL = re.compile(rf"(?P<before>:\?)?(?P<once>{_CLASS}|\(\?:{_PLAIN}(?:\|{_PLAIN})*\))[+*]")
_ESCAPES = re.compile(r"\\(?:x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|(['\"/-])|(.))", re.DOTALL)


class SiteInfoError(ValueError):
    """The file cannot be used; the message gives the reason and the remedy."""


def read_siteinfo_file(data: bytes, name: str) -> SiteInfo:
    """Parse a siteinfo-namespaces file, gzip or plain. Raises `SiteInfoError`; `name` is for its message."""
    try:
        return _siteinfo(_json(data))
    except SiteInfoError as error:
        remedy = "fetch it again, or remove it: the build then uses the head of the dump and the packaged table"
        raise SiteInfoError(f"{name} cannot be used: {error}; {remedy}") from error


def _json(data: bytes) -> Any:
    if not data:
        raise SiteInfoError("it is empty")
    if data[:2] == _GZIP:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            data = unpacker.decompress(data, MAX_BYTES + 1)
        except zlib.error as error:
            raise SiteInfoError(f"it is not a whole gzip file ({error})") from error
        if len(data) <= MAX_BYTES and not unpacker.eof:
            raise SiteInfoError(f"the gzip file is cut off after {len(data):,} bytes")
    if len(data) > MAX_BYTES:
        raise SiteInfoError(f"it holds more than {MAX_BYTES:,} bytes, and such files have at most 2 million")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, nested too deeply
        raise SiteInfoError(f"it is not JSON ({error}); it begins with {data[:40]!r}") from error


def _siteinfo(answer: Any) -> SiteInfo:
    if isinstance(answer, dict) and "error" in answer:
        raise SiteInfoError(f"the wiki answered with an error: {str(answer['error'])[:200]}")
    query = _part(answer, "query", dict, {})
    if "namespaces" not in query:
        raise SiteInfoError(f"query.namespaces is missing; it has only {', '.join(sorted(query)[:8]) or 'nothing'}")
    general = _part(query, "general", dict, {})
    trail, prefix = _part(general, "linktrail", str, None), _part(general, "linkprefixcharset", str, None)
    words = _part(query, "magicwords", list, None)
    return SiteInfo(
        wiki=_part(general, "wikiid", str, ""),
        language=_part(general, "lang", str, None),
        base=_part(general, "base", str, ""),
        case=_case(general, "query.general"),
        namespaces=_namespaces(query),
        words=None if words is None else classify_magic_words({_text(word, "name"): _spellings(word) for word in words}),
        link_trail=None if trail is None else convert_link_trail(trail),
        link_prefix=None if prefix is None else convert_link_prefix(prefix),
    )


def _namespaces(query: Mapping[str, Any]) -> tuple[Namespace, ...]:
    aliases: dict[int, list[str]] = {}
    for alias in _part(query, "namespacealiases", list, []):
        aliases.setdefault(_part(alias, "id", int), []).append(_text(alias, "*", "alias"))
    spaces = _part(query, "namespaces", dict)
    found = []
    for space in spaces.values():
        number = _part(space, "id", int)
        case = _case(space, f"namespace {number}")
        names = (_text(space, "*", "name"), _part(space, "canonical", str, ""))
        found.append(Namespace(number, case, *names, tuple(aliases.get(number, ()))))
    if not any(space.number == 0 for space in found):
        raise SiteInfoError("query.namespaces has no namespace 0")
    return tuple(sorted(found, key=lambda space: space.number))


def convert_link_trail(pattern: str) -> str:
    r"""Convert MediaWiki's link trail, a PHP pattern, to the form of `WikiProfile.link_trail`.

    >>> convert_link_trail("/^([a-z]+)(.*)$/sD"), convert_link_trail("/^()(.*)$/sD")
    ('[a-z]*', '')
    >>> convert_link_trail(r"/^([\x{0980}-\x{09FF}]+)(.*)$/sDu")
    '[ঀ-\u09ff]*'

    Only patterns without nested repetition are accepted, since others can take exponential time: one class of characters, or
    alternatives without repetitions, repeated. All link trails of MediaWiki's languages have that form. Raises `SiteInfoError`
    for others.
    """
    whole = _PHP_PATTERN.fullmatch(pattern)
    if pattern == "" or (whole is not None and whole["body"] == ""):
        return ""
    body = None if whole is None else _TRAIL.fullmatch(whole["body"])
    if body is None:
        raise SiteInfoError(f"general.linktrail {pattern[:120]!r} is not a pattern of the form /^([letters]+)(.*)$/")
    return _check_compiles(f"{':?' if body['before'] else ''}{_unescape(body['once'])}*", "general.linktrail")


def convert_link_prefix(charset: str) -> str:
    """Convert MediaWiki's characters that join a link from the left to `WikiProfile.link_prefix`. Raises `SiteInfoError`."""
    if charset and re.fullmatch(_CLASS, f"[{charset}]") is None:
        raise SiteInfoError(f"general.linkprefixcharset {charset[:120]!r} is not the inside of a class of characters")
    charset = _unescape(charset)
    if charset:
        _check_compiles(f"[{charset}]", "general.linkprefixcharset")
    return charset


def _unescape(pattern: str) -> str:
    """Resolve PHP's escapes of characters. A character with a meaning inside a class keeps its backslash."""

    def resolve(match: re.Match[str]) -> str:
        if match[4]:
            raise SiteInfoError(f"the escape {match[0]!r} in {pattern[:120]!r} is not known")
        if match[3]:
            return match[3] if match[3] in "'\"/" else match[0]
        code = int(match[1] or match[2], 16)
        if code > 0x10FFFF:
            raise SiteInfoError(f"{match[0]!r} in {pattern[:120]!r} is not a character")
        return re.escape(chr(code)) if code < 0x80 else chr(code)

    return _ESCAPES.sub(resolve, pattern)


def _check_compiles(pattern: str, where: str) -> str:
    """The pattern. Raises `SiteInfoError` unless it is a regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise SiteInfoError(f"{where} is not a regular expression: {error} in {pattern[:120]!r}") from error
    return pattern


def _case(part: Mapping[str, Any], where: str) -> str:
    case: str = _part(part, "case", str, "first-letter")
    if case not in ("first-letter", "case-sensitive"):
        raise SiteInfoError(f"{where} has the case rule {case!r}, neither 'first-letter' nor 'case-sensitive'")
    return case


def _spellings(word: Any) -> list[str]:
    spellings: list[Any] = _part(word, "aliases", list)
    return [_checked(spelling, str, "a magic word's aliases") for spelling in spellings]


def _text(part: Any, *keys: str) -> str:
    """The text under the first of `keys` that is present."""
    found = next((key for key in keys if isinstance(part, dict) and key in part), keys[-1])
    text: str = _part(part, found, str)
    return text


_MISSING = object()
_TYPE_NAMES = {dict: "a JSON object", list: "a JSON array", str: "text", int: "a number"}


def _part(whole: Any, key: str, kind: type, default: Any = _MISSING) -> Any:
    """`whole[key]`, which must be of type `kind`; `default` if the key is missing."""
    value = _checked(whole, dict, f"the part that should hold {key!r}").get(key, default)
    if value is _MISSING:
        raise SiteInfoError(f"{key!r} is missing in {str(whole)[:80]!r}")
    return value if value is default else _checked(value, kind, repr(key))


def _checked(value: Any, kind: type, what: str) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise SiteInfoError(f"{what} is {str(value)[:80]!r}, not {_TYPE_NAMES[kind]}")
    return value

"""Siteinfo files in both versions of the API's JSON, and malformed ones."""

import gzip
import json
from typing import Any

import pytest

from spark_jobs.dumps import siteinfo_file
from spark_jobs.dumps.siteinfo_file import SiteInfoError, convert_link_prefix, convert_link_trail, read_siteinfo_file
from spark_jobs.wikis import Namespace, SiteInfo, load_profile
from spark_jobs.wikis.siteinfo import classify_magic_words

from .siteinfo_response import WORDS, api_response


def read_response(value: Any) -> SiteInfo:
    return read_siteinfo_file(json.dumps(value).encode(), "f.json")


def response_without(*path: str) -> dict[str, Any]:
    """A response without one part."""
    return response_with(None, *path)


def response_with(value: Any, *path: str) -> dict[str, Any]:
    """A response in which a part is `value`; None removes it."""
    whole = api_response(2)
    part: Any = whole
    for key in path[:-1]:
        part = part[key]
    if value is None:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return whole


WHOLE = gzip.compress(json.dumps(api_response(1)).encode())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"<html>404</html>", "it is not JSON .*; it begins with b'<html>404</html>'"),
        (b'{"query": "\xff"}', "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (WHOLE[:-20], "the gzip file is cut off|it is not a whole gzip file"),
        (b"\x1f\x8bxxxxxxxxxxxx", "it is not a whole gzip file"),
        (b"[]", "the part that should hold 'query' is '\\[\\]', not a JSON object"),
        (b'{"error": {"code": "readonly"}}', "the wiki answered with an error: .*readonly"),
        (b'{"query": []}', "'query' is '\\[\\]', not a JSON object"),
        (b'{"query": {"pages": {}}}', "query.namespaces is missing; it has only pages"),
        (b"{}", "query.namespaces is missing; it has only nothing"),
    ],
)
def test_a_malformed_file_is_refused_with_a_remedy(data: bytes, reason: str) -> None:
    with pytest.raises(SiteInfoError, match=f"f.json cannot be used: (?:{reason}).*; fetch it again, or remove it"):
        read_siteinfo_file(data, "f.json")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (response_with([], "query", "namespaces"), "'namespaces' is '\\[\\]', not a JSON object"),
        (response_with({}, "query", "namespaces"), "query.namespaces has no namespace 0"),
        (response_with("6", "query", "namespaces", "6"), "the part that should hold 'id' is '6', not a JSON object"),
        (response_with("6", "query", "namespaces", "6", "id"), "'id' is '6', not a number"),
        (response_with(True, "query", "namespaces", "6", "id"), "'id' is 'True', not a number"),
        (response_with(7, "query", "namespaces", "6", "name"), "'name' is '7', not text"),
        (response_without("query", "namespaces", "6", "name"), "'name' is missing in"),
        (response_with("upper", "query", "namespaces", "6", "case"), "namespace 6 has the case rule 'upper'"),
        (response_with([{"id": 6}], "query", "namespacealiases"), "'alias' is missing"),
        (response_with([["toc"]], "query", "magicwords"), "the part that should hold 'name' is .*, not a JSON object"),
        (response_with([{"name": "toc", "aliases": [1]}], "query", "magicwords"), "a magic word's aliases is '1', not text"),
        (response_with("x", "query", "general"), "'general' is 'x', not a JSON object"),
        (response_with("none", "query", "general", "case"), "query.general has the case rule 'none'"),
        (response_with("/^((a+)+)(.*)$/", "query", "general", "linktrail"), "is not a pattern of the form"),
        (
            response_with("/^([z-a]+)(.*)$/", "query", "general", "linktrail"),
            "is not a regular expression: bad character range z-a",
        ),
        (response_with(r"/^([\pL]+)(.*)$/u", "query", "general", "linktrail"), r"the escape .* is not known"),
        (response_with(r"/^([\x{110000}]+)(.*)$/u", "query", "general", "linktrail"), "is not a character"),
        (response_with("a](b", "query", "general", "linkprefixcharset"), "is not the inside of a class of characters"),
        (response_with("^a", "query", "general", "linkprefixcharset"), "is not the inside of a class of characters"),
    ],
)
def test_a_part_of_the_wrong_kind_is_refused(value: Any, reason: str) -> None:
    with pytest.raises(SiteInfoError, match=reason):
        read_response(value)


def test_a_decompression_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(siteinfo_file, "MAX_BYTES", 1000)
    for data in (gzip.compress(b" " * 100_000), b" " * 1001):
        with pytest.raises(SiteInfoError, match="it holds more than 1,000 bytes"):
            read_siteinfo_file(data, "f.json")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_both_versions_are_read_plain_and_packed(version: int, pack: Any) -> None:
    assert read_siteinfo_file(pack(json.dumps(api_response(version)).encode()), "f.json") == SiteInfo(
        wiki="ruwiki",
        language="ru",
        base="https://ru.wikipedia.org/wiki/X",
        case="first-letter",
        namespaces=(
            Namespace(-2, "first-letter", "Медиа", "Media"),
            Namespace(0, "first-letter", ""),
            Namespace(6, "first-letter", "Файл", "File", ("Рисунок",)),
            Namespace(100, "case-sensitive", "Новое", "Fresh", ("НВ",)),
        ),
        words=classify_magic_words(dict(WORDS)),
        link_trail="[a-zё]*",
        link_prefix="„«",
    )


def test_a_file_with_namespaces_alone_keeps_the_rest_of_the_profile() -> None:
    whole = api_response(2)
    whole["query"] = {"namespaces": whole["query"]["namespaces"]}
    siteinfo = read_response(whole)
    assert (siteinfo.wiki, siteinfo.words, siteinfo.link_trail, siteinfo.link_prefix) == ("", None, None, None)
    shipped = load_profile("ruwiki")
    profile = shipped.with_siteinfo(siteinfo)
    assert (profile.redirect_words, profile.link_trail) == (shipped.redirect_words, shipped.link_trail)


@pytest.mark.parametrize(
    ("pattern", "trail"),
    [
        ("", ""),
        ("/^()(.*)$/sD", ""),
        ("/^([a-z]+)(.*)$/sD", "[a-z]*"),
        ("/^([a-z]+)(.*)$/", "[a-z]*"),
        ("/^([a-z]*)(.*)$/", "[a-z]*"),
        (r"/^([\x{0980}-\x{09FF}]+)(.*)$/sDu", "[\u0980-\u09ff]*"),
        (r"/^([a\x2d\x{5d}]+)(.*)$/sDu", r"[a\-\]]*"),
        ("/^((?:[a-zç·]|'(?!'))+)(.*)$/sDu", "(?:[a-zç·]|'(?!'))*"),
        (r"/^((?:c\'h|C’h|[a-zA-Z])+)(.*)$/sDu", "(?:c'h|C’h|[a-zA-Z])*"),
        ("/^((?:[a-z]|а|б|“|»)+)(.*)$/sDu", "(?:[a-z]|а|б|“|»)*"),
        ("/^(:?[a-zà]+)(.*)$/sDu", ":?[a-zà]*"),
    ],
)
def test_a_php_pattern_becomes_a_link_trail(pattern: str, trail: str) -> None:
    assert convert_link_trail(pattern) == trail


@pytest.mark.parametrize("charset", ["", "„«", "a-zA-Zء-ي", "A-Za-z–-"])
def test_plain_letters_of_a_prefix_stay(charset: str) -> None:
    assert convert_link_prefix(charset) == charset


def test_escaped_letters_of_a_prefix_become_letters() -> None:
    assert convert_link_prefix(r"a-z\x80-\xffʻ\x{10ffff}") == "a-z\x80-\xffʻ\U0010ffff"

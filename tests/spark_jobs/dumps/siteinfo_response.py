"""A response of MediaWiki's siteinfo API, as a dump's siteinfo file holds it."""

from typing import Any

GENERAL = {
    "wikiid": "ruwiki",
    "lang": "ru",
    "base": "https://ru.wikipedia.org/wiki/X",
    "case": "first-letter",
    "linktrail": "/^([a-zё]+)(.*)$/sDu",
    "linkprefixcharset": "„«",
}
WORDS = [
    ("redirect", ["#туда"]),
    ("toc", ["__ОГЛ__"]),
    ("nosuchswitch", ["__НОВОЕ__", "ИНОЕ"]),
    ("defaultsort", ["СОРТ:", "DEFAULTSORT:"]),
    ("lc", ["МЕЛКО:", "LC:"]),
    ("pagename", ["ИМЯ"]),
    ("localurl", ["АДРЕС:"]),
]
SPACES = [
    (-2, "first-letter", "Медиа", "Media"),
    (0, "first-letter", "", None),
    (6, "first-letter", "Файл", "File"),
    (100, "case-sensitive", "Новое", "Fresh"),
]
ALIASES = [(6, "Рисунок"), (100, "НВ")]


def api_response(version: int) -> dict[str, Any]:
    """The response of a wiki, in one version of the API's JSON."""
    name, alias = ("*", "*") if version == 1 else ("name", "alias")
    spaces = {}
    for number, case, own, canonical in SPACES:
        spaces[str(number)] = {"id": number, "case": case, name: own} | ({"canonical": canonical} if canonical else {})
    words = [{"name": key, "aliases": spellings} | ({"case-sensitive": ""} if version == 1 else {}) for key, spellings in WORDS]
    query = {
        "general": dict(GENERAL),
        "namespaces": spaces,
        "namespacealiases": [{"id": number, alias: text} for number, text in ALIASES],
        "magicwords": words,
        "interwikimap": [],
    }
    return {"batchcomplete": True, "query": query}

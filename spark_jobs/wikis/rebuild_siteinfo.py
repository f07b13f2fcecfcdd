"""Rebuilds the packaged table `namespaces_and_magic_words.json.gz`: `python -m spark_jobs.wikis.rebuild_siteinfo FOLDER`.

FOLDER holds two files of facts about MediaWiki's site configuration:

    wikis.json       language code -> case rule, namespaces (name, canonical name, aliases), magic words
    linktrails.json  language code -> regular expression of the letters that join a link; `_default` for the rest

The table is built from `wikis.json`. Link trails are in the language files; each trail of `linktrails.json` that differs from
its language file is printed, so that a maintainer can update the file.

Source: `api.php?action=query&meta=siteinfo` (namespaces, namespacealiases, magicwords) of each wiki and the `$linkTrail` of
MediaWiki's message files. These are facts about the sites' configuration; MediaWiki itself is GPL-2.0-or-later, and
none of its text or code is in the table.

The result is compact JSON, gzip with a fixed time stamp, so the same facts give the same bytes:

    {"ja": {"case": "first-letter", "case_sensitive": [], "namespaces": {"6": ["ファイル", "File", "Image", "画像"]},
            "redirect": ["#転送", …], "switches": ["__目次__", …], "settings": ["DEFAULTSORT", …]}}

The first name of a namespace is the local one; the others are the canonical name and aliases.
"""

import gzip
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from spark_jobs.common.wiki_languages import wikipedia_codes
from spark_jobs.wikis.profile_assembly import load_profile

SWITCHES = ("forcetoc", "noeditsection", "nogallery", "notoc", "toc")
DEFAULT_KEYS = ("defaultsort", "displaytitle")
NOT_WIKIS = frozenset({"mappings"})
CASE_SENSITIVE = "case-sensitive"


def compact_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A wiki's entry of the table, from its entry in `wikis.json`."""
    namespaces = {
        number: list(dict.fromkeys([space["name"], space["canonical"], *space["aliases"]]))
        for number, space in sorted(entry["namespaces"].items(), key=lambda item: int(item[0]))
        if number != "0"
    }
    words = entry["magicwords"]
    return {
        "case": entry["case"],
        "case_sensitive": [
            int(number) for number, space in entry["namespaces"].items() if number != "0" and space["case"] == CASE_SENSITIVE
        ],
        "namespaces": namespaces,
        "redirect": words.get("redirect", ["#REDIRECT"]),
        "switches": [word for key in SWITCHES for word in words.get(key, [])],
        "settings": [word.rstrip(":：") for key in DEFAULT_KEYS for word in words.get(key, [])],
    }


def build_siteinfo_table(wikis: Mapping[str, Any]) -> bytes:
    """The bytes of `namespaces_and_magic_words.json.gz` for the content of `wikis.json`."""
    table = {code: compact_entry(entry) for code, entry in sorted(wikis.items()) if code not in NOT_WIKIS}
    text = json.dumps(table, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return gzip.compress(text.encode(), mtime=0)


def find_other_link_trails(wikis: Iterable[str], link_trails: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Code -> (trail of `linktrails.json`, trail of the language files), for the codes of `wikis` whose two trails differ."""
    pairs = {
        code: (link_trails.get(code, link_trails["_default"]), load_profile(code.replace("-", "_") + "wiki").link_trail)
        for code in sorted(wikis)
        if code in wikipedia_codes()
    }
    return {code: (given, ours) for code, (given, ours) in pairs.items() if given != ours}


def main(arguments: list[str]) -> int:
    """Reads FOLDER, writes the table beside this module, prints its size and the link trails that differ."""
    if len(arguments) != 1:
        print(
            "usage: python -m spark_jobs.wikis.rebuild_siteinfo FOLDER  (FOLDER holds wikis.json and linktrails.json)",
            file=sys.stderr,
        )
        return 2
    folder = Path(arguments[0])
    missing = [name for name in ("wikis.json", "linktrails.json") if not (folder / name).is_file()]
    if missing:
        print(f"{folder} lacks {' and '.join(missing)}: give the folder that holds both files", file=sys.stderr)
        return 2
    wikis = json.loads((folder / "wikis.json").read_text(encoding="utf-8"))
    link_trails = json.loads((folder / "linktrails.json").read_text(encoding="utf-8"))
    target = Path(__file__).parent / "namespaces_and_magic_words.json.gz"
    target.write_bytes(build_siteinfo_table(wikis))
    print(f"{target}: {len(wikis)} wikis read, {target.stat().st_size:,} bytes")
    for code, (given, ours) in find_other_link_trails(wikis, link_trails).items():
        print(f"{code}: linktrails.json has {given}, the language files have {ours or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

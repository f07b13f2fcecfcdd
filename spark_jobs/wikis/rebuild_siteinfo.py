"""Rebuilds the packaged table `data/siteinfo.json.gz`: `python -m spark_jobs.wikis.rebuild_siteinfo FOLDER`.

FOLDER holds two files of facts taken from MediaWiki's own site configuration:

    wikis.json       language code -> case rule, namespaces (name, canonical name, aliases), magic words
    linktrails.json  language code -> regular expression of the letters that join a link; `_default` for the rest

Source: `api.php?action=query&meta=siteinfo` (namespaces, namespacealiases, magicwords) of each wiki and the `$linkTrail` of
MediaWiki's message files. These are facts about the sites' configuration; MediaWiki itself is GPL-2.0-or-later, and
none of its text or code is in the table.

The result is compact JSON, gzip with a fixed time stamp, so the same facts give the same bytes:

    {"ja": {"case": "first-letter", "namespaces": {"6": ["ファイル", "File", "Image", "画像"]},
            "redirect": ["#転送", …], "switches": ["__目次__", …], "link_trail": "[a-z]*"}}

The first name of a namespace is the wiki's own; the others are the canonical name and aliases.
"""

import gzip
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SWITCHES = ("forcetoc", "noeditsection", "nogallery", "notoc", "toc")
DEFAULT_KEYS = ("defaultsort", "displaytitle")
NOT_WIKIS = frozenset({"mappings"})
CASE_SENSITIVE = "case-sensitive"


def compact(entry: Mapping[str, Any], link_trail: str) -> dict[str, Any]:
    """One wiki's row of the table from its entry in `wikis.json`."""
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
        "link_trail": link_trail,
    }


def build_table(wikis: Mapping[str, Any], link_trails: Mapping[str, str]) -> bytes:
    """The bytes of `siteinfo.json.gz` for the contents of the two files."""
    table = {
        code: compact(entry, link_trails.get(code, link_trails["_default"]))
        for code, entry in sorted(wikis.items())
        if code not in NOT_WIKIS
    }
    text = json.dumps(table, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return gzip.compress(text.encode(), mtime=0)


def main(arguments: list[str]) -> int:
    """Reads FOLDER, writes the table beside this module and says how large it is."""
    if len(arguments) != 1:
        print(
            "usage: python -m spark_jobs.wikis.rebuild_siteinfo FOLDER  (FOLDER holds wikis.json and linktrails.json)",
            file=sys.stderr,
        )
        return 2
    folder = Path(arguments[0])
    missing = [name for name in ("wikis.json", "linktrails.json") if not (folder / name).is_file()]
    if missing:
        print(f"{folder} has no {' and no '.join(missing)}: give the folder that holds both files", file=sys.stderr)
        return 2
    wikis = json.loads((folder / "wikis.json").read_text(encoding="utf-8"))
    link_trails = json.loads((folder / "linktrails.json").read_text(encoding="utf-8"))
    target = Path(__file__).parent / "data" / "siteinfo.json.gz"
    target.write_bytes(build_table(wikis, link_trails))
    print(f"{target}: {len(wikis)} wikis read, {target.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

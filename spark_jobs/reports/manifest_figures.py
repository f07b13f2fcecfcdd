"""Figures and facts of a corpus, read from the manifests of its tables alone: rows, links, names, dumps, configurations."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import yaml

from spark_jobs.contract.corpus_tables import CorpusTable
from spark_jobs.contract.manifest import Manifest

_DATE = re.compile(r"-([0-9]{8})-")
_LINKS_WITH_NAME = "links_with_name."


def wiki_figures(tables: Sequence[CorpusTable], wiki: str) -> dict[str, Any]:
    """The main counts of one wiki: dump, articles, redirects, rejects, characters, links, and `named` (links with a name, by
    pivot language). A count is None if the table that has it is missing."""
    manifests = {table.table.name: table.wikis[wiki] for table in tables if wiki in table.wikis}
    pages = manifests["articles"].counters if "articles" in manifests else {}
    links = next((manifests[name].counters for name in ("augmented", "links") if name in manifests), {})
    articles = pages.get("articles", links.get("articles"))
    return {
        "dump": ", ".join(sorted({found[1] for found in map(_DATE.search, _input_names(manifests.get("articles"))) if found})),
        "articles": manifests["rendered"].rows if articles is None and "rendered" in manifests else articles,
        "redirects": pages.get("redirects"),
        "rejects": manifests["rejects"].rows if "rejects" in manifests else None,
        "characters": links.get("characters"),
        "links": links.get("links"),
        "named": {pivot: links[f"{_LINKS_WITH_NAME}{pivot}"] for pivot in _counted_pivots(links)},
    }


def _counted_pivots(counters: Mapping[str, int]) -> list[str]:
    """The pivot languages of the counters `links_with_name.PIVOT`."""
    names = [name.removeprefix(_LINKS_WITH_NAME) for name in counters if name.startswith(_LINKS_WITH_NAME)]
    return [name for name in names if "." not in name]


def _input_names(manifest: Manifest | None) -> list[str]:
    return [] if manifest is None else [str(entry["name"]) for entry in manifest.inputs]


def select_wikis(tables: Sequence[CorpusTable], wikis: Collection[str]) -> list[CorpusTable]:
    """The tables with only these wikis; tables without any of them are left out."""
    selected = [replace(table, wikis={wiki: table.wikis[wiki] for wiki in table.wikis if wiki in wikis}) for table in tables]
    return [table for table in selected if table.wikis]


def pivots_of_tables(tables: Sequence[CorpusTable]) -> list[str]:
    """The languages in which the tables have names, sorted."""
    pivots: set[str] = set()
    for table in tables:
        for manifest in table.wikis.values():
            pivots.update(manifest.configuration.get("pivots", ()))
            pivots.update([manifest.configuration["pivot"]] if "pivot" in manifest.configuration else ())
    return sorted(pivots)


def dump_files(tables: Sequence[CorpusTable]) -> list[dict[str, Any]]:
    """Wikimedia's files that the tables were made from, sorted by name: name, bytes, sha256."""
    files = {
        entry["name"]: entry
        for table in tables
        for manifest in table.wikis.values()
        for entry in (*manifest.inputs, *(manifest.configuration.get("optional_inputs") or {}).values())
        if "bytes" in entry
    }
    return [files[name] for name in sorted(files)]


def code_versions(tables: Sequence[CorpusTable]) -> list[str]:
    """The code versions that wrote the tables, sorted."""
    return sorted({manifest.code_version for table in tables for manifest in table.wikis.values()})


def configurations(tables: Sequence[CorpusTable]) -> list[tuple[str, str, str]]:
    """Each different configuration as (table, wikis, configuration in YAML), without the wiki and the optional files."""
    wikis_by_configuration: dict[tuple[str, str], list[str]] = {}
    for table in tables:
        for wiki, manifest in table.wikis.items():
            plain = {key: value for key, value in manifest.configuration.items() if key not in ("wiki", "optional_inputs")}
            text = yaml.safe_dump(plain, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False).strip()
            wikis_by_configuration.setdefault((table.name, text), []).append(wiki)
    return [(table, ", ".join(wikis), text) for (table, text), wikis in wikis_by_configuration.items()]

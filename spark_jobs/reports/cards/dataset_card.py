"""The dataset card of a corpus: README.md as the Hugging Face hub and `datasets` read it, from manifests alone.

The YAML at its head tells `load_dataset` where the tables are: a configuration for each table, a split for each wiki. Says
nothing of time or place: same tables and settings, same card.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from spark_jobs.common.page_templates import render_markdown
from spark_jobs.common.wiki_languages import language_tag
from spark_jobs.config import CardSettings
from spark_jobs.contract.corpus_tables import CorpusTable, schema_versions, wikis_of
from spark_jobs.contract.table_schemas import RENDERED, Manifest
from spark_jobs.contract.type_names import hub_features, type_text

LICENCES = ["cc-by-sa-4.0", "gfdl"]
_TAGS = ["wikipedia", "entity-linking", "cross-lingual", "leia"]
_SIZES = {
    10**3: "n<1K",
    10**4: "1K<n<10K",
    10**5: "10K<n<100K",
    10**6: "100K<n<1M",
    10**7: "1M<n<10M",
    10**8: "10M<n<100M",
    10**9: "100M<n<1B",
}
"""The hub's size categories, by the number of rows that each stays below."""
_DATE = re.compile(r"-(\d{8})-")


def dataset_card(tables: Sequence[CorpusTable], settings: CardSettings) -> str:
    """README.md for the tables of a corpus."""
    wikis = wikis_of(tables)
    first = next((table for table in tables if table.name == "augmented"), tables[0])
    return render_markdown(
        "spark_jobs.reports.cards",
        "dataset_card.md",
        {"count": "{:,}".format, "type": type_text},
        head=yaml.safe_dump(dataset_card_head(tables, settings), sort_keys=False, allow_unicode=True),
        about=about(tables),
        has_spans=has_spans(tables),
        settings=settings,
        schema_version=" and ".join(schema_versions(tables)),
        tables=tables,
        wikis={wiki: wiki_figures(tables, wiki) for wiki in wikis},
        pivots=pivots_of_tables(tables),
        example=first,
        wiki=next(iter(first.wikis)),
        place=settings.repository or "path/to/this/folder",
        files=f"hf://datasets/{settings.repository}" if settings.repository else "path/to/this/folder",
        code_versions=sorted({manifest.code_version for table in tables for manifest in table.wikis.values()}),
        configurations=configurations(tables),
        inputs=dump_files(tables),
    )


def about(tables: Sequence[CorpusTable]) -> str:
    """What the corpus is, in two sentences."""
    pivots = pivots_of_tables(tables)
    names = f" with what the linked pages are called in other languages ({', '.join(pivots)})" if pivots else ""
    wikis = wikis_of(tables)
    listed = ", ".join(wikis) if len(wikis) <= 10 else f"{', '.join(wikis[:10])} and {len(wikis) - 10} more"
    form = "plain Parquet" if all(table.suffix == ".parquet" for table in tables) else "JSON lines"
    what = "Text and links" if has_spans(tables) else "Plain text"
    return f"{what} of Wikipedia's articles{names}, as {form}. Made from Wikimedia's dumps of {listed}."


def has_spans(tables: Sequence[CorpusTable]) -> bool:
    """Whether there is any table with names beside the text, not in it."""
    return any(table.table.name != RENDERED.name for table in tables)


def dataset_card_head(tables: Sequence[CorpusTable], settings: CardSettings) -> dict[str, Any]:
    """The YAML head of the card as a mapping: metadata of the hub, then `configs` and `dataset_info` of each table.

    `datasets` refuses splits without rows: a table without any has none.
    """
    tags = [language_tag(wiki) for wiki in wikis_of(tables)]
    articles = sum(figures["articles"] or 0 for figures in (wiki_figures(tables, wiki) for wiki in wikis_of(tables)))
    head: dict[str, Any] = {
        "pretty_name": settings.title,
        "language": sorted({tag.partition("-")[0] for tag in tags}),
        "language_bcp47": sorted(tag for tag in tags if "-" in tag),
        "license": LICENCES,
        "multilinguality": ["multilingual" if len(tags) > 1 else "monolingual"],
        "source_datasets": ["original"],
        "size_categories": [next(name for most, name in _SIZES.items() if articles < most)],
        "task_categories": ["text-generation", "fill-mask"],
        "tags": _TAGS,
        "configs": [_config(table, is_default=table.name == "augmented") for table in tables if table.rows],
        "dataset_info": [_info(table) for table in tables if table.rows],
    }
    return {key: value for key, value in head.items() if value}


def _config(table: CorpusTable, *, is_default: bool) -> dict[str, Any]:
    default = {"default": True} if is_default else {}
    files = [{"split": wiki, "path": table.files(wiki)} for wiki, manifest in table.wikis.items() if manifest.rows]
    return {"config_name": table.name, **default, "data_files": files}


def _info(table: CorpusTable) -> dict[str, Any]:
    features = hub_features(table.table.schema)
    if table.suffix != ".parquet":
        features.insert(0, {"name": "wiki", "dtype": "string"})
    splits = [
        {"name": wiki, "num_bytes": manifest.bytes, "num_examples": manifest.rows}
        for wiki, manifest in table.wikis.items()
        if manifest.rows
    ]
    sizes = {"download_size": table.bytes, "dataset_size": table.bytes}
    return {"config_name": table.name, "features": features, "splits": splits, **sizes}


def pivots_of_tables(tables: Sequence[CorpusTable]) -> list[str]:
    """The languages in which the tables have names."""
    found: set[str] = set()
    for table in tables:
        for manifest in table.wikis.values():
            found.update(manifest.configuration.get("pivots", ()))
            found.update([manifest.configuration["pivot"]] if "pivot" in manifest.configuration else ())
    return sorted(found)


def wiki_figures(tables: Sequence[CorpusTable], wiki: str) -> dict[str, Any]:
    """The numbers people ask for, from the manifests of one wiki; None where the table that has them is not there."""
    manifests = {table.table.name: table.wikis[wiki] for table in tables if wiki in table.wikis}
    account = manifests["articles"].counters if "articles" in manifests else {}
    links = next((manifests[name].counters for name in ("augmented", "links") if name in manifests), {})
    articles = account.get("articles", links.get("articles"))
    return {
        "dump": ", ".join(sorted({found[1] for found in map(_DATE.search, _input_names(manifests.get("articles"))) if found})),
        "articles": manifests["rendered"].rows if articles is None and "rendered" in manifests else articles,
        "redirects": account.get("redirects"),
        "rejects": manifests["rejects"].rows if "rejects" in manifests else None,
        "characters": links.get("characters"),
        "links": links.get("links"),
        "named": {pivot: links[f"links_with_name.{pivot}"] for pivot in _pivots(links)},
    }


def _pivots(counters: Mapping[str, int]) -> list[str]:
    prefix = "links_with_name."
    return [name.removeprefix(prefix) for name in counters if name.startswith(prefix) and name.count(".") == 1]


def _input_names(manifest: Manifest | None) -> list[str]:
    return [] if manifest is None else [str(entry["name"]) for entry in manifest.inputs]


def dump_files(tables: Sequence[CorpusTable]) -> list[dict[str, Any]]:
    """The files of Wikimedia's that the tables were made from, sorted by name: name, bytes, sha256."""
    files = {
        entry["name"]: entry
        for table in tables
        for manifest in table.wikis.values()
        for entry in (*manifest.inputs, *(manifest.configuration.get("optional_inputs") or {}).values())
        if "bytes" in entry
    }
    return [files[name] for name in sorted(files)]


def configurations(tables: Sequence[CorpusTable]) -> list[tuple[str, str, str]]:
    """(table, wikis, configuration) for every different configuration that tables were made with, files left out."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for table in tables:
        for wiki, manifest in table.wikis.items():
            plain = {key: value for key, value in manifest.configuration.items() if key not in ("wiki", "optional_inputs")}
            text = yaml.safe_dump(plain, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False).strip()
            grouped.setdefault((table.name, text), []).append(wiki)
    return [(table, ", ".join(wikis), text) for (table, text), wikis in grouped.items()]

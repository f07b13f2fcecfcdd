"""README.md of a corpus, as the Hugging Face hub and `datasets` read it, made from manifests alone.

The YAML head configures `load_dataset`: a configuration for each table, a split for each wiki. The card holds neither time nor
place: the same tables and settings give the same card.
"""

from collections.abc import Sequence
from typing import Any

import yaml

from spark_jobs.common.page_templates import render_markdown
from spark_jobs.common.wiki_languages import language_tag
from spark_jobs.config import CardSettings
from spark_jobs.contract.corpus_tables import CorpusTable, schema_versions, wikis_of
from spark_jobs.contract.table_schemas import RENDERED
from spark_jobs.contract.type_names import hub_features, type_text
from spark_jobs.reports.manifest_figures import code_versions, configurations, dump_files, pivots_of_tables, wiki_figures

_LICENCES = ["cc-by-sa-4.0", "gfdl"]
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
"""Size categories of the hub, by their exclusive upper limit of rows."""


def render_dataset_card(tables: Sequence[CorpusTable], settings: CardSettings) -> str:
    """The text of README.md."""
    wikis = wikis_of(tables)
    example = next((table for table in tables if table.name == "augmented"), tables[0])
    return render_markdown(
        "spark_jobs.reports.cards",
        "dataset_card.md",
        {"count": "{:,}".format, "type": type_text},
        head=yaml.safe_dump(build_card_head(tables, settings), sort_keys=False, allow_unicode=True),
        summary=summarise_corpus(tables),
        has_separate_names=has_separate_names(tables),
        settings=settings,
        schema_version=" and ".join(schema_versions(tables)),
        tables=tables,
        wikis={wiki: wiki_figures(tables, wiki) for wiki in wikis},
        pivots=pivots_of_tables(tables),
        example=example,
        wiki=next(iter(example.wikis)),
        place=settings.repository or "path/to/this/folder",
        files=f"hf://datasets/{settings.repository}" if settings.repository else "path/to/this/folder",
        code_versions=code_versions(tables),
        configurations=configurations(tables),
        inputs=dump_files(tables),
    )


def summarise_corpus(tables: Sequence[CorpusTable]) -> str:
    """A summary of the corpus in two sentences: contents, format, dumps."""
    pivots = pivots_of_tables(tables)
    names = f" with the names of the linked pages in other languages ({', '.join(pivots)})" if pivots else ""
    wikis = wikis_of(tables)
    listed = ", ".join(wikis) if len(wikis) <= 10 else f"{', '.join(wikis[:10])} and {len(wikis) - 10} more"
    form = "plain Parquet" if all(table.suffix == ".parquet" for table in tables) else "JSON lines"
    contents = "Text and links" if has_separate_names(tables) else "Plain text"
    return f"{contents} of Wikipedia's articles{names}, as {form}. Made from Wikimedia's dumps of {listed}."


def has_separate_names(tables: Sequence[CorpusTable]) -> bool:
    """Whether any table stores names separately from the text, with spans: any table but `rendered`."""
    return any(table.table.name != RENDERED.name for table in tables)


def build_card_head(tables: Sequence[CorpusTable], settings: CardSettings) -> dict[str, Any]:
    """The YAML head of the card as a mapping: metadata of the hub, then `configs` and `dataset_info` of each table.

    Tables and wikis without rows are left out, because `datasets` refuses splits without rows.
    """
    tags = [language_tag(wiki) for wiki in wikis_of(tables)]
    articles = sum(figures["articles"] or 0 for figures in (wiki_figures(tables, wiki) for wiki in wikis_of(tables)))
    head: dict[str, Any] = {
        "pretty_name": settings.title,
        "language": sorted({tag.partition("-")[0] for tag in tags}),
        "language_bcp47": sorted(tag for tag in tags if "-" in tag),
        "license": _LICENCES,
        "multilinguality": ["multilingual" if len(tags) > 1 else "monolingual"],
        "source_datasets": ["original"],
        "size_categories": [next(name for limit, name in _SIZES.items() if articles < limit)],
        "task_categories": ["text-generation", "fill-mask"],
        "tags": _TAGS,
        "configs": [_build_config(table, is_default=table.name == "augmented") for table in tables if table.rows],
        "dataset_info": [_build_info(table) for table in tables if table.rows],
    }
    return {key: value for key, value in head.items() if value}


def _build_config(table: CorpusTable, *, is_default: bool) -> dict[str, Any]:
    default = {"default": True} if is_default else {}
    files = [{"split": wiki, "path": table.files(wiki)} for wiki, manifest in table.wikis.items() if manifest.rows]
    return {"config_name": table.name, **default, "data_files": files}


def _build_info(table: CorpusTable) -> dict[str, Any]:
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

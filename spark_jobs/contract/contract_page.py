"""The data contract as a page, from `tables.py`: every table and column, and what may change between versions.

python -m spark_jobs.contract > docs/reference/tables.md
"""

from spark_jobs.common.page_templates import render_markdown
from spark_jobs.contract.table_schemas import MANIFEST, RENDERED, SCHEMA_VERSION, TABLES, TOKENIZER_METADATA, Manifest
from spark_jobs.contract.type_names import type_text


def contract_page() -> str:
    """The page as Markdown."""
    return render_markdown(
        "spark_jobs.contract",
        "contract.md",
        {"type": type_text},
        tables=[*TABLES.values(), RENDERED],
        schema_version=SCHEMA_VERSION,
        manifest=MANIFEST,
        fields=list(Manifest.model_fields),
        tokenizer_metadata=TOKENIZER_METADATA,
    )

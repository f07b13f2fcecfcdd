"""The reference page of the data contract, from the schemas and `templates/contract.md`.

python -m spark_jobs.contract > docs/reference/tables.md
"""

from spark_jobs.common.page_templates import render_markdown
from spark_jobs.contract.manifest import MANIFEST, Manifest
from spark_jobs.contract.schema_version import SCHEMA_VERSION
from spark_jobs.contract.table_schemas import RENDERED, TABLES, TOKENIZER_METADATA
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

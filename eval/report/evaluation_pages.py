"""HTML pages from eval/templates."""

from typing import Any

from spark_jobs import page


def render_page(template: str, filters: dict[str, Any], **values: Any) -> str:
    """The named template of eval with `values`; see `spark_jobs.page`."""
    return page.render_page("eval", template, filters, **values)

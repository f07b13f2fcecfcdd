"""HTML pages from eval/report/templates."""

from typing import Any

from spark_jobs.common import page_templates as page


def render_evaluation_page(template: str, filters: dict[str, Any], **values: Any) -> str:
    """The named template of eval with `values`; see `spark_jobs.common.page_templates`."""
    return page.render_page("eval.report", template, filters, **values)

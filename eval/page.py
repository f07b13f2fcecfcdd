"""HTML pages from eval/templates: one style, one set of filters, nothing outside the page itself."""

from typing import Any


def render_page(template: str, filters: dict[str, Any], **values: Any) -> str:
    """The named template with `values`; whatever they hold is text unless a template says `safe`, and none may be missing."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("eval"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template(template).render(**values)

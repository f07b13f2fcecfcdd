"""Rendering of HTML pages and Markdown files from Jinja templates. All HTML pages share `templates/style.html`."""

from collections.abc import Mapping
from typing import Any


def render_page(package: str, template: str, filters: Mapping[str, Any], **values: Any) -> str:
    """Render an HTML template from the folder `templates` of `package`.

    Values are escaped unless the template marks them `safe`; a missing value is an error. A template may include `style.html`.
    """
    return _render(package, template, filters, values, escape=True)


def render_markdown(package: str, template: str, filters: Mapping[str, Any], **values: Any) -> str:
    """Render a Markdown template of `package`; a missing value is an error. Use the filter `cell` for values in tables."""
    return _render(package, template, {"cell": markdown_cell, **filters}, values, escape=False)


def markdown_cell(value: Any) -> str:
    """A value as a cell of a Markdown table: one line, with backslashes and bars escaped."""
    return " ".join(str(value).split()).replace("\\", "\\\\").replace("|", "\\|")


def _render(package: str, template: str, filters: Mapping[str, Any], values: Mapping[str, Any], *, escape: bool) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(package), jinja2.PackageLoader("spark_jobs.common")]),
        autoescape=escape,  # noqa: S701  (not for Markdown)
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(filters)
    return environment.get_template(template).render(**values)

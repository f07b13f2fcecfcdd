"""Pages from templates: one style, one set of rules, nothing outside the page itself. Imports nothing of Spark's."""

from collections.abc import Mapping
from typing import Any


def render_page(package: str, template: str, filters: Mapping[str, Any], **values: Any) -> str:
    """The HTML template of `package` (its folder `templates`) with `values`.

    Whatever they hold is text unless a template says `safe`, and none may be missing. `style.html` is found for every package.
    """
    return _render(package, template, filters, values, escape=True)


def render_markdown(package: str, template: str, filters: Mapping[str, Any], **values: Any) -> str:
    """The Markdown template of `package` with `values`, none of which may be missing; see `markdown_cell` for those in tables."""
    return _render(package, template, {"cell": markdown_cell, **filters}, values, escape=False)


def markdown_cell(value: Any) -> str:
    """A value as a cell of a Markdown table, in one line and with its bars escaped."""
    return " ".join(str(value).split()).replace("\\", "\\\\").replace("|", "\\|")


def _render(package: str, template: str, filters: Mapping[str, Any], values: Mapping[str, Any], *, escape: bool) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(package), jinja2.PackageLoader("spark_jobs.common")]),
        autoescape=escape,  # noqa: S701  (Markdown is no HTML)
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(filters)
    return environment.get_template(template).render(**values)

"""HTML pages from templates: one style, one set of rules, nothing outside the page itself. Imports nothing of Spark's."""

from collections.abc import Mapping
from typing import Any


def render_page(package: str, template: str, filters: Mapping[str, Any], **values: Any) -> str:
    """The template of `package` (its folder `templates`) with `values`.

    Whatever they hold is text unless a template says `safe`, and none may be missing. `style.html` is found for every package.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(package), jinja2.PackageLoader("spark_jobs")]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template(template).render(**values)

"""HTML pages and Markdown files from templates."""

from pathlib import Path

import jinja2
import pytest

from spark_jobs.common.page_templates import markdown_cell, render_markdown, render_page


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with two templates, whose name differs from test to test."""
    name = f"pages_of_{tmp_path.name}"
    folder = tmp_path / name / "templates"
    folder.mkdir(parents=True)
    (tmp_path / name / "__init__.py").touch()
    (folder / "page.html").write_text("<p>{{ value }}{{ value | safe }}{{ value | shout }}\n", encoding="utf-8")
    (folder / "page.md").write_text("{% if value %}\n{{ value }} {{ value | cell }}\n{% endif %}\n", encoding="utf-8")
    (folder / "styled.html").write_text('{% include "style.html" %}', encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return name


@pytest.mark.parametrize(("render", "template"), [(render_page, "page.html"), (render_markdown, "page.md")])
def test_a_missing_value_is_an_error(package: str, render, template: str) -> None:
    with pytest.raises(jinja2.UndefinedError, match="'value' is undefined"):
        render(package, template, {"shout": str.upper})


def test_a_missing_template_is_an_error(package: str) -> None:
    with pytest.raises(jinja2.TemplateNotFound, match=r"none\.html"):
        render_page(package, "none.html", {})


def test_values_in_html_are_escaped_unless_they_are_safe(package: str) -> None:
    assert render_page(package, "page.html", {"shout": str.upper}, value="a&b") == "<p>a&amp;ba&bA&amp;B\n"


def test_values_in_markdown_stay_and_those_of_tables_are_escaped(package: str) -> None:
    assert render_markdown(package, "page.md", {}, value="<a|b>") == "<a|b> <a\\|b>\n"


def test_all_pages_share_a_style(package: str) -> None:
    assert "--accent" in render_page(package, "styled.html", {})


@pytest.mark.parametrize(
    ("value", "cell"), [("", ""), (None, "None"), (12, "12"), (" a\n\tb ", "a b"), ("a|b", "a\\|b"), ("a\\|b", "a\\\\\\|b")]
)
def test_a_cell_of_a_table_is_one_line(value: object, cell: str) -> None:
    assert markdown_cell(value) == cell

"""Plots for HTML pages: without addresses and fixed sizes, in the colours of the page."""

import re

import pytest

from spark_jobs.common.svg_plots import ACCENT, COLOURS, QUIET, SERIES, SERIES_COLOURS, STYLE, inline_svg


def draw(label: str, name: str | None = None) -> str:
    """A plot with a clipped line in each of two colours, and one in that of a series."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure()
        axes = figure.add_subplot()
        for height, colour in enumerate([ACCENT, QUIET, SERIES[1]]):
            axes.plot([0, 1], [0, height], color=colour)
        return inline_svg(figure, label, name)


@pytest.fixture(scope="module")
def svg() -> str:
    return draw('Loss & "steps"')


def test_the_root_has_a_label_and_no_size(svg: str) -> None:
    root = svg[: svg.index(">") + 1]
    assert root.startswith('<svg role="img" aria-label="Loss &amp; &quot;steps&quot;"')
    assert "viewBox=" in root
    assert not re.search(r"\s(?:width|height)=", root)


def test_no_address_and_no_metadata_is_left(svg: str) -> None:
    assert "://" not in svg
    assert "metadata" not in svg


def test_colours_of_the_page_replace_all_placeholders(svg: str) -> None:
    assert {"var(--accent)", "var(--quiet)", "var(--series-2)", "currentColor"} <= set(
        re.findall(r"var\(--[\w-]+\)|currentColor", svg)
    )
    assert [colour for colour in (*COLOURS, *SERIES_COLOURS) if colour in svg] == []


def test_every_reference_leads_to_an_id_with_the_prefix(svg: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', svg)
    references = re.findall(r'url\(#([^)]+)\)|xlink:href="#([^"]+)"', svg)
    assert references
    assert {name for pair in references for name in pair if name} <= set(ids)
    assert [name for name in ids if not name.startswith("loss-steps-")] == []


def test_two_plots_of_one_label_have_different_ids_under_different_names() -> None:
    first, second = (set(re.findall(r'\bid="([^"]+)"', draw("Loss", name))) for name in ("a", "b"))
    assert first
    assert first & second == set()


def test_the_same_plot_gives_the_same_bytes(svg: str) -> None:
    assert draw('Loss & "steps"') == svg

"""Plots as SVG to stand inside a page: no fonts, scripts or addresses of their own, and in the colours of the page.

Draw in the colours TEXT, ACCENT, QUIET, LINE and SERIES under `matplotlib.rc_context(STYLE)`, then take
`inline_svg(figure, label)`.
"""

import html
import io
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"#010101": "currentColor", "#020202": "var(--accent)", "#030303": "var(--quiet)", "#040404": "var(--line)"}
"""Stand-ins that matplotlib draws with, and what the page puts in their place: they follow its light and dark dress."""
TEXT, ACCENT, QUIET, LINE = COLOURS

SERIES_COLOURS = {f"#05050{number}": f"var(--series-{number})" for number in range(1, 9)}
"""Stand-ins for the lines of a plot that has several."""
SERIES = tuple(SERIES_COLOURS)

STYLE: Any = {  # keys of matplotlib's rcParams, which it types one by one
    "svg.fonttype": "none",
    "svg.hashsalt": "leia",
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": TEXT,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": TEXT,
    "ytick.labelcolor": TEXT,
}


def inline_svg(figure: "Figure", label: str, name: str | None = None) -> str:
    """The figure, drawn in the stand-ins, as SVG without size that takes the page's colours; `label` is what it shows, in words.

    Two plots of one page need two names, or two labels where they have no name: ids are made of them.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)  # needless inside HTML
    svg = re.sub(r'<svg\b([^>]*?)\swidth="[^"]*"', r"<svg\1", svg, count=1)
    svg = re.sub(r'<svg\b([^>]*?)\sheight="[^"]*"', r"<svg\1", svg, count=1)
    # Two plots on one page must not share ids.
    prefix = re.sub(r"[^a-z0-9]+", "-", (name or label).lower())
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r"(url\(#|xlink:href=\"#)", rf"\g<1>{prefix}-", svg)
    for stand_in, colour in (COLOURS | SERIES_COLOURS).items():
        svg = svg.replace(stand_in, colour)
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)

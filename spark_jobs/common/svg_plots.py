"""Plots as inline SVG for HTML pages, without fonts, scripts or URLs, in the colours of the page (light and dark).

Draw with the colours TEXT, ACCENT, QUIET, LINE and SERIES under `matplotlib.rc_context(STYLE)`, then take
`inline_svg(figure, label)`.
"""

import html
import io
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"#010101": "currentColor", "#020202": "var(--accent)", "#030303": "var(--quiet)", "#040404": "var(--line)"}
"""Placeholder colours for matplotlib, and the CSS colours of the page that replace them."""
TEXT, ACCENT, QUIET, LINE = COLOURS

SERIES_COLOURS = {f"#05050{number}": f"var(--series-{number})" for number in range(1, 9)}
"""Placeholder colours for the lines of a plot with several."""
SERIES = tuple(SERIES_COLOURS)

STYLE: Any = {  # matplotlib types rcParams by their literal names
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
    """A figure drawn in the placeholder colours, as SVG without a fixed size; `label` describes it for screen readers.

    Ids are prefixed with `name` (default: `label`), which must be unique in the page.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)  # not needed inside HTML
    svg = re.sub(r'<svg\b([^>]*?)\swidth="[^"]*"', r"<svg\1", svg, count=1)
    svg = re.sub(r'<svg\b([^>]*?)\sheight="[^"]*"', r"<svg\1", svg, count=1)
    # Two plots on one page must not share ids.
    prefix = re.sub(r"[^a-z0-9]+", "-", (name or label).lower())
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r"(url\(#|xlink:href=\"#)", rf"\g<1>{prefix}-", svg)
    for placeholder, colour in (COLOURS | SERIES_COLOURS).items():
        svg = svg.replace(placeholder, colour)
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)

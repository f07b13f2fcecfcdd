"""Values of a run as text on its page."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from training.report.metric_series import Float64s


def format_event(event: Mapping[str, Any]) -> str:
    """The values of an event, without its step and kind.

    >>> format_event({"step": 7, "event": "skipped", "reason": "the loss is nan", "sequences": ["48-49"]})
    'the loss is nan; sequences 48-49'
    """
    parts = []
    for name, value in event.items():
        label = name.replace("_", " ")
        if name in ("step", "event"):
            continue
        if isinstance(value, dict):
            parts.append(f"{label} " + ", ".join(f"{key} {number:.4g}" for key, number in value.items()))
        elif isinstance(value, list):
            parts.append(f"{name} {', '.join(map(str, value))}")
        else:
            text = f"{value:.3g}" if isinstance(value, float) else f"{value}"
            parts.append(text if name == "reason" else f"{label} {text}")
    return "; ".join(parts)


def format_short_count(count: int) -> str:
    """A count for a narrow card: three digits and a letter from a million on.

    >>> format_short_count(30720), format_short_count(1234567), format_short_count(80_000_000_000)
    ('30,720', '1.23 M', '80 B')
    """
    for power, letter in ((10**9, "B"), (10**6, "M")):
        if count >= power:
            return f"{count / power:,.3g} {letter}" if count < 1000 * power else f"{count / power:,.0f} {letter}"
    return f"{count:,}"


def format_change(values: Float64s, digits: int = 3) -> str:
    """The first and the last known value.

    >>> format_change(np.array([np.nan, 4.0, 2.5])), format_change(np.array([4.0])), format_change(np.array([np.nan]))
    ('4.000 → 2.500', '4.000', '–')
    """
    known = [f"{value:.{digits}f}" for value in values[~np.isnan(values)]]
    return "–" if not known else known[0] if len(known) == 1 else f"{known[0]} → {known[-1]}"


def format_median(values: Float64s) -> str:
    """The median of the known values, as a whole number."""
    known = values[~np.isnan(values)]
    return f"{np.median(known):,.0f}" if len(known) else "–"

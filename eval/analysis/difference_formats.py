"""Intervals and p values as text."""

from eval.analysis.significance import PairedDifference


def format_interval(found: PairedDifference) -> str:
    """The 95 % interval in points, `-1.8 to +4.0`."""
    return f"{found.low:+.1f} to {found.high:+.1f}"


def format_p(p: float) -> str:
    """A p value with three digits after the point.

    >>> format_p(0.0312), format_p(0.00004)
    ('0.031', '< 0.001')
    """
    return "< 0.001" if p < 0.001 else f"{p:.3f}"

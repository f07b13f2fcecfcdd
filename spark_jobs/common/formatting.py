"""Numbers for people: counts, sizes in bytes, durations."""

import math


def format_count(value: float) -> str:
    """A whole number with thousands separators.

    >>> format_count(1234567)
    '1,234,567'
    """
    return f"{value:,.0f}"


def format_percent(part: float, whole: float) -> str:
    """A share in per cent, without the sign, with one decimal. 0 and 100 mean none and all; a dash stands for a share of nothing.

    >>> [format_percent(part, 20_000) for part in (0, 1, 34, 19_999, 20_000)], format_percent(0, 0)
    (['0', '<0.1', '0.2', '>99.9', '100'], '–')
    """
    if not whole:
        return "–"
    if part in (0, whole):
        return "100" if part else "0"
    percent = f"{100 * part / whole:.1f}"
    return {"0.0": "<0.1", "100.0": ">99.9"}.get(percent, percent)


def format_si(value: float) -> str:
    """Three digits and the SI prefix of the unit that follows, for a value above 0.

    >>> format_si(42_865_000_000) + "FLOP"
    '42.9 GFLOP'
    """
    power = min(max(math.floor(math.log10(value) / 3), 0), 6)
    return f"{value / 1000**power:.3g} {' kMGTPE'[power].strip()}"


def format_bytes(value: float) -> str:
    """Bytes with a binary unit.

    >>> format_bytes(900), format_bytes(1536)
    ('900 B', '1.5 KiB')
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def format_seconds(value: float, digits: int = 0) -> str:
    """A duration in its two largest units; below a minute in seconds with `digits` decimals.

    >>> format_seconds(7.2), format_seconds(4.2, digits=1), format_seconds(754), format_seconds(7830), format_seconds(3.2e6)
    ('7 s', '4.2 s', '12 min 34 s', '2 h 10 min', '37 d 0 h')
    """
    if round(value, digits) < 60:
        return f"{value:.{digits}f} s"
    whole = round(value)
    if whole >= 48 * 3600:
        return f"{whole // 86400} d {whole % 86400 // 3600} h"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"

"""Numbers as the report writes them."""

from __future__ import annotations

import math


def percent(share: float) -> str:
    """0.621 as ``62.1 %``; a missing number as a dash."""
    return "–" if math.isnan(share) else f"{100 * share:.1f} %".replace("-", "−")


def percent_interval(share: float, low: float, high: float) -> str:
    """A share with its interval, ``62.1 % [58.0, 66.0]``; ``[–]`` where there is none."""
    interval = "–" if math.isnan(low) else f"{100 * low:.1f}, {100 * high:.1f}"
    return "–" if math.isnan(share) else f"{percent(share)} [{interval}]"


def points_interval(difference: float, low: float, high: float) -> str:
    """A difference of shares in percentage points, ``+4.2 [−1.0, +7.4]``; ``[–]`` where it has no interval."""
    interval = "–" if math.isnan(low) else f"{100 * low:+.1f}, {100 * high:+.1f}"
    return f"{100 * difference:+.1f} [{interval}]".replace("-", "−")


def p_value(p: float) -> str:
    """A p-value to three decimals, ``p = 0.012``."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def duration(hours: float) -> str:
    """A time in the unit that suits it, ``12 min``; a missing one as a dash."""
    if math.isnan(hours):
        return "–"
    seconds = 3600 * hours
    if seconds < 60:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else amount(hours, "h")


def amount(value: float, unit: str = "") -> str:
    """A size to three digits with thousands set apart, ``1.23 million tokens``; a missing one as a dash."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    if 0 < abs(value) < 0.001:
        return f"< 0.001 {unit}".strip()
    for size, word in ((1e12, " trillion"), (1e9, " billion"), (1e6, " million")):
        if abs(value) >= size:
            return f"{value / size:.3g}{word} {unit}".strip()
    text = f"{value:,.0f}".replace(",", " ") if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} {unit}".strip()

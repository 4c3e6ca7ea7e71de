"""A change with its interval and its margin as a small drawing (SVG within HTML)."""

from __future__ import annotations

import math
from html import escape

WIDTH, HEIGHT = 180, 22
"""The drawing's own units."""
REACH = 3.0
"""How many margins are drawn to either side of no change; what lies further is cut, with an arrow."""


def bar(change: float | None, low: float | None, high: float | None, margin: float | None, label: str) -> str:
    """The drawing of a row, in units of its margin, so that all rows have their margin at the same place.

    Without a margin the interval's own extent is the unit. Nothing where there is no change.
    """
    if change is None or not math.isfinite(change):
        return ""
    bounds = [one for one in (low, high) if one is not None and math.isfinite(one)]
    unit = margin or max(map(abs, [*bounds, change]), default=0.0) or 1.0
    parts = [_line("zero", 0.0)]
    if margin is not None:
        parts.append(_line("margin", -margin / unit))
    if len(bounds) == 2:
        parts += _interval(bounds[0] / unit, bounds[1] / unit)
    parts.append(f'<circle class="dot" cx="{_x(change / unit):.1f}" cy="{HEIGHT / 2:g}" r="3.5"/>')
    return (
        f'<svg class="bar" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _x(value: float) -> float:
    """The place of a value, cut at the drawing's ends."""
    cut = max(-REACH, min(REACH, value))
    return 8 + (cut + REACH) / (2 * REACH) * (WIDTH - 16)


def _line(name: str, value: float) -> str:
    return f'<line class="{name}" x1="{_x(value):.1f}" x2="{_x(value):.1f}" y1="1" y2="{HEIGHT - 1}"/>'


def _interval(low: float, high: float) -> list[str]:
    """The line of the interval, with an arrow where it goes on outside of the drawing."""
    middle = HEIGHT / 2
    found = [f'<line class="interval" x1="{_x(low):.1f}" x2="{_x(high):.1f}" y1="{middle:g}" y2="{middle:g}"/>']
    if low < -REACH:
        found.append(f'<path class="arrow" d="M7 {middle - 5:g}L1 {middle:g}L7 {middle + 5:g}z"/>')
    if high > REACH:
        end = WIDTH - 1
        found.append(f'<path class="arrow" d="M{end - 6} {middle - 5:g}L{end} {middle:g}L{end - 6} {middle + 5:g}z"/>')
    return found

"""The learning curve of a training as an SVG: losses, validation scores and learning rate, over what was seen."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

_WIDTH, _HEIGHT, _GAP = 640, 170, 46
_LEFT, _RIGHT, _TOP = 60, 150, 34
_LOSSES = "losses, smoothed"
_COLOURS = ("#1f6f8b", "#d1603d", "#5a8f3c", "#8b5fa8", "#c79a2b", "#5f6b73", "#b0486e", "#3f5fbf")
_SMOOTHED = 0.1
"""The share of a new value in the smoothed line of a loss, per logged step."""

Line = list[tuple[float, float]]
"""Points (what was seen, value) in order."""


def curve(log: Path, batch: int, title: str) -> str:
    """The SVG of a training's log, whose steps hold `batch` rows each."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    steps, checks = ([line for line in lines if name in line] for name in ("losses", "validation"))
    panels = {
        _LOSSES: _series([(line["step"] * batch, line["losses"]) for line in steps], _SMOOTHED),
        "validation": _series([(line["step"] * batch, _plain(line["validation"])) for line in checks]),
        "learning rate": _series([(line["step"] * batch, {"rate": line["rate"]}) for line in steps]),
    }
    shown = {name: lines for name, lines in panels.items() if lines}
    end = max((line[-1][0] for lines in shown.values() for line in lines.values()), default=1.0)
    height = _TOP + len(shown) * (_HEIGHT + _GAP)
    drawn = [
        _panel(name, lines, end, _TOP + i * (_HEIGHT + _GAP), name == _LOSSES)
        for i, (name, lines) in enumerate(shown.items())
    ]
    size = f'width="{_LEFT + _WIDTH + _RIGHT}" height="{height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11" fill="#333">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{_text(_LEFT, 20, f"{title}: over the rows seen", _TITLE)}'
        f"{''.join(drawn)}</svg>\n"
    )


def _plain(scores: dict[str, float]) -> dict[str, float]:
    """The scores between 0 and 1 that are no parts of others."""
    return {name: value for name, value in scores.items() if "/" not in name and not name.endswith("_loss")}


def _series(rows: Sequence[tuple[float, dict[str, Any]]], share: float = 1.0) -> dict[str, Line]:
    """A line per name, smoothed exponentially where a new value counts by a `share`."""
    lines: dict[str, Line] = {}
    for at, values in rows:
        for name, value in values.items():
            line = lines.setdefault(name, [])
            before = line[-1][1] if line else value
            line.append((at, before + (value - before) * max(share, 1 / (len(line) + 1))))
    return lines


def _panel(name: str, lines: dict[str, Line], end: float, top: int, decades: bool) -> str:
    """Axes, and a line and an entry of the legend per series; upwards evenly from 0, or in `decades`."""
    values = [value for line in lines.values() for _, value in line]
    ticks = _decades(values) if decades else [(i / 4, (max(values) or 1.0) * i / 4) for i in range(5)]
    low, most = ticks[0][1], ticks[-1][1]

    def height(value: float) -> float:
        """Where a value lies, 0 at the bottom and 1 at the top."""
        if decades:
            return math.log(max(value, low) / low) / math.log(most / low)
        return max(value, 0.0) / most

    parts = [f'<g transform="translate({_LEFT},{top + 14})">\n', _text(0, -5, name, 'font-weight="bold"')]
    for share, value in ticks:
        y = _HEIGHT * (1 - share)
        parts.append(f'<path d="M0 {y:.1f}H{_WIDTH}" stroke="#ddd"/>{_text(-6, y + 4, f"{value:.3g}", _END)}')
    for i in range(5):
        parts.append(_text(_WIDTH * i / 4, _HEIGHT + 15, f"{end * i / 4:,.0f}", _MIDDLE))
    for i, (label, line) in enumerate(lines.items()):
        colour = _COLOURS[i % len(_COLOURS)]
        points = " ".join(f"{_WIDTH * x / end:.1f},{_HEIGHT * (1 - height(y)):.1f}" for x, y in line)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>\n')
        parts.append(_text(_WIDTH + 10, 10 + 14 * i, f"{label} {line[-1][1]:.3g}", f'fill="{colour}"'))
    return "".join([*parts, "</g>\n"])


def _decades(values: Sequence[float]) -> list[tuple[float, float]]:
    """The powers of ten around positive values, at most four down from the largest, with their heights in 0..1."""
    above = [value for value in values if value > 0] or [1.0]
    top = math.ceil(math.log10(max(above)) - 1e-9)
    bottom = max(min(math.floor(math.log10(min(above))), top - 1), top - 4)
    return [((power - bottom) / (top - bottom), 10.0**power) for power in range(bottom, top + 1)]


_END, _MIDDLE, _TITLE = 'text-anchor="end"', 'text-anchor="middle"', 'font-size="14"'


def _text(x: float, y: float, said: str, style: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(said)}</text>\n'

"""The comparison as a picture: a panel per task, a row per model, a dot with its interval; plain SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from benchmarks.zoo.family import BLIND, MAIN, NOVEL, Measure
from benchmarks.zoo.runs import Zoo
from velm_bench.results.schema import SHUFFLED

LABELS, PANEL, GAP, ROW, TOP, FOOT = 112, 178, 22, 24, 46, 66
"""Widths of the column of names, of a panel and between panels; heights of a row, above the rows and below them."""

STYLE = """
  .back { fill: #ffffff; } text { fill: #24292f; font: 12px system-ui, sans-serif; }
  .small { font-size: 10.5px; fill: #57606a; } .grid { stroke: #d8dee4; }
  .blind { stroke: #8c959f; stroke-dasharray: 3 3; } .seen { fill: #0969da; } .span, .novel { stroke: #0969da; }
  .span { stroke-width: 2.5; } .novel { fill: none; stroke-width: 1.5; }
  .control { fill: none; stroke: #bc4c00; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117; } text { fill: #e6edf3; } .small { fill: #9198a1; } .grid { stroke: #30363d; }
    .blind { stroke: #6e7681; } .seen { fill: #58a6ff; } .span, .novel { stroke: #58a6ff; }
    .control { stroke: #f0883e; }
  }
"""


@dataclass(frozen=True)
class Axis:
    """Where a panel's values lie."""

    left: float
    most: float

    def x(self, value: float) -> float:
        """Pixels from the left; what is below zero stands at zero."""
        return self.left + PANEL * max(0.0, value) / self.most


def plot(zoo: Zoo) -> str:
    """The picture as SVG; it has a ground of its own and follows the reader's light or dark."""
    width = LABELS + len(MAIN) * (PANEL + GAP)
    height = TOP + ROW * len(zoo.members) + FOOT
    body = [*_names(zoo), *(line for place, measure in enumerate(MAIN) for line in _panel(zoo, measure, place))]
    body += _legend(height)
    title = "The reference family on the scenes benchmark"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img" aria-label="{title}">',
            f"<title>{title}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="back" width="{width}" height="{height}" rx="6"/>',
            *body,
            "</svg>",
            "",
        ]
    )


def _names(zoo: Zoo) -> Iterator[str]:
    for row, member in enumerate(zoo.members):
        yield f'<text x="{LABELS - 12}" y="{_y(row) + 4:.1f}" text-anchor="end">{escape(member.name)}</text>'


def _y(row: int) -> float:
    return TOP + ROW * (row + 0.5)


def _panel(zoo: Zoo, measure: Measure, place: int) -> Iterator[str]:
    """One task: its grid, the blind one's score as a line, and every member's numbers."""
    axis = Axis(LABELS + place * (PANEL + GAP), most=_most(zoo, measure))
    bottom = TOP + ROW * len(zoo.members)
    yield f'<text x="{axis.left:.1f}" y="22">{escape(measure.title)}</text>'
    for share in (0.0, 0.5, 1.0):
        x = axis.left + PANEL * share
        yield f'<line class="grid" x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{bottom}"/>'
        yield f'<text class="small" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{axis.most * share:g}</text>'
    blind = zoo.score(BLIND, measure)
    if blind is not None and blind.value is not None:
        x = axis.x(blind.value)
        yield f'<line class="blind" x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{bottom}"/>'
    for row, member in enumerate(zoo.members):
        if measure.task in member.tasks:
            yield from _marks(zoo, measure, member.reference, axis, _y(row))
        else:
            yield _said("cannot", axis, _y(row))


def _most(zoo: Zoo, measure: Measure) -> float:
    """The end of a panel's axis: 1 for a share, else the next half above the largest bound."""
    found = [zoo.score(member.reference, measure, split) for member in zoo.members for split in ("", NOVEL)]
    largest = max((score.high or score.value or 0.0 for score in found if score is not None), default=1.0)
    return max(1.0, math.ceil(2 * largest) / 2)


def _marks(zoo: Zoo, measure: Measure, reference: str, axis: Axis, y: float) -> Iterator[str]:
    """A member's score with its interval, the same on unseen pairs, and what is left with others' pictures."""
    cell = zoo.cell(reference, measure.task)
    gain = cell.gain(SHUFFLED) if cell else None
    gap = measure.gap(gain) if gain else None
    if gap is not None and gap.control is not None:
        x = axis.x(gap.control)
        yield f'<path class="control" d="M{x - 3.5:.1f} {y - 3.5:.1f}l7 7m0 -7l-7 7"/>'
    novel = zoo.score(reference, measure, NOVEL)
    if novel is not None and novel.value is not None:
        yield f'<circle class="novel" cx="{axis.x(novel.value):.1f}" cy="{y:.1f}" r="5"/>'
    score = measure.score(cell.result) if cell else None
    if score is None or score.value is None:
        yield _said("not run", axis, y)
        return
    if score.low is not None and score.high is not None:
        low, high = axis.x(score.low), axis.x(score.high)
        yield f'<line class="span" x1="{low:.1f}" y1="{y:.1f}" x2="{high:.1f}" y2="{y:.1f}"/>'
    yield f'<circle class="seen" cx="{axis.x(score.value):.1f}" cy="{y:.1f}" r="3.5"/>'


def _said(words: str, axis: Axis, y: float) -> str:
    """Words in the middle of a row, where there is no number."""
    return f'<text class="small" x="{axis.left + PANEL / 2:.1f}" y="{y + 4:.1f}" text-anchor="middle">{words}</text>'


def _legend(height: float) -> Sequence[str]:
    y = height - 22
    return [
        f'<circle class="seen" cx="{LABELS + 5}" cy="{y}" r="3.5"/>',
        f'<line class="span" x1="{LABELS - 5}" y1="{y}" x2="{LABELS + 15}" y2="{y}"/>',
        f'<text class="small" x="{LABELS + 22}" y="{y + 4}">test, with its 95 % interval</text>',
        f'<circle class="novel" cx="{LABELS + 195}" cy="{y}" r="5"/>',
        f'<text class="small" x="{LABELS + 207}" y="{y + 4}">pairs of colour and shape never seen</text>',
        f'<path class="control" d="M{LABELS + 421} {y - 3.5}l7 7m0 -7l-7 7"/>',
        f'<text class="small" x="{LABELS + 436}" y="{y + 4}">test, with the pictures of others</text>',
        f'<line class="blind" x1="{LABELS + 626}" y1="{y - 8}" x2="{LABELS + 626}" y2="{y + 8}"/>',
        f'<text class="small" x="{LABELS + 635}" y="{y + 4}">the blind one</text>',
    ]

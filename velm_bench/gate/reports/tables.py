"""The tables of the HTML page: rows with their intervals drawn, slices, speed and memory."""

from __future__ import annotations

from collections.abc import Sequence

from velm_bench.gate.reports.bars import bar
from velm_bench.gate.reports.wording import (
    SENTENCE,
    SIGNS,
    as_html,
    by_weight,
    chance,
    figure,
    interval,
    ordered,
    percent,
    score,
    signed,
    tally,
    versus,
)
from velm_bench.gate.schema import Cost, Outcome, Row, Tier

MOST_ROWS = 2000
"""How many rows of a table are shown; a page with more is slow, and the other files have all."""
_HEADS = (
    "Outcome", "Task and score", "Change", "", "Margin", "Baseline", "Candidate", "p worse", "Better / worse / same",
    "n",
)  # fmt: skip
_COST_HEADS = ("Outcome", "Task", "What", "Change", "Margin", "Baseline", "Candidate")
_NUMBERS = frozenset((*_HEADS[4:], "Change"))
_NUMBER = ' class="number"'


def rows_section(title: str, rows: Sequence[Row], meaning: str = "") -> str:
    """A table of rows, those that decide first."""
    if not rows:
        return f"<h2>{title}</h2><p>There are none.</p>"
    said = f'<p class="soft">{meaning}</p>' if meaning else ""
    return f"<h2>{title}</h2>{said}{_table(title, _HEADS, [_row(row) for row in ordered(rows)])}"


def _table(label: str, heads: Sequence[str], rows: Sequence[str]) -> str:
    """A table that scrolls on its own where it is wider than the screen."""
    head = "".join(_head(name) for name in heads)
    more = f'<p class="soft">and {len(rows) - MOST_ROWS:,} more</p>' if len(rows) > MOST_ROWS else ""
    return (
        f'<div class="scroll" role="region" aria-label="{label}" tabindex="0">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows[:MOST_ROWS])}</tbody></table></div>{more}"
    )


def _head(name: str) -> str:
    return f'<th scope="col"{_NUMBER if name in _NUMBERS else ""}>{name}</th>'


def _row(row: Row) -> str:
    label = f"change {signed(row.change)}, interval {interval(row.low, row.high) or 'unknown'}"
    failed = f"{row.baseline_errors:,} and {row.candidate_errors:,} failed"
    errors = f"<small>{failed}</small>" if row.baseline_errors or row.candidate_errors else ""
    cells = (
        f"{signed(row.change)}<small>{interval(row.low, row.high)}</small>",
        bar(row.change, row.low, row.high, row.margin, label),
        score(row.margin),
        score(row.baseline),
        score(row.candidate),
        chance(row.p_adjusted),
        tally(row),
        f"{row.n:,}<small>{row.groups:,} groups</small>{errors}",
    )
    return f'<tr class="{row.outcome}"><td>{_outcome(row)}</td>{_named(row)}{_cells(_HEADS[2:], cells)}</tr>\n'


def _cells(heads: Sequence[str], cells: Sequence[str]) -> str:
    """Cells that say on a narrow screen, where a row becomes a list, what they are."""
    pairs = zip(heads, cells, strict=True)
    return "".join(
        f'<td{_NUMBER if head in _NUMBERS else ""} data-head="{head}"><div>{cell}</div></td>' for head, cell in pairs
    )


def _outcome(row: Row | Cost) -> str:
    aside = "" if row.tier is Tier.REQUIRED else "<small>advisory</small>"
    return f'<span class="outcome">{SIGNS[row.outcome]} {row.outcome}</span>{aside}'


def _named(row: Row) -> str:
    """What a row is about, and why it came out as it did."""
    names = f"<bdi>{as_html(row.task)}</bdi><span>{as_html(row.metric)}{versus(row)}</span>"
    part = f"<span>{as_html(row.slice)}</span>" if row.slice else ""
    why = f"<small>{as_html(row.why, SENTENCE)}</small>" if row.why else ""
    return f'<th scope="row">{names}{part}{why}</th>'


def slices_section(rows: Sequence[Row]) -> str:
    """The slices: those that are not shown to hold, and the others behind a fold."""
    if not rows:
        return ""
    open_ = " open" if any(row.outcome is Outcome.REGRESSION for row in rows) else ""
    counted = f"{sum(row.outcome is Outcome.REGRESSION for row in rows):,} of {len(rows):,} became worse"
    table = _table("Slices", _HEADS, [_row(row) for row in ordered(rows)])
    return f"<h2>Slices</h2><details{open_}><summary>Advisory: {counted}</summary>{table}</details>"


def costs_section(costs: Sequence[Cost]) -> str:
    """Speed and memory; nothing where they were not asked for."""
    if not costs:
        return ""
    table = _table("Speed and memory", _COST_HEADS, [_cost(one) for one in by_weight(costs)])
    return f"<h2>Speed and memory</h2>{table}"


def _cost(cost: Cost) -> str:
    why = f"<small>{as_html(cost.why, SENTENCE)}</small>" if cost.why else ""
    bounds = "" if cost.low is None else f"<small>[{percent(cost.low)}, {percent(cost.high)}]</small>"
    cells = (
        as_html(cost.what),
        f"{percent(cost.change)}{bounds}",
        "" if cost.margin is None else percent(cost.margin).lstrip("+"),
        figure(cost, cost.baseline),
        figure(cost, cost.candidate),
    )
    named = f'<th scope="row"><bdi>{as_html(cost.task)}</bdi><span>{versus(cost)}</span>{why}</th>'
    return f'<tr class="{cost.outcome}"><td>{_outcome(cost)}</td>{named}{_cells(_COST_HEADS[2:], cells)}</tr>\n'

"""A verdict as Markdown, for the summary of a job and for a comment on a change."""

from __future__ import annotations

from velm_bench.gate.reports.fitting import Section, fitted
from velm_bench.gate.reports.inline import code, prose
from velm_bench.gate.reports.wording import (
    MARKS,
    by_weight,
    chance,
    figure,
    interval,
    ordered,
    percent,
    score,
    signed,
    tally,
    telling,
    told,
    versus,
)
from velm_bench.gate.schema import Cost, Flip, Outcome, Party, Row, Tier, Verdict

SUMMARY_BYTES = 900 * 1024
"""GitHub drops a job's summary whole where one step wrote more than 1,024 KiB."""
COMMENT_BYTES = 60_000
"""A comment on GitHub holds 65,536 letters."""
MARKER = "<!-- velm-bench gate -->"
"""The first line of a comment, by which the next run finds it."""
_LONG = 160
"""How many letters of a question or an answer are shown."""


def job_summary(verdict: Verdict, limit: int = SUMMARY_BYTES) -> str:
    """All of the verdict but the pictures, in at most `limit` bytes."""
    sections = (
        Section("", _ROWS, [_row(row) for row in ordered(verdict.rows)]),
        Section("Speed and memory", _COSTS, [_cost(cost) for cost in by_weight(verdict.costs)]),
        Section("Why", "", _reasons(verdict), "reasons"),
        Section("Slices (advisory)", _ROWS, [_row(row) for row in ordered(verdict.slices)], "slices", folded=True),
        _flips_section(verdict),
        Section("Notes", "", _notes(verdict), "notes"),
    )
    return fitted(_opening(verdict), sections, limit, "verdict.json has all")


def comment(verdict: Verdict) -> str:
    """The same, shorter: the rows, the slices and samples that became worse, and the notes, in at most 60,000 bytes."""
    worse = [row for row in ordered(verdict.slices) if row.outcome is Outcome.REGRESSION]
    sections = (
        Section("", _SHORT, [_short(row) for row in ordered(verdict.rows)]),
        Section("Speed and memory", _COSTS, [_cost(cost) for cost in by_weight(verdict.costs)]),
        Section("Why", "", _reasons(verdict), "reasons"),
        Section("Slices that became worse (advisory)", _SHORT, [_short(row) for row in worse], "slices", folded=True),
        _flips_section(verdict),
        Section("Notes", "", _notes(verdict), "notes", folded=True),
    )
    return fitted(f"{MARKER}\n{_opening(verdict)}", sections, COMMENT_BYTES, "the full report has all")


def _opening(verdict: Verdict) -> str:
    parties = {"candidate": verdict.candidate, "baseline": verdict.baseline, "anchor": verdict.anchor}
    compared = ", ".join(f"{role} {_party(party)}" for role, party in parties.items() if party is not None)
    legend = (
        f"Compared: {compared}. Changes above zero are better; intervals cover {100 * (1 - verdict.alpha):g} %; "
        "p is one-sided, and adjusted for the other rows."
    )
    asked = legend if verdict.rows else f"To be compared: {compared}."
    return f"## {MARKS[verdict.outcome]} Release gate: {verdict.outcome}\n\n{prose(verdict.summary)}\n\n{asked}"


def _party(party: Party) -> str:
    """The names of the models, or what was named where none is known; of more than three the number of the others."""
    names = party.models or party.sources
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (", ".join(map(code, names[:3])) or "(none)") + more


_ROWS = (
    "| | outcome | task | score | baseline | candidate | change | interval | margin | p worse "
    "| better / worse / same | n (groups) |\n|---|---|---|---|--:|--:|--:|---|--:|--:|--:|--:|"
)
_SHORT = (
    "| | outcome | task | score | baseline | candidate | change | interval | margin |\n"
    "|---|---|---|---|--:|--:|--:|---|--:|"
)
_COSTS = (
    "| | outcome | task | what | baseline | candidate | change | margin | why |\n|---|---|---|---|--:|--:|--:|--:|---|"
)
_FLIPS = "| task | sample | question | right | baseline | candidate | change |\n|---|---|---|---|---|---|--:|"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _row(row: Row) -> str:
    errors = f", failed {row.baseline_errors:,} / {row.candidate_errors:,}"
    groups = f"{row.n:,} ({row.groups:,}){errors if row.baseline_errors or row.candidate_errors else ''}"
    return _line(*_cells(row), chance(row.p_adjusted), tally(row), groups)


def _short(row: Row) -> str:
    return _line(*_cells(row))


def _cells(row: Row) -> list[str]:
    scored = code(row.metric) + (f" at {code(row.slice)}" if row.slice else "")
    return [
        MARKS[row.outcome],
        _outcome(row),
        code(row.task) + versus(row),
        scored,
        score(row.baseline),
        score(row.candidate),
        signed(row.change),
        interval(row.low, row.high),
        score(row.margin),
    ]


def _outcome(row: Row | Cost) -> str:
    return str(row.outcome) if row.tier is Tier.REQUIRED else f"{row.outcome} (advisory)"


def _cost(cost: Cost) -> str:
    figures = figure(cost, cost.baseline), figure(cost, cost.candidate)
    changes = percent(cost.change), "" if cost.margin is None else percent(cost.margin).lstrip("+")
    named = code(cost.task) + versus(cost)
    return _line(MARKS[cost.outcome], _outcome(cost), named, code(cost.what), *figures, *changes, prose(cost.why))


def _reasons(verdict: Verdict) -> list[str]:
    """Why the rows that did not pass did not, and of which others somebody should hear."""
    rows = [row for row in ordered(verdict.rows) if row.why and telling(row, verdict.alpha)]
    return [f"- {code(row.task)} {code(row.metric)}{versus(row)}: {prose(row.why)}" for row in rows]


def _flips_section(verdict: Verdict) -> Section:
    rows = [_flip(one) for one in verdict.flips]
    whole = sum(verdict.flipped.values())
    return Section("Samples that became worse", _FLIPS, rows, "samples", folded=True, whole=whole)


def _flip(flip: Flip) -> str:
    failed = f"failed: {code(flip.candidate_error, _LONG)}" if flip.candidate_error else ""
    right, before, after = told(flip)
    return _line(
        code(flip.task),
        code(flip.id),
        code(flip.question, _LONG),
        code(right or "", _LONG),
        code(before or "", _LONG),
        failed or code(after or "", _LONG),
        signed(flip.change),
    )


def _notes(verdict: Verdict) -> list[str]:
    return [f"- {prose(note)}" for note in verdict.notes]

"""The sentences of a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from velm_bench.gate.schema import Cost, Outcome, Row, Tier


def amount(value: float | None, signed: bool = False) -> str:
    """A number of a score's units as people read it: four decimals, or a question mark."""
    if value is None:
        return "?"
    return f"{value:+.4f}" if signed else f"{value:.4f}"


def p_value(p: float | None) -> str:
    """A p value as it is written: "p = 0.0412", "p < 0.001"."""
    if p is None:
        return "p unknown"
    return "p < 0.001" if p < 0.001 else f"p = {p:.4f}"


def reason(row: Row, level: float) -> str:
    """Why a measured row is what it is, in one sentence."""
    if row.outcome is Outcome.INVALID:
        return _why_invalid(row)
    if row.outcome is Outcome.PASS:
        worse = row.p_adjusted is not None and row.p_adjusted < level and (row.change or 0.0) < 0.0
        at_worst = f"at worst {amount(row.bound, True)}, margin {amount(row.margin)}"
        return f"Worse, but within the margin: {at_worst}." if worse else f"Not worse than the margin: {at_worst}."
    interval = f"{amount(row.change, True)} [{amount(row.low, True)}, {amount(row.high, True)}]"
    if row.outcome is Outcome.REGRESSION:
        return f"Worse by {amount(-(row.change or 0.0))}: {interval}, {p_value(row.p_adjusted)}."
    if row.needed:
        decide = f"about {row.needed:,} samples would decide, if it stays so; here are {row.n:,}"
        return f"Neither is shown: {interval}; {decide}."
    if not row.margin:
        return f"Not shown: {interval}; a margin of 0 is only passed by a candidate that is shown to be better."
    return f"Neither is shown: {interval}, and no number of samples can be told that would decide."


def _why_invalid(row: Row) -> str:
    if row.baseline is None or row.candidate is None:
        return f"The score of {_whose(row)} is undefined."
    if row.p_worse is None or row.groups < 2:
        return (
            f"It says nothing: {row.n:,} samples in {row.groups:,} groups leave it undefined when they are resampled."
        )
    if row.baseline_errors == row.n:
        return "The baseline answered no sample: there is nothing to compare with."
    return f"Too few groups to tell: {row.n:,} samples in {row.groups:,} groups can never raise the alarm."


def _whose(row: Row) -> str:
    return "the baseline" if row.baseline is None else "the candidate"


def summary(outcome: Outcome, rows: Sequence[Row | Cost]) -> str:
    """The decision in one sentence, over the required rows."""
    required = [row for row in rows if row.tier is Tier.REQUIRED]
    counts = Counter(row.outcome for row in required)
    total = f"{len(required)} required comparison{'s' if len(required) != 1 else ''}"
    if outcome is Outcome.PASS:
        none = f"none of {total} is" if len(required) > 1 else "the required comparison is not"
        return f"Pass: {none} worse than its margin."
    named = ", ".join(_named(row) for row in required if row.outcome is outcome)
    said = {
        Outcome.REGRESSION: "Regression: shown to be worse in",
        Outcome.INCONCLUSIVE: "Inconclusive: neither shown to be worse nor to be within the margin in",
        Outcome.INVALID: "Invalid: could not be compared in",
    }[outcome]
    return f"{said} {counts[outcome]} of {total} ({named:.300})."


def _named(row: Row | Cost) -> str:
    against = f" against the {row.against}" if row.against != "baseline" else ""
    return f"{row.task} {row.metric if isinstance(row, Row) else row.what}{against}"

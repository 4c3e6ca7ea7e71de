"""A call that ended without a verdict, told as one: what shows verdicts shows why there is none."""

from __future__ import annotations

from collections.abc import Sequence

from velm_bench.gate.policy import Policy
from velm_bench.gate.schema import Outcome, Party, Verdict

MISUSED = 2
"""The exit code of a call that could not be understood, and of what could not be compared."""


def refused(
    sentence: str,
    candidate: Sequence[str],
    baseline: Sequence[str],
    anchor: Sequence[str] = (),
    exit_code: int = MISUSED,
) -> Verdict:
    """An invalid verdict without rows, whose summary is the sentence; who was named is told by the words alone.

    A reader who looks for the verdict of this call finds it, and never that of an earlier one.
    """
    defaults = Policy.model_fields
    return Verdict(
        outcome=Outcome.INVALID,
        exit_code=exit_code,
        summary=f"Invalid: {sentence}",
        candidate=_named(candidate),
        baseline=_named(baseline),
        anchor=_named(anchor) if anchor else None,
        alpha=defaults["alpha"].default,
        replicates=0,
        seed=defaults["seed"].default,
        on_inconclusive=defaults["on_inconclusive"].default,
        rows=[],
    )


def _named(words: Sequence[str]) -> Party:
    """A side of which nothing is known but what it was called."""
    return Party(models=[], sources=list(words))

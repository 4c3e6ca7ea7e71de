"""What a submission says of its own scores, held against what its answers give."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose

from velm_bench.board.schema import RunEntry
from velm_bench.errors import UsageError
from velm_bench.results.schema import Result, Score

ROUNDING = 1e-9
"""The relative difference that two machines may have in one number."""


def check_claim(entry: RunEntry, claim: Result, found: Result) -> None:
    """UsageError naming the run and the score where a claim is not what the answers give.

    Numbers of the same signature are held against each other. Those of an older or newer metric may differ and are
    kept for the record, and so are those of metrics that the board does not have, or that one side had to skip.
    """
    for what, claimed, recomputed in _pairs(claim, found):
        if claimed is not None and not isclose(claimed, recomputed, rel_tol=ROUNDING, abs_tol=ROUNDING):
            raise UsageError(
                f"The run '{entry.name}' claims {what} of {claimed!r} in runs/{entry.name}/result.json, and its "
                f"answers give {recomputed!r}: submit the run as it was written."
            )


def _pairs(claim: Result, found: Result) -> Iterator[tuple[str, float | None, float]]:
    """Each number that both have: what it is, as it is claimed, and as it was recomputed."""
    yield "a number of samples", claim.n, found.n
    yield "a number of errors", claim.n_errors, found.n_errors
    yield "a number of parse failures", claim.parse_failures, found.parse_failures
    for name, score in claim.scores.items():
        yield from _score_pairs(f"'{name}'", score, found.scores.get(name))
    for part, values in claim.slices.items():
        for value, claimed in values.items():
            there = found.slices.get(part, {}).get(value)
            known = there.scores if there else {}
            for name, score in claimed.scores.items():
                yield from _score_pairs(f"'{name}' for {part}={value}", score, known.get(name))


def _score_pairs(what: str, claimed: Score, found: Score | None) -> Iterator[tuple[str, float | None, float]]:
    if found is None or claimed.signature != found.signature or None in (claimed.value, found.value):
        return
    for field in ("value", "answered", "n", "n_errors"):
        one, other = getattr(claimed, field), getattr(found, field)
        if other is not None:
            yield (what if field == "value" else f"{what} ({field})"), one, other

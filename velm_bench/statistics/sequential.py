"""Looking while a run goes on: evidence against "the candidate is not worse" that holds however often one looks.

A test that is made for the end of a run raises far more false alarms if it is made again and again on the way. A bet
does not: who stakes a share of the capital on "worse" at every observation, in a game that is fair or better for the
other side, multiplies the capital by 20 with a chance of at most 1 in 20, at any time (Ville 1939; testing by betting,
Waudby-Smith and Ramdas 2024). The capital is the evidence, an e-value.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

STAKES: Array = np.asarray([0.06, 0.15, 0.3, 0.5, 0.75])
"""The shares of the largest stake that are bet side by side, with equal parts of the capital: small ones find a small
loss in many samples, large ones a large loss in few."""
_LARGEST = 700.0
"""Logarithm of the largest evidence that is told."""


class Observed(NamedTuple):
    """Changes as a bet may use them: one per group, in the order in which the groups came."""

    changes: Array
    """Shape (groups,)."""
    seen: Indices
    """How many samples had come by the end of the block in which the group came, shape (groups,)."""


def evidence(changes: Array, margin: float = 0.0, weights: Array | None = None) -> Array:
    """The running e-value after each observation against "the mean change is at least -margin", shape (n,) -> (n,).

    `changes` lie in [-1, 1], above zero the candidate is better; the mean of each, given all before it, is at least
    -margin where the candidate is not worse (so that questions about one picture are one observation: `by_group`). The
    mean over the stakes L of the products of 1 + L (y - margin), y = -change, with L below 1 / (1 + margin), so that
    no factor is negative (Waudby-Smith and Ramdas 2024, section 4). Evidence above exp(700) is told as that.
    `weights` from 0 to 1, shape (n,), make it evidence against "the weighted mean change is at least -margin", which is
    the score's own where groups are of unequal sizes: what is lost beyond the margin counts by the weight. ValueError
    where a change is not within [-1, 1], or a weight or the margin not within [0, 1].
    """
    losses = -np.asarray(changes, dtype=np.float64)
    if losses.ndim != 1 or not np.all(np.abs(losses) <= 1.0 + 1e-9):
        raise ValueError("Changes are one row of numbers from -1 to 1.")
    if not 0.0 <= margin <= 1.0:
        raise ValueError(f"A margin is a number from 0 to 1, not {margin}.")
    parts = np.ones(len(losses)) if weights is None else np.asarray(weights, dtype=np.float64)
    if parts.shape != losses.shape or not np.all((parts >= 0.0) & (parts <= 1.0)):
        raise ValueError("Weights are one number from 0 to 1 for each change.")
    total = np.full(len(losses), -np.inf)
    for stake in STAKES / (1.0 + margin):
        total = np.logaddexp(total, np.cumsum(np.log1p(stake * parts * (losses - margin))))
    return np.asarray(np.exp(np.minimum(total - np.log(len(STAKES)), _LARGEST)))


def alarm(evidence: Array, alpha: float) -> int | None:
    """The place of the first observation at which the evidence reaches 1 / alpha; None where it never does."""
    reached = np.flatnonzero(evidence >= 1.0 / alpha)
    return int(reached[0]) if len(reached) else None


def by_group(changes: Array, groups: NDArray[np.str_], blocks: Indices) -> Observed:
    """One observation per group: the mean change of those of its samples that came in the first block it is in.

    All arguments have the shape (samples,) and stand in the order in which the samples came; `blocks` are numbers that
    never fall (batches). Where unchanged models may be exchanged within whole groups, such a mean is as likely above
    zero as below, whatever came before, since the order of the samples does not depend on the answers. What comes of
    the group later would not be: it is known by then which way the group leans. Waiting for the whole group would be
    right as well, but where the questions about a picture lie scattered it would wait for most of the run.
    """
    order, codes = _in_order_of_coming(np.asarray(groups, dtype=np.str_))
    first = np.full(len(order), -1, dtype=np.int64)
    first[codes[::-1]] = blocks[::-1]  # the last to be put there is the first that came
    used = blocks == first[codes]
    sums = np.bincount(codes[used], weights=changes[used], minlength=len(order))
    counts = np.bincount(codes[used], minlength=len(order))
    return Observed(sums / counts, np.searchsorted(blocks, first, side="right").astype(np.int64))


def _in_order_of_coming(names: NDArray[np.str_]) -> tuple[Indices, Indices]:
    """Where each group first stands, in that order, and the number of each sample's group in it."""
    _, first, codes = np.unique(names, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return first[order].astype(np.int64), rank[codes.reshape(-1)]

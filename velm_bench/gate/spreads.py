"""How much two models' answers differ from sample to sample: assumed, or measured between two past runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from velm_bench.errors import UsageError
from velm_bench.gate.comparing import effects, stakes_of
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.matching import Matched, differences, match, refusal
from velm_bench.gate.opening import open_side
from velm_bench.gate.policy import DEFAULT_MARGIN, default_policy
from velm_bench.registry import suggestion
from velm_bench.statistics.clustered import clustered
from velm_bench.statistics.contrasts import Contrast, resample
from velm_bench.statistics.noninferiority import assess

REPLICATES = 2000
"""How many resamples tell the spread of a score that is no sum over samples."""


@dataclass(frozen=True)
class Spread:
    """How much the differences of two runs vary from sample to sample."""

    square: float
    """Mean square of a sample's difference, in units of the score squared; if right or wrong, the discordance."""
    binary: bool = True
    """Whether every sample is right or wrong."""
    design_effect: float = 1.0
    """By how much groups multiply the variance."""
    correlation: float | None = None
    """Intra-group correlation of the differences; None where it is not known."""
    per_group: float = 1.0
    """Samples per group, on average."""
    span: float = 1.0
    """What is lost where every sample is, in units of the score."""
    per_loss: float | None = None
    """Samples to one loss of a usual size; those of a group if left out."""
    n: int | None = None
    """The samples of the past runs."""
    margin: float = DEFAULT_MARGIN
    """The margin of a gate without a policy."""
    what: str = ""
    """The task and the score of the past runs."""


def assumed(discordance: float, per_group: int = 1, correlation: float = 0.0) -> Spread:
    """Right or wrong answers of which a share differs; UsageError for a share that cannot be.

    m samples per group whose differences correlate by rho multiply the variance by 1 + (m - 1) rho (Kish 1965).
    """
    demand(0.0 < discordance <= 1.0, "--discordance", discordance, "a share above 0 and at most 1")
    demand(1 <= per_group <= 1e9, "--per-group", per_group, "1 sample or more")
    demand(0.0 <= correlation <= 1.0, "--correlation", correlation, "a number from 0 to 1")
    effect = 1.0 + (per_group - 1) * correlation
    return Spread(discordance, design_effect=effect, correlation=correlation, per_group=float(per_group))


def past(words: Sequence[str], root: Path, metric: str | None, note: Callable[[str], None]) -> Spread:
    """The spread between two past runs of one task, each a word as `open_side` reads it; UsageError where they do not
    compare, or tell nothing."""
    if len(words) != 2:
        raise UsageError(f"--from names {len(words)} past runs: name two, --from RUN --from RUN.")
    first, second = (_single(word, root, note) for word in words)
    output = metric or first.primary
    if output not in first.scores:
        raise UsageError(
            f"{first.source} has no score '{output}' (--metric): {suggestion(output, list(first.outputs))}"
        )
    if first.title != second.title:
        raise UsageError(f"The past runs are of two tasks, {first.title} and {second.title}: name two of one.")
    found = differences(first, second, [output])
    if found:
        raise UsageError(refusal(first, second, found))
    matched = match(first, second)
    if matched.baseline_lacks or matched.candidate_lacks:
        raise UsageError(f"{first.source} and {second.source} hold different samples: name runs of the same --limit.")
    return measured(matched, output)


def measured(matched: Matched, output: str) -> Spread:
    """The spread between two matched runs in one score; UsageError where they never differ, or have too few groups."""
    metric, (first, second) = matched.baseline.metric(output), matched.statistics(output)
    place = metric.outputs.index(output)
    values = [float(metric.values(part)[place]) for part in (first, second)]
    n, groups = len(matched.ids), len(np.unique(matched.groups))
    moves = effects(metric, output, first, second)
    binary = moves is not None and bool(np.isin(moves.round(6), (-1.0, 0.0, 1.0)).all())
    correlation = math.nan
    if moves is None:
        square, effect = _by_resampling(Contrast(metric, first, second), matched, place)
    else:
        found = clustered(moves, matched.groups)
        square = float(np.mean(moves**2)) if binary else float(np.var(moves))
        effect, correlation = found.design_effect, found.correlation
    sizes = np.unique(matched.groups, return_counts=True)[1]
    stakes = stakes_of(metric, output, first, second, matched.groups, float(n**2 / np.square(sizes).sum()))
    names = f"{matched.baseline.source} and {matched.candidate.source}"
    if groups < 2 or not all(map(math.isfinite, (*values, square, effect))):
        raise UsageError(f"'{output}' of {names} has no spread that could be told: name runs of more samples.")
    if square <= 1e-24:
        raise UsageError(f"{names} never differ in '{output}': name two that do, or assume a --discordance.")
    return Spread(
        square=square,
        binary=binary,
        design_effect=max(1.0, effect),
        correlation=None if math.isnan(correlation) else correlation,
        per_group=n / groups,
        span=stakes.span,
        per_loss=n / stakes.trials if stakes.trials else None,
        n=n,
        margin=_usual_margin(matched.baseline, output),
        what=f"{output} of {matched.baseline.title}",
    )


def _single(word: str, root: Path, note: Callable[[str], None]) -> Evidence:
    found = open_side([word], root, note)
    if len(found) != 1:
        titles = ", ".join(one.title for one in found)
        raise UsageError(f"--from {word} stands for runs of {len(found)} tasks ({titles}): name the folder of one run.")
    return found[0]


def _usual_margin(one: Evidence, output: str) -> float:
    """The margin that a gate without a policy would take for this score."""
    policy = default_policy([replace(one, primary=output)])
    return policy.tasks[one.title][output].margin or DEFAULT_MARGIN


def _by_resampling(contrast: Contrast, matched: Matched, place: int) -> tuple[float, float]:
    """The mean square per sample and the design effect of a score that is no sum over samples, by two bootstraps."""
    errors = [
        assess(resample([contrast], names, REPLICATES)[0], place, True, 0.05, 1.0).error
        for names in (matched.ids, matched.groups)
    ]
    return errors[0] ** 2 * len(matched.ids), (errors[1] / errors[0]) ** 2 if errors[0] > 0.0 else 1.0


def demand(holds: bool, flag: str, value: float, what: str) -> None:
    """UsageError in one sentence unless a flag's value makes sense."""
    if not holds:
        raise UsageError(f"{flag} {value:g} cannot be: give {what}.")

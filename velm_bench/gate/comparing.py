"""Scores of two matched runs: differences with intervals and p values, wins and losses, the samples that flipped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from velm_bench.errors import UsageError
from velm_bench.gate.evidence import Evidence, Names
from velm_bench.gate.matching import Matched
from velm_bench.gate.schema import Compared, Flip
from velm_bench.metrics import Array, Metric
from velm_bench.registry import suggestion
from velm_bench.statistics.contrasts import Contrast, Resampled, resample
from velm_bench.statistics.exact import binary_scores, mcnemar
from velm_bench.statistics.noninferiority import Finding, assess
from velm_bench.statistics.resampling import cluster_codes, cluster_sums

if TYPE_CHECKING:
    import pyarrow as pa

Mask = NDArray[np.bool_]
WHOLE = ""
"""The label of all samples of a task."""
TIE = 1e-9
"""A sample that moves the score, times the number of samples, by less than this leaves it as it is."""
DECIMALS = 9
"""What is beyond is the rounding of sums."""


@dataclass(frozen=True)
class Settings:
    """How a comparison is resampled."""

    alpha: float = 0.05
    replicates: int = 10_000
    seed: int = 0


@dataclass(frozen=True)
class Stakes:
    """What can be lost of a score, in its units."""

    span: float
    """What is lost where all samples are: 1 for shares."""
    loss: float
    """What is lost where one group of a usual size is; 0 where there is nothing to lose that could be known."""

    @property
    def trials(self) -> float:
        """How many such losses there could be: the number of groups, where all are alike and count for the score."""
        return self.span / self.loss if self.loss > 0.0 else 0.0


@dataclass(frozen=True)
class Measured:
    """One score on one part of a task: what is reported of it, and what deciding needs besides."""

    row: Compared
    finding: Finding
    stakes: Stakes
    """What can be lost of the score."""


def parts_of(matched: Matched, by: Sequence[str] | None, smallest: int = 1) -> tuple[dict[str, Mask], int]:
    """The slices by label ("question_type=count") with their masks, and how many were left out for being smaller.

    `by` has names of slices or single values ("question_type=count"); None means all. UsageError for a slice that the
    runs have not, or a value that no sample has.
    """
    wanted = list(matched.slices) if by is None else list(by)
    found: dict[str, Mask] = {}
    for word in wanted:
        name, equals, value = word.partition("=")
        if name not in matched.slices:
            known = list(matched.slices)
            hint = suggestion(name, known) if known else "it has none"
            raise UsageError(f"{matched.candidate.title} has no slice '{name}': {hint}")
        held = sorted({one for one in matched.slices[name] if one is not None})
        if equals and value not in held:
            raise UsageError(
                f"The slice '{word}' of {matched.candidate.title} has no sample: {suggestion(value, held)}"
                if held
                else f"The slice '{word}' of {matched.candidate.title} has no sample: leave it out."
            )
        column = np.asarray(matched.slices[name], dtype=np.object_)
        found |= {f"{name}={one}": column == one for one in ([value] if equals else held)}
    kept = {label: mask for label, mask in found.items() if np.count_nonzero(mask) >= smallest}
    return kept, len(found) - len(kept)


def measure(
    matched: Matched, asked: Sequence[tuple[str, str]], masks: Mapping[str, Mask], settings: Settings
) -> list[Measured]:
    """What is known of each (output, label of a part) asked for, in that order, all under the same draws.

    The label "" is all samples; others are keys of `masks`.
    """
    outputs: dict[tuple[str, str], list[str]] = {}
    for output, label in asked:
        outputs.setdefault((matched.baseline.scores[output].metric, label), []).append(output)
    statistics = {name: matched.statistics(wanted[0]) for (name, _), wanted in outputs.items()}
    contrasts = {
        (name, label): _contrast(matched.baseline.metric(wanted[0]), statistics[name], masks.get(label), wanted)
        for (name, label), wanted in outputs.items()
    }
    found = resample(list(contrasts.values()), matched.groups, settings.replicates, settings.seed)
    known = dict(zip(contrasts, zip(contrasts.values(), found, strict=True), strict=True))
    return [
        _measured(matched, output, label, *known[matched.baseline.scores[output].metric, label], settings)
        for output, label in asked
    ]


def _contrast(metric: Metric, statistics: tuple[Array, Array], mask: Mask | None, wanted: Sequence[str]) -> Contrast:
    return Contrast(metric, *statistics, mask, places=tuple(metric.outputs.index(output) for output in wanted))


def _measured(
    matched: Matched, output: str, label: str, contrast: Contrast, found: Resampled, settings: Settings
) -> Measured:
    metric = matched.baseline.metric(output)
    place = metric.outputs.index(output)
    keep = np.ones(len(matched.ids), dtype=np.bool_) if contrast.mask is None else contrast.mask
    first, second = contrast.baseline[keep], contrast.candidate[keep]
    values = [float(one) for one in found.values[:, place]]
    stakes = stakes_of(metric, output, first, second, matched.groups[keep], found.effective)
    finding = assess(found, place, metric.higher(output), settings.alpha, stakes.span, stakes.loss)
    if metric.best is not None:
        finding = finding._replace(bound=max(finding.bound, -stakes.span))  # no share can lose more than all
    failed = [int(np.count_nonzero(one[keep])) for one in matched.failed]
    row = Compared(
        task=matched.candidate.title,
        metric=output,
        slice=label,
        higher_is_better=metric.higher(output),
        baseline=finite(values[0]),
        candidate=finite(values[1]),
        **_known(finding),
        **_counted(metric, first, second, output),
        n=int(np.count_nonzero(keep)),
        groups=found.groups,
        baseline_errors=failed[0],
        candidate_errors=failed[1],
    )
    return Measured(row, finding, stakes)


def _known(finding: Finding) -> dict[str, Any]:
    return {name: finite(value) for name, value in finding._asdict().items()}


def stakes_of(metric: Metric, output: str, first: Array, second: Array, groups: Names, effective: float) -> Stakes:
    """What can be lost of the first run's score, from the statistics of both and the samples' groups.

    Each group is lost in turn (`Metric.lost`), which tells what hangs on it: nothing on a sentence without an entity, a
    third on each of three pairs, more on a picture with many questions. The loss of a usual size is the mean of these,
    each weighted by itself. Together they are the span of a score without a bound; a bounded one has 1. Where nothing
    is left to lose, or the metric needs more than sums, `effective` groups count alike for a span of 1.
    """
    alike = Stakes(1.0, 1.0 / effective if effective else 0.0)
    if not metric.additive:
        return alike
    place = metric.outputs.index(output)
    lost = metric.lost(np.concatenate([first, second]))[: len(first)]
    totals = metric.totals(first)
    with np.errstate(all="ignore"):
        moved = metric.finalize(totals + summed(lost - first, groups))[:, place] - metric.finalize(totals)[place]
    turned = -moved if metric.higher(output) else moved
    each = np.where(np.isfinite(turned), turned, 0.0).clip(min=0.0)
    total = float(each.sum())
    if not 0.0 < total < math.inf:
        return alike
    return Stakes(total if metric.best is None else 1.0, float(np.square(each).sum()) / total)


def summed(rows: Array, groups: Names) -> Array:
    """Rows summed within groups, shape (groups, k)."""
    codes, count = cluster_codes(groups)
    return cluster_sums(rows, codes, count)


def effects(metric: Metric, output: str, first: Array, second: Array) -> Array | None:
    """By how much each sample alone, exchanged for the candidate's, improves the baseline's score, times the number of
    samples; shape (samples,). For a mean this is the difference of the sample's own scores.

    None where the metric needs more than sums.
    """
    if not metric.additive:
        return None
    place = metric.outputs.index(output)
    totals = metric.totals(first)
    with np.errstate(all="ignore"):
        moved = metric.finalize(totals - first + second)[:, place] - metric.finalize(totals)[place]
    same = (first == second).all(axis=1) | np.isnan(moved)
    found = np.where(same, 0.0, np.round(moved * len(first), DECIMALS))
    return np.asarray(found if metric.higher(output) else -found)


def _counted(metric: Metric, first: Array, second: Array, output: str) -> dict[str, Any]:
    """Wins, losses and ties, and McNemar's p where every sample is right or wrong."""
    found = effects(metric, output, first, second)
    if found is None:
        return {}
    wins, losses = int(np.count_nonzero(found > TIE)), int(np.count_nonzero(found < -TIE))
    counts: dict[str, Any] = {"wins": wins, "losses": losses, "ties": len(found) - wins - losses}
    place = metric.outputs.index(output)
    if binary_scores(metric, first, place) is not None and binary_scores(metric, second, place) is not None:
        counts["p_mcnemar"] = mcnemar(wins, losses)
    return counts


def flips(matched: Matched, output: str, worse: bool = True) -> list[tuple[float, int]]:
    """The samples that the candidate does worse (or better), the most telling first: effects and places in `ids`."""
    found = effects(matched.baseline.metric(output), output, *matched.statistics(output))
    if found is None:
        return []
    turned = found if worse else -found
    order = np.lexsort((matched.ids, turned))
    return [(float(found[place]), int(place)) for place in order if turned[place] < -TIE]


def describe_flip(matched: Matched, output: str, change: float, place: int) -> Flip:
    """A flipped sample with what both said, as far as their runs are here."""
    mine = _told(matched.baseline, int(matched.baseline_places[place]))
    other = _told(matched.candidate, int(matched.candidate_places[place]))
    return Flip(
        task=matched.candidate.title,
        metric=output,
        id=str(matched.ids[place]),
        group=str(matched.groups[place]),
        kind=matched.candidate.kind,
        change=change,
        references=other.get("references") or mine.get("references") or "",
        baseline_answer=mine.get("prediction"),
        candidate_answer=other.get("prediction"),
        candidate_error=other.get("error") or ("" if matched.candidate_places[place] >= 0 else "It was not asked."),
    )


def _told(evidence: Evidence, place: int) -> Mapping[str, str | None]:
    """What a run's samples say of one of them; nothing where the run is not here."""
    if evidence.run is None or place < 0:
        return {}
    table: pa.Table = evidence.run.table
    names = [name for name in ("references", "prediction", "error") if name in table.column_names]
    return {name: table.column(name)[place].as_py() for name in names}


def finite(value: float) -> float | None:
    """JSON has no NaN: what is undefined is null."""
    return float(value) if math.isfinite(value) else None

"""Two runs of one task side by side: what differs between them, and their samples in one order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from velm_bench.errors import UsageError
from velm_bench.gate.evidence import Evidence, Names
from velm_bench.metrics import Array, Metric
from velm_bench.metrics.given import GivenScore

PERCENT = 20.0
"""Scores that reach beyond this are no shares."""
Places = NDArray[np.int64]
"""Where each sample stands in a run; -1 where it does not."""


@dataclass(frozen=True)
class Matched:
    """Two runs with the samples of both, the baseline's first; who lacks one has it wrong."""

    baseline: Evidence
    candidate: Evidence
    ids: Names
    groups: Names
    slices: Mapping[str, tuple[str | None, ...]]
    baseline_places: Places
    candidate_places: Places

    @property
    def baseline_lacks(self) -> int:
        """How many samples only the candidate has."""
        return int(np.count_nonzero(self.baseline_places < 0))

    @property
    def candidate_lacks(self) -> int:
        """How many samples only the baseline has."""
        return int(np.count_nonzero(self.candidate_places < 0))

    @property
    def failed(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which samples have no answer in the baseline, and in the candidate: failed or lacking."""
        return (
            _failed(self.baseline, self.baseline_places),
            _failed(self.candidate, self.candidate_places),
        )

    def statistics(self, output: str) -> tuple[Array, Array]:
        """The statistics behind an output of both, shape (samples, k) each, what one lacks filled in as wrong.

        So is what failed, of a score that another harness gave: how bad it can be only both runs together tell.
        """
        metric = self.baseline.metric(output)
        mine, other = self.baseline.statistics_for(output), self.candidate.statistics_for(output)
        lacking = self.baseline_places < 0, self.candidate_places < 0
        if isinstance(metric, GivenScore):
            lacking = self.failed
        return (
            _filled(metric, mine, self.baseline_places, other, self.candidate_places, lacking[0]),
            _filled(metric, other, self.candidate_places, mine, self.baseline_places, lacking[1]),
        )


def match(baseline: Evidence, candidate: Evidence) -> Matched:
    """Two runs with their samples in one order; UsageError where they have none in common, or one twice."""
    ids = _union(baseline, candidate)
    places = _places(baseline, ids), _places(candidate, ids)
    if not len(ids) or not np.any((places[0] >= 0) & (places[1] >= 0)):
        raise UsageError(f"{baseline.source} and {candidate.source} have no sample of {candidate.title} in common.")
    return Matched(
        baseline=baseline,
        candidate=candidate,
        ids=ids,
        groups=np.where(
            places[0] >= 0, baseline.groups[places[0]], candidate.groups[places[1]]
        ),  # a place of -1 reads the last sample, which the other side of `where` then replaces
        slices=_slices(baseline, candidate, *places),
        baseline_places=places[0],
        candidate_places=places[1],
    )


def differences(baseline: Evidence, candidate: Evidence, outputs: Sequence[str]) -> list[str]:
    """What forbids to compare these scores of two runs, a sentence's part each; empty where nothing does."""
    apart = [why for output in outputs if (why := score_difference(baseline, candidate, output))]
    return [*run_differences(baseline, candidate), *apart]


def run_differences(baseline: Evidence, candidate: Evidence) -> list[str]:
    """What forbids to compare two runs in any score."""
    return [*_identities(baseline, candidate), *_contents(baseline, candidate)]


def refusal(baseline: Evidence, candidate: Evidence, found: Sequence[str]) -> str:
    """The sentence that lists every difference."""
    return f"{baseline.source} and {candidate.source} cannot be compared on {candidate.title}: {'; '.join(found)}."


def _identities(baseline: Evidence, candidate: Evidence) -> Iterator[str]:
    if baseline.imported != candidate.imported:
        makers = " and ".join(one.imported or "velm-bench" for one in (baseline, candidate))
        yield f"they were made by different harnesses ({makers})"
        return  # all else differs as well then, and says nothing more
    yield from baseline.subject.differences(candidate.subject)


def score_difference(baseline: Evidence, candidate: Evidence, output: str) -> str:
    """What forbids to compare one score of two runs; empty where nothing does."""
    for one in (baseline, candidate):
        if output not in one.scores:
            return f"{one.source} has no score '{output}'"
        if output not in one.outputs:
            return f"of '{output}' {one.source} knows only the value, and not what each sample adds to it"
        if output not in one.metric(output).outputs:
            return f"the metric '{one.scores[output].metric}' of {one.source} does not give '{output}'"
    mine, other = baseline.scores[output], candidate.scores[output]
    if mine.signature != other.signature:
        return f"the signature of '{output}' differs ({mine.signature} and {other.signature})"
    if candidate.metric(output).additive and _width(baseline, output) != _width(candidate, output):
        return f"the statistics of '{output}' have other columns"
    return _scales(baseline, candidate, output)


def _scales(baseline: Evidence, candidate: Evidence, output: str) -> str:
    """Whether the scores of another's samples are shares on one side and percentages on the other."""
    if not isinstance(baseline.metric(output), GivenScore):
        return ""
    sides = [one.statistics_for(output)[:, 0] for one in (baseline, candidate)]
    if any(not len(side) or float(side.min()) < 0.0 for side in sides):
        return ""
    smaller, larger = sorted(float(side.max()) for side in sides)
    apart = 0.0 < smaller <= 1.0 and larger > PERCENT
    return f"'{output}' reaches {smaller:g} in one and {larger:g} in the other, as shares and percentages do" * apart


def _width(evidence: Evidence, output: str) -> int:
    """How many columns the statistics have; a metric that keeps lists (detection) may have others in each run."""
    return int(evidence.statistics_for(output).shape[1])


def _contents(baseline: Evidence, candidate: Evidence) -> Iterator[str]:
    """Samples of one id that are not the same sample, or stand in another group."""
    ids = _union(baseline, candidate)
    mine, other = _places(baseline, ids), _places(candidate, ids)
    both = (mine >= 0) & (other >= 0)
    if not both.any():
        yield (
            f"they have no sample in common ({_example(baseline.ids)} in one, {_example(candidate.ids)} in the other; "
            "another --seed asks others)"
        )
        return
    first, second = baseline.contents[mine[both]], candidate.contents[other[both]]
    known = (first != "") & (second != "")
    for what, odd in (
        ("the content", known & (first != second)),
        ("the group", baseline.groups[mine[both]] != candidate.groups[other[both]]),
    ):
        if odd.any():
            yield f"{what} of {np.count_nonzero(odd)} samples differs, such as {_example(ids[both][odd])}"


def _example(names: Names) -> str:
    return f"'{names[0]!s:.40}'" if len(names) else "none"


def _union(baseline: Evidence, candidate: Evidence) -> Names:
    for one in (baseline, candidate):
        if len(np.unique(one.ids)) < len(one.ids):
            raise UsageError(f"{one.source} has a sample of {one.title} twice: ids must be unique.")
    if np.array_equal(baseline.ids, candidate.ids):
        return baseline.ids
    fresh = candidate.ids[~np.isin(candidate.ids, baseline.ids)]
    return np.concatenate([baseline.ids, fresh])


def _places(evidence: Evidence, ids: Names) -> Places:
    if np.array_equal(evidence.ids, ids):
        return np.arange(len(ids), dtype=np.int64)
    known = {name: place for place, name in enumerate(evidence.ids.tolist())}
    return np.asarray([known.get(name, -1) for name in ids.tolist()], dtype=np.int64)


def _slices(
    baseline: Evidence, candidate: Evidence, mine: Places, other: Places
) -> Mapping[str, tuple[str | None, ...]]:
    names = [*baseline.slices, *(name for name in candidate.slices if name not in baseline.slices)]
    return {name: tuple(_values(name, baseline, candidate, mine, other)) for name in names}


def _values(name: str, baseline: Evidence, candidate: Evidence, mine: Places, other: Places) -> Iterator[str | None]:
    first, second = baseline.slices.get(name), candidate.slices.get(name)
    for here, there in zip(mine.tolist(), other.tolist(), strict=True):
        if first is not None and here >= 0:
            yield first[here]
        else:
            yield second[there] if second is not None and there >= 0 else None


def _failed(evidence: Evidence, places: Places) -> NDArray[np.bool_]:
    return np.where(places >= 0, evidence.failed[places], True)


def _filled(
    metric: Metric, own: Array, places: Places, others: Array, other_places: Places, lacking: NDArray[np.bool_]
) -> Array:
    """A run's rows in the common order, those that it lacks as wrong as the other's rows tell."""
    if not lacking.any():
        return own[places]
    if isinstance(metric, GivenScore):
        worst = metric.lost(np.concatenate([own, others]))[:1]
        return np.where(lacking[:, None], worst, own[places])
    rows = metric.concatenate([own, metric.lost(others)[other_places[lacking]]])
    found = places.copy()
    found[lacking] = len(own) + np.arange(np.count_nonzero(lacking))
    return rows[found]

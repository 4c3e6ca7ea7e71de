"""Two runs of one task side by side: what differs between them, and their samples in one order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from velm_bench.errors import UsageError
from velm_bench.gate.evidence import Evidence, Names
from velm_bench.metrics import Array

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
        """The statistics behind an output of both, shape (samples, k) each, what one lacks filled in as wrong."""
        mine, other = self.baseline.statistics_for(output), self.candidate.statistics_for(output)
        return (
            _filled(self.baseline, output, mine, self.baseline_places, other, self.candidate_places),
            _filled(self.candidate, output, other, self.candidate_places, mine, self.baseline_places),
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
    return [
        *_identities(baseline, candidate),
        *_signatures(baseline, candidate, outputs),
        *_contents(baseline, candidate),
    ]


def refusal(baseline: Evidence, candidate: Evidence, found: Sequence[str]) -> str:
    """The sentence that lists every difference."""
    return (
        f"{baseline.source} and {candidate.source} cannot be compared on {candidate.title}: {'; '.join(found)}: "
        "make both from the same task, data and version."
    )


def _identities(baseline: Evidence, candidate: Evidence) -> Iterator[str]:
    for what, mine, other in (
        ("the task", baseline.task_digest, candidate.task_digest),
        ("the data set", baseline.fingerprint, candidate.fingerprint),
        ("the harness", baseline.imported, candidate.imported),
        ("the labels", baseline.labels, candidate.labels),
    ):
        if mine != other:
            yield f"{what} differs ({_short(mine)} and {_short(other)})"


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return text[:12] or "none"


def _signatures(baseline: Evidence, candidate: Evidence, outputs: Sequence[str]) -> Iterator[str]:
    for output in outputs:
        absent = [one.source for one in (baseline, candidate) if output not in one.outputs]
        if absent:
            yield f"{' and '.join(absent)} has no statistics of '{output}'"
            continue
        mine, other = baseline.scores[output], candidate.scores[output]
        if mine.signature != other.signature:
            yield f"the signature of '{output}' differs ({mine.signature} and {other.signature})"
        elif any(output not in one.metric(output).outputs for one in (baseline, candidate)):
            yield f"the metric '{mine.metric}' does not give '{output}'"
        elif candidate.metric(output).additive and _width(baseline, output) != _width(candidate, output):
            yield f"the statistics of '{output}' have other columns"


def _width(evidence: Evidence, output: str) -> int:
    """How many columns the statistics have; a metric that keeps lists (detection) may have others in each run."""
    return int(evidence.statistics_for(output).shape[1])


def _contents(baseline: Evidence, candidate: Evidence) -> Iterator[str]:
    """Samples of one id that are not the same sample, or stand in another group."""
    ids = _union(baseline, candidate)
    mine, other = _places(baseline, ids), _places(candidate, ids)
    both = (mine >= 0) & (other >= 0)
    if not both.any():
        yield "they have no sample in common"
        return
    first, second = baseline.contents[mine[both]], candidate.contents[other[both]]
    known = (first != "") & (second != "")
    for what, odd in (
        ("the content", known & (first != second)),
        ("the group", baseline.groups[mine[both]] != candidate.groups[other[both]]),
    ):
        if odd.any():
            yield f"{what} of {np.count_nonzero(odd)} samples differs, such as '{ids[both][odd][0]}'"


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


def _filled(evidence: Evidence, output: str, own: Array, places: Places, others: Array, other_places: Places) -> Array:
    lacking = places < 0
    if not lacking.any():
        return own[places]
    metric = evidence.metric(output)
    rows = metric.concatenate([own, metric.lost(others)[other_places[lacking]]])
    found = places.copy()
    found[lacking] = len(own) + np.arange(np.count_nonzero(lacking))
    return rows[found]

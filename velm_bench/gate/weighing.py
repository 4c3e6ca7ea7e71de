"""A candidate's answers weighed against a baseline while they come: how strong the evidence is that it is worse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from velm_bench.engine.opening import Opened
from velm_bench.engine.scoring import Metrics, NotApplicableError, measure
from velm_bench.engine.table import Judged
from velm_bench.errors import UsageError
from velm_bench.gate.evidence import CONTENT_DIGITS, Evidence, Subject
from velm_bench.metrics import Array, Metric
from velm_bench.statistics.paired import NOISE
from velm_bench.statistics.sequential import alarm, by_group, evidence

FIRST_LOOK = 50
"""So many samples at least lie between two looks."""
SHARE = 0.1
"""And this share of the samples seen: later looks cost more and are needed less."""


@dataclass(frozen=True)
class Suspicion:
    """What the answers so far say."""

    samples: int
    """How many answers were weighed."""
    groups: int
    """Of how many groups (images)."""
    evidence: float
    """The e-value by now: an unchanged candidate ever reaches x with a chance of at most 1 / x."""
    change: float
    """The mean change of the groups, weighted as the bet is; below zero the candidate is worse. NaN without any."""
    worse: int
    """In how many groups the candidate did worse."""
    broken: bool
    """Whether the evidence has reached its limit at any time."""


@dataclass
class Weighing:
    """One task: the baseline's statistics, and by how much each answer of the candidate is better than its own."""

    baseline: Evidence
    opened: Opened
    metric: Metric
    output: str
    margin: float
    alpha: float
    bounded: bool
    """Whether the score is the mean of the samples' own, each within 0 and 1: then changes themselves are bet on,
    otherwise their signs."""
    places: dict[str, int]
    sizes: Counter[str]
    """How many samples of the baseline each group has."""
    _waiting: list[Judged] = field(default_factory=list)
    _blocks: list[int] = field(default_factory=list)
    _groups: list[str] = field(default_factory=list)
    _changes: list[float] = field(default_factory=list)
    _block: int = 0

    def add(self, rows: Sequence[Judged]) -> None:
        """The answers to the samples of one batch."""
        self._waiting += rows
        self._blocks += [self._block] * len(rows)
        self._block += 1

    @property
    def due(self) -> bool:
        """Whether enough came since the last look."""
        return len(self._waiting) >= max(FIRST_LOOK, SHARE * len(self._changes))

    def look(self) -> Suspicion:
        """What all answers so far say."""
        self._measure()
        if not self._changes:
            return Suspicion(0, 0, 1.0, float("nan"), 0, broken=False)
        blocks, groups = np.asarray(self._blocks, dtype=np.int64), np.asarray(self._groups, dtype=np.str_)
        seen = by_group(np.asarray(self._changes), groups, blocks)
        weights = by_group(self._weights(), groups, blocks).changes
        weighed = evidence(seen.changes, self.margin, weights)
        return Suspicion(
            samples=len(self._changes),
            groups=len(seen.changes),
            evidence=float(weighed[-1]),
            change=float(np.average(seen.changes, weights=weights)),
            worse=int(np.count_nonzero(seen.changes < 0.0)),
            broken=alarm(weighed, self.alpha) is not None,
        )

    def _weights(self) -> Array:
        """How much each sample's group counts, shape (samples,).

        Where a margin of the score is put up with: as much as the group has of the largest one's samples, since a large
        one moves the score by more. Without a margin each counts alike: an unchanged candidate is as likely better as
        worse in any, and the evidence of small groups need not be diluted for that of large ones.
        """
        if not self.margin:
            return np.ones(len(self._groups))
        largest = max(self.sizes.values())
        return np.asarray([self.sizes[name] / largest for name in self._groups])

    def _measure(self) -> None:
        """Turn the answers that wait into changes."""
        if not self._waiting:
            return
        places = [self.places[row.sample.id] for row in self._waiting]
        first = self.baseline.statistics_for(self.output)[places]
        try:
            second = measure(self.metric, self._waiting, self.opened)
        except NotApplicableError as error:
            raise UsageError(f"'{self.output}' of {self.baseline.title} cannot be watched: {error}") from error
        self._changes += self._turned(first, second).tolist()
        self._groups += self.baseline.groups[places].tolist()
        self._waiting = []

    def _turned(self, first: Array, second: Array) -> Array:
        """Changes from -1 to 1, above zero the candidate is better, shape (samples,).

        Where the score is no mean of scores from 0 to 1: the sign of what it becomes when this sample alone is
        exchanged in the whole baseline.
        """
        place = self.metric.outputs.index(self.output)
        if self.bounded:
            moved = self.metric.per_sample(second)[:, place] - self.metric.per_sample(first)[:, place]
        else:
            totals = self.metric.totals(self.baseline.statistics_for(self.output))
            with np.errstate(all="ignore"):
                whole = self.metric.finalize(totals - first + second)[:, place] - self.metric.finalize(totals)[place]
            moved = np.where(np.abs(whole) * self.baseline.n > NOISE, np.sign(whole), 0.0)
        moved = np.clip(np.nan_to_num(moved), -1.0, 1.0)
        return np.asarray(moved if self.metric.higher(self.output) else -moved)


def weigh(baseline: Evidence, opened: Opened, metrics: Metrics, margin: float, alpha: float) -> Weighing:
    """A task's scales, with nothing on them; UsageError where candidate and baseline are not about the same thing, or
    where the primary score is no sum over samples."""
    _require_same(baseline, opened, metrics)
    name, output = opened.task.metrics[0], metrics.primary
    metric = metrics.built[name]
    if not metric.additive:
        raise UsageError(
            f"The score '{output}' of {baseline.title} is no sum over samples, so that it cannot be watched while the "
            "samples come: leave out --fail-fast."
        )
    bounded = _is_bounded(metric, output, baseline.statistics_for(output))
    if margin and not bounded:
        raise UsageError(
            f"Of '{output}' of {baseline.title} only the signs of changes are counted, since it is no mean of scores "
            "from 0 to 1, and a margin means nothing to them: leave it out "
            "(--fail-fast-margin, or --margin of `gate --fail-fast`)."
        )
    places = {name: place for place, name in enumerate(baseline.ids.tolist())}
    sizes = Counter(baseline.groups.tolist())
    return Weighing(baseline, opened, metric, output, margin, alpha, bounded, places, sizes)


def _is_bounded(metric: Metric, output: str, statistics: Array) -> bool:
    """Whether a score is the mean of the samples' own, each within 0 and 1."""
    if metric.best not in (0.0, 1.0) or not len(statistics):
        return False
    place = metric.outputs.index(output)
    each = metric.per_sample(statistics)[:, place]
    within = each.min() >= 0.0 and each.max() <= 1.0
    return bool(within and abs(float(metric.values(statistics)[place]) - float(each.mean())) <= NOISE)


def _require_same(baseline: Evidence, opened: Opened, metrics: Metrics) -> None:
    """UsageError unless the two are about the same task and data, scored alike."""
    output = metrics.primary
    metric = metrics.built.get(opened.task.metrics[0])
    if metric is None:
        raise UsageError(
            f"'{output}' of {baseline.title} cannot be watched: {metrics.skipped.get(output, 'it cannot be had here.')}"
        )
    asked = Subject(opened.task.digest(), opened.fingerprint, tuple(opened.kind.labels))
    apart = list(baseline.subject.differences(asked))
    if apart:
        raise _apart(baseline, "; ".join(apart))
    if output not in baseline.outputs:
        raise _apart(baseline, f"the baseline has no statistics of '{output}'")
    if baseline.scores[output].signature != metric.signature:
        raise _apart(baseline, f"the signature of '{output}' differs")


def _apart(baseline: Evidence, why: str) -> UsageError:
    return UsageError(
        f"{baseline.source} and the candidate cannot be compared on {baseline.title}: {why}: make both from the same "
        "task, data and version."
    )


def require_samples(weighing: Weighing, ids: Sequence[str], contents: Sequence[str]) -> None:
    """UsageError where the baseline lacks one of these samples, or has another of its name."""
    baseline = weighing.baseline
    absent = [name for name in ids if name not in weighing.places]
    if absent:
        raise _apart(baseline, f"the baseline lacks {len(absent)} samples, such as '{absent[0]}'")
    for name, content in zip(ids, contents, strict=True):
        known = str(baseline.contents[weighing.places[name]])
        if known and known != content[:CONTENT_DIGITS]:
            raise _apart(baseline, f"the content of sample '{name}' differs")

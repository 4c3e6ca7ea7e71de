"""What a new release would change in a baseline: per task and score the paired difference, and what forbids to pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from velm_bench.errors import VelmError
from velm_bench.gate.baselines.blocks import same_evidence
from velm_bench.gate.baselines.files import Baseline
from velm_bench.gate.comparing import Settings, measure
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.matching import Matched, differences, match
from velm_bench.gate.schema import Compared

NEW, MISSING, SAME, CHANGED = "new", "missing", "same", "changed"


@dataclass(frozen=True)
class Change:
    """One task of a baseline beside the run that would take its place."""

    held: Evidence | None
    """What the baseline holds; None where the task is new."""
    given: Evidence | None
    """The run; None where none was given."""
    rows: Sequence[Compared] = ()
    """The scores that could be compared, on the samples that both have; above zero the run is better."""
    differences: Sequence[str] = ()
    """What forbids to compare, a part of a sentence each; empty where nothing does."""
    notes: Sequence[str] = field(default=())
    """What else is to be known: samples that one of the two lacks."""
    common: int | None = None
    """How many samples both have, where one of the two has others too: only these are compared."""

    @property
    def title(self) -> str:
        """The task."""
        return self._either.title

    @property
    def state(self) -> str:
        """new, missing, same or changed."""
        if self.held is None or self.given is None:
            return NEW if self.held is None else MISSING
        return SAME if same_evidence(self.held, self.given) else CHANGED

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all scores of either."""
        return tuple(dict.fromkeys([*self._scores(self.given), *self._scores(self.held)]))

    @property
    def main_outputs(self) -> tuple[str, ...]:
        """The first score of each metric of either, the run's first."""
        sides = [one.main_outputs for one in (self.given, self.held) if one is not None]
        return tuple(dict.fromkeys(name for side in sides for name in side))

    def row(self, output: str) -> Compared | None:
        """The comparison of a score; None where there is none."""
        return next((row for row in self.rows if row.metric == output), None)

    def values(self, output: str) -> tuple[float | None, float | None]:
        """A score in the baseline and in the run; None where one has it not."""
        before, after = (self._scores(one).get(output) for one in (self.held, self.given))
        return (before.value if before else None, after.value if after else None)

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON data."""
        return {
            "task": self.title,
            "state": self.state,
            "baseline_model": self.held.model if self.held else None,
            "model": self.given.model if self.given else None,
            "differences": list(self.differences),
            "notes": list(self.notes),
            "scores": {name: self._score_as_json(name) for name in self.outputs},
        }

    def _score_as_json(self, output: str) -> dict[str, Any]:
        before, after = self.values(output)
        row = self.row(output)
        found = row.model_dump(mode="json", exclude={"task", "metric", "slice"}) if row else {}
        return {**found, "baseline": before, "candidate": after}

    @property
    def _either(self) -> Evidence:
        one = self.given or self.held
        assert one is not None
        return one

    @staticmethod
    def _scores(one: Evidence | None) -> Any:
        return one.scores if one is not None else {}


def changes(baseline: Baseline, given: Sequence[Evidence], settings: Settings | None = None) -> list[Change]:
    """Every task of the baseline and of the runs, in the order of their titles; new and missing ones too."""
    held = {title: kept.evidence for title, kept in baseline.tasks.items()}
    runs = {one.title: one for one in given}
    return [compare(held.get(title), runs.get(title), settings) for title in sorted({*held, *runs})]


def compare(held: Evidence | None, given: Evidence | None, settings: Settings | None = None) -> Change:
    """One task. What cannot be compared is said, and raises nothing: a baseline may be replaced by what differs."""
    if held is None or given is None:
        return Change(held, given)
    every = tuple(dict.fromkeys([*held.outputs, *given.outputs]))
    try:
        alike = [name for name in every if _comparable(held, given, name)]
        said = differences(held, given, every)
        if differences(held, given, alike) or not alike:
            return Change(held, given, differences=said or ["they have no score in common"])
        matched = match(held, given)
        whole = not matched.candidate_lacks and not matched.baseline_lacks
        both = matched if whole else _in_common(matched)
        found = measure(both, [(name, "") for name in alike], {}, settings or Settings())
    except VelmError as error:
        return Change(held, given, differences=[str(error).rstrip(".")])
    notes = [
        f"{count} samples of {one.n} of {one.source} are not in {other.source}: compared on the {len(both.ids)} of both"
        for count, one, other in ((matched.candidate_lacks, held, given), (matched.baseline_lacks, given, held))
        if count
    ]
    return Change(held, given, [one.row for one in found], said, notes, None if whole else len(both.ids))


def _in_common(matched: Matched) -> Matched:
    """The two with the samples of both alone: what one was never asked tells nothing of how it changed."""
    both = (matched.baseline_places >= 0) & (matched.candidate_places >= 0)
    return match(
        _only(matched.baseline, matched.baseline_places[both]), _only(matched.candidate, matched.candidate_places[both])
    )


def _only(one: Evidence, places: NDArray[np.int64]) -> Evidence:
    """Evidence of these samples alone; its scores stay those of all."""
    return replace(
        one,
        **{name: getattr(one, name)[places] for name in ("ids", "groups", "contents", "failed")},
        slices={name: tuple(values[place] for place in places.tolist()) for name, values in one.slices.items()},
        statistics={name: table[places] for name, table in one.statistics.items()},
        run=None,
    )


def _comparable(held: Evidence, given: Evidence, output: str) -> bool:
    """Whether both have the score, made in the same way by a metric that gives it."""
    if output not in held.outputs or output not in given.outputs:
        return False
    same = held.scores[output].signature == given.scores[output].signature
    return same and all(output in one.metric(output).outputs for one in (held, given))

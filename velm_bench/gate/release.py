"""The release decision in one call: what the words stand for is opened, and the policy applied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from velm_bench.errors import UsageError
from velm_bench.gate.deciding import decide
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.opening import open_side
from velm_bench.gate.policy import Policy, default_policy, read_policy
from velm_bench.gate.schema import Verdict

RESULTS = Path("results")
"""Where runs are looked for that are named by their id or model."""


def silent(text: str) -> None:
    """Where nobody reads what was left out."""


@dataclass(frozen=True)
class Sides:
    """All that a verdict is made from."""

    candidate: list[Evidence]
    baseline: list[Evidence]
    anchor: list[Evidence]
    policy: Policy

    def verdict(self, worst: int = 20) -> Verdict:
        """The decision; UsageError as for `decide`."""
        return decide(self.candidate, self.baseline, self.policy, self.anchor, worst)


def open_sides(
    candidate: Sequence[str],
    baseline: Sequence[str],
    anchor: Sequence[str] = (),
    policy: Policy | Path | None = None,
    margin: float | None = None,
    root: Path = RESULTS,
    note: Callable[[str], None] = silent,
) -> Sides:
    """What the words of each side stand for (see `open_side`), and the policy: a file, or the default with one margin.

    UsageError in one sentence for whatever cannot be read.
    """
    chosen = read_policy(policy) if isinstance(policy, Path) else policy  # first: it is the cheapest to be wrong about
    previous = open_side(baseline, root, note)
    if chosen is None:
        chosen = default_policy(_judgeable(previous, note), margin)
    return Sides(
        candidate=open_side(candidate, root, note),
        baseline=previous,
        anchor=open_side(anchor, root, note) if anchor else [],
        policy=chosen,
    )


def _judgeable(baseline: list[Evidence], note: Callable[[str], None]) -> list[Evidence]:
    """The tasks whose primary scores can be compared; of some harnesses' only the value is known."""
    found = [one for one in baseline if one.primary in one.outputs]
    for one in baseline:
        if one.primary not in one.outputs:
            note(f"Not judged: of '{one.primary}' of {one.title} {one.source} knows only the value.")
    if not found:
        raise UsageError("The baseline has no task whose primary score can be compared: name others in a --policy.")
    return found


def judge_release(
    candidate: Sequence[str],
    baseline: Sequence[str],
    *,
    anchor: Sequence[str] = (),
    policy: Policy | Path | None = None,
    margin: float | None = None,
    root: Path = RESULTS,
    flips: int = 20,
    note: Callable[[str], None] = silent,
) -> Verdict:
    """Whether a candidate got worse than its baseline; UsageError in one sentence for whatever cannot be compared.

    `margin` is for every primary score where no policy is given; `flips` is how many samples that became worse are told
    per task.
    """
    return open_sides(candidate, baseline, anchor, policy, margin, root, note).verdict(flips)

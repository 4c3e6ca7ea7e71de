"""The runs of the family in a results folder: those of the checkpoints as they are now, and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.zoo.family import NOVEL, TASKS, Measure, Member
from velm_bench.results.gain import Gain, read_gains, uses_image
from velm_bench.results.schema import CONTROLS, Result, Score
from velm_bench.results.store import list_runs
from velm_bench.tasks.registry import resolve


@dataclass(frozen=True)
class Cell:
    """One member on one task."""

    folder: Path
    result: Result
    gains: Sequence[Gain] = ()
    """Of this run, or of one of fewer samples that stands for it."""

    @property
    def uses_image(self) -> bool | None:
        """Whether the controls show that it does; None where they do not say."""
        return uses_image(self.gains)

    def gain(self, control: str) -> Gain | None:
        """The gain over one control, where it was run."""
        return next((gain for gain in self.gains if gain.control == control), None)

    @property
    def controlled(self) -> bool:
        """Whether it was run under every control."""
        return all(self.gain(control) for control in CONTROLS)


@dataclass(frozen=True)
class Zoo:
    """All members with their runs."""

    members: Sequence[Member]
    cells: Mapping[tuple[str, str], Cell] = field(default_factory=dict)
    """By reference and task name ("scenes_vqa", "scenes_vqa:test_novel")."""
    notes: Sequence[str] = ()
    """A sentence about each file that could not be used."""
    controls: int | None = None
    """How many samples of each task were asked under the controls, and on unseen pairs; None for all."""

    def cell(self, reference: str, task: str, split: str = "") -> Cell | None:
        """A member's run of a task, on its own split or another one."""
        return self.cells.get((reference, on_split(task, split)))

    def score(self, reference: str, measure: Measure, split: str = "") -> Score | None:
        """A member's score; None where there is no run, or the run has none."""
        cell = self.cell(reference, measure.task, split)
        return measure.score(cell.result) if cell else None

    def missing(self, member: Member, split: str = "") -> list[str]:
        """The tasks that a member can do and of which there is no run."""
        return [task for task in member.tasks if self.cell(member.reference, task, split) is None]

    def uncontrolled(self, member: Member) -> list[str]:
        """The tasks that a member can do and that were not run under all controls."""
        found = ((task, self.cell(member.reference, task)) for task in member.tasks)
        return [task for task, cell in found if cell is None or not cell.controlled]


def on_split(task: str, split: str = "") -> str:
    """A task's name on a split of its source, on its own where that is empty."""
    return f"{task}:{split}" if split else task


def read_zoo(
    root: Path,
    members: Sequence[Member],
    limit: int | None = None,
    controls: int | None = None,
    asked: Mapping[str, str] | None = None,
) -> Zoo:
    """The members' runs under `root`: of these checkpoints, of the tasks as they are now, with this limit and seed 0.

    Their gains, and their scores on unseen pairs, are those of the runs with the limit `controls`, None for all
    samples. A run in which a sample failed is none: it is not what the model can do. `asked` are the tasks' digests by
    name; those of the shipped ones if left out.
    """
    notes: list[str] = []
    asked = shipped_digests() if asked is None else asked
    digests = {member.reference: member.digest for member in members}
    found: dict[int | None, dict[tuple[str, str], Cell]] = {limit: {}, controls: {}}
    for folder, result in list_runs(root, notes.append) if root.is_dir() else ():
        known = (digests.get(result.model.name), asked.get(result.task.name))
        is_theirs = known == (result.model.digest, result.task.digest)
        if is_theirs and result.data.limit in found and (result.control, result.data.seed) == ("", 0):
            if result.n_errors:
                notes.append(f"{result.n_errors} samples failed in {folder}: it is left out.")
                continue
            gains, said = read_gains(folder)
            notes += said
            found[result.data.limit][result.model.name, result.task.name] = Cell(folder, result, gains)
    cells = {key: replace(cell, gains=_gains(found[controls].get(key))) for key, cell in found[limit].items()}
    cells |= {key: cell for key, cell in found[controls].items() if key[1].endswith(f":{NOVEL}")}
    return Zoo(members, cells, notes, controls)


def _gains(cell: Cell | None) -> Sequence[Gain]:
    return cell.gains if cell else ()


def shipped_digests() -> dict[str, str]:
    """What is asked in each task of the comparison, on both of its splits, by the task's name."""
    words = ",".join(on_split(task, split) for task in TASKS for split in ("", NOVEL))
    return {one.task.name: one.task.digest() for one in resolve(words)}

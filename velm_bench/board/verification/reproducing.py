"""Reproduction: somebody ran the same model again; whether that gave the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from velm_bench.board.bundles.checking import check_form, claims
from velm_bench.board.bundles.packing import pack
from velm_bench.board.folder import Board, Bundle
from velm_bench.board.schema import EventKind, RunEntry
from velm_bench.board.verification.claims import ROUNDING
from velm_bench.board.verification.predictions import core
from velm_bench.board.verification.recomputing import Recomputed, Recomputer
from velm_bench.board.verification.verifying import event
from velm_bench.errors import UsageError
from velm_bench.results.store import read_result
from velm_bench.samples import Form
from velm_bench.tasks.kinds import KINDS

ALIKE = 0.99
"""The share of predictions that must be equal on each task: another device may flip a few."""


@dataclass(frozen=True)
class Agreement:
    """How one run compares with the same one run again."""

    run: str
    n: int
    equal: int
    """How many predictions are the same."""
    submitted: float | None
    """The primary score, recomputed from the answers that were submitted."""
    low: float | None
    high: float | None
    again: float | None
    """The primary score of the new run."""

    @property
    def holds(self) -> bool:
        """Whether it was reproduced: nearly all predictions equal, and the score within the interval.

        A perfect model has an interval without width: a score no further off than the share of predictions that differ
        is as good.
        """
        if self.equal < ALIKE * self.n:
            return False
        if self.again is None or self.submitted is None:
            return self.again is self.submitted
        within = self.low is not None and self.high is not None and self.low <= self.again <= self.high
        return within or abs(self.again - self.submitted) <= 1 - self.equal / self.n + ROUNDING

    @property
    def sentence(self) -> str:
        """What was found."""
        return f"{self.run}: {self.equal} of {self.n} predictions equal, score {_shown(self.again)} against " + (
            f"{_shown(self.submitted)} [{_shown(self.low)}, {_shown(self.high)}]"
        )


@dataclass(frozen=True)
class Reproduction:
    """What came of running a submission again."""

    submission: str
    agreements: tuple[Agreement, ...]
    recorded: bool
    """Whether it is now said on the board, which it is where everything agrees."""

    @property
    def holds(self) -> bool:
        """Whether every run was reproduced."""
        return all(one.holds for one in self.agreements)


def reproduce(
    board: Board, submission: str, folders: Sequence[Path], recomputer: Recomputer, at: str, by: str = ""
) -> Reproduction:
    """Compare the ordinary runs of a submission with the same ones run again, and say on the board where they agree.

    UsageError where the folders hold no runs of the same model, not all of its runs, the very runs submitted, or
    runs that took over answers of an earlier one;
    UnavailableError where a task's data is not on this machine.
    """
    original = board.bundle(submission)
    again = _packed(folders, original)
    check_form(again, board.tasks)
    entries = _pairs(original, again)
    agreements = tuple(
        _agreement(recomputer.recompute(original, entry), recomputer.recompute(again, entry), board, entry)
        for entry in entries
    )
    found = Reproduction(submission, agreements, False)
    if not found.holds:
        return found
    reason = "; ".join(one.sentence for one in agreements)
    said = event(submission, EventKind.REPRODUCED, at, by, reason=reason[:2000])
    return Reproduction(submission, agreements, board.record(said))


def _packed(folders: Sequence[Path], original: Bundle) -> Bundle:
    """Those of the runs that are of the submission's model, as a bundle; UsageError where there are none."""
    model, digest = original.manifest.model, original.manifest.model_digest
    found = {folder: read_result(folder).model for folder in folders}
    same = [folder for folder, one in found.items() if one.digest == digest]
    if not same:
        others = ", ".join(dict.fromkeys(f"'{one.name}' with {one.digest[:12]}" for one in found.values()))
        raise UsageError(
            f"The submission is of '{model}' with model digest {digest[:12]}, and the runs are of {others or 'none'}: "
            "other weights, precision or settings are another model."
        )
    return pack(same, {"name": original.manifest.card.name})[0]


def _pairs(original: Bundle, again: Bundle) -> list[RunEntry]:
    """The ordinary runs of a submission, each of which was run again; UsageError where one was not."""
    names = {entry.name for entry in again.manifest.runs}
    ordinary = [entry for entry in original.manifest.runs if not entry.control]
    missing = [entry.name for entry in ordinary if entry.name not in names]
    if missing or not ordinary:
        raise UsageError(
            f"The run '{missing[0]}' of the submission is not among those run again: all of its runs without a "
            "control are needed."
            if missing
            else "The submission has no run without a control: there is nothing to reproduce."
        )
    for entry in ordinary:
        first, second = claims(original, entry), claims(again, entry)
        if first.timing == second.timing and first.provenance.created == second.provenance.created:
            raise UsageError(f"The run '{entry.name}' is the one that was submitted: run the model again.")
        if second.timing.reused:
            raise UsageError(
                f"The run '{entry.name}' did not ask the model for {second.timing.reused} of its answers, which were "
                "there from an earlier or an interrupted run: run it in one go, with an empty folder as --output."
            )
    return ordinary


def _agreement(first: Recomputed, second: Recomputed, board: Board, entry: RunEntry) -> Agreement:
    form = KINDS.get(board.tasks[entry.task].kind).form
    pairs = list(zip(_cores(first, form), _cores(second, form), strict=True))
    score = first.result.score
    return Agreement(
        run=entry.name,
        n=len(pairs),
        equal=sum(one == other for one, other in pairs),
        submitted=score.value,
        low=score.low,
        high=score.high,
        again=second.result.score.value,
    )


def _cores(run: Recomputed, form: Form | None) -> list[str | None]:
    """What each prediction says; None where there is none."""
    column = run.table.column("prediction").to_pylist()
    return [None if text is None else core(json.loads(text), form) for text in column]


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"

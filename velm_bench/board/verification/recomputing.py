"""Scores computed anew from the answers of a submission, by the board's own task, references and metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from velm_bench.board.bundles.answers import read_answers
from velm_bench.board.bundles.checking import check_lines, claims
from velm_bench.board.bundles.packing import run_files
from velm_bench.board.folder import Board, Bundle
from velm_bench.board.pinned import Ground, open_pinned, task_definition
from velm_bench.board.schema import AnswerLine, PinnedTask, RunEntry, VerifiedRun
from velm_bench.board.verification.claims import check_claim
from velm_bench.board.verification.predictions import answers_digest, says_too_little
from velm_bench.engine.finishing import draft_result
from velm_bench.engine.judging import judge
from velm_bench.engine.outcomes import Outcome, check, decode, reason
from velm_bench.engine.plan import Row, picture_digest
from velm_bench.engine.scoring import Scores, score
from velm_bench.engine.settings import RunSettings
from velm_bench.engine.table import Judged, build_table
from velm_bench.engine.treating import find_treatment
from velm_bench.engine.treatment import Treat, as_it_is
from velm_bench.errors import SampleError, UnavailableError, UsageError
from velm_bench.results.schema import Result
from velm_bench.samples import Ability, ChoiceAnswer, TagAnswer, TextAnswer
from velm_bench.tasks.base import Kind

if TYPE_CHECKING:
    import pyarrow as pa

ASKED_BY = {TextAnswer: Ability.GENERATE, ChoiceAnswer: Ability.CHOOSE, TagAnswer: Ability.TAG}
"""What a model must have been asked for to give such an answer."""

FASTEST = 1e9
"""Answers per second; who claims more claims nonsense."""


@dataclass(frozen=True)
class Recomputed:
    """One run, recomputed."""

    name: str
    """The run's name within its submission."""
    result: Result
    """As an ordinary run would have it: the scores are recomputed; model, timing and provenance as submitted."""
    table: pa.Table
    """Its samples.parquet, but for the keys of the journal, which no submission has."""
    verified: VerifiedRun


class Recomputer:
    """Recomputes runs for one board; the tasks and their data are read once, whatever number of runs is recomputed."""

    def __init__(self, board: Board, data: tuple[Path, ...] = ()) -> None:
        self.board, self.data = board, data
        self._grounds: dict[str, Ground] = {}
        self._treats: dict[tuple[str, str], Treat] = {}
        self._lock = Lock()

    def require_intact(self) -> None:
        """UsageError where a task's file is not the one that was pinned."""
        for pinned in self.board.tasks.values():
            task_definition(self.board, pinned)

    def pinned(self, entry: RunEntry) -> PinnedTask:
        """The task of a run; UsageError where the board has none of that name."""
        if entry.task not in self.board.tasks:
            raise UsageError(
                f"The run '{entry.name}' is of task '{entry.task}', which this board does not have: it has "
                f"{', '.join(self.board.tasks)}."
            )
        return self.board.tasks[entry.task]

    def ground(self, pinned: PinnedTask) -> Ground:
        """A task with its data; UnavailableError where this machine lacks it."""
        with self._lock:
            if pinned.name not in self._grounds:
                self._grounds[pinned.name] = open_pinned(self.board, pinned, self.data)
            return self._grounds[pinned.name]

    def recompute(self, bundle: Bundle, entry: RunEntry) -> Recomputed:
        """The run with its scores computed anew.

        UsageError naming the run, the sample and the field for samples that are missing, unknown or of another
        content, for answers that cannot be to what was asked, and for claims that the answers do not bear out.
        UnavailableError where the task's data, or its primary metric, is not on this machine.
        """
        ground = self.ground(self.pinned(entry))
        kind = ground.opened.kind
        claim = claims(bundle, entry)
        path = run_files(entry.name)[1]
        read = read_answers(bundle.files[path], path, len(ground.rows))
        lines = matched(ground, read, path)
        treat = self._treat(ground, entry, claim)
        rows = [_treated(row, treat) for row in ground.rows]
        judged = judge(rows, {row.id: _outcome(row, lines[row.id], kind, path) for row in rows}, kind)
        found = score(ground.opened, ground.metrics, judged, self.board.file.replicates, ground.pinned.seed)
        result = self._result(ground, entry, claim, found, judged)
        _require_primary(claim, result, entry)
        check_claim(entry, claim, result)
        check_lines(entry, claim, read, ground.pinned)  # last, as it cannot name the sample that is at fault
        verified = _verified(claim, result, judged, kind)
        return Recomputed(entry.name, result, build_table(judged, found.measured), verified)

    def _treat(self, ground: Ground, entry: RunEntry, claim: Result) -> Treat:
        """What was done to the samples of a run before it was asked about them."""
        if not entry.control:
            return as_it_is
        if claim.data.seed != ground.pinned.seed:
            raise UsageError(
                f"The run '{entry.name}' was made with --seed {claim.data.seed}, and this board draws its controls "
                f"and perturbations with {ground.pinned.seed}: run it with that."
            )
        known = (entry.task, entry.control)
        with self._lock:
            if known not in self._treats:
                treatment = find_treatment(entry.control)
                self._treats[known] = treatment.begin(ground.opened.everything, ground.pinned.seed)
            return self._treats[known]

    def _result(
        self, ground: Ground, entry: RunEntry, claim: Result, found: Scores, judged: Sequence[Judged]
    ) -> Result:
        pinned = ground.pinned
        settings = RunSettings(
            Path(), limit=pinned.limit, seed=pinned.seed, control=entry.control, replicates=self.board.file.replicates
        )
        primary = ground.metrics.primary
        draft = draft_result(ground.opened, ground.rows, claim.model, settings, primary, found, judged, claim.shots)
        return draft.model_copy(update={"timing": claim.timing, "provenance": claim.provenance})


def matched(ground: Ground, lines: Sequence[AnswerLine], where: str) -> Mapping[str, AnswerLine]:
    """The lines by sample; UsageError naming the first that is unknown, missing or of another content."""
    found = {line.id: line for line in lines}
    known = {row.id for row in ground.rows}
    unknown = next((line.id for line in lines if line.id not in known), None)
    if unknown is not None:
        raise UsageError(
            f"In {where}: the sample '{unknown}' is none of those that the board's task '{ground.pinned.name}' asks."
        )
    for row in ground.rows:
        if row.id not in found:
            raise UsageError(
                f"In {where}: the sample '{row.id}' is missing: each of the {len(known)} samples of the board's task "
                f"'{ground.pinned.name}' needs a line, a failed one with its 'error'."
            )
        if found[row.id].content != row.content or not _has_pictures(row, found[row.id]):
            raise UsageError(f"In {where}: {_difference(row, found[row.id])} than the board's task asks about.")
    return found


def _difference(row: Row, line: AnswerLine) -> str:
    """What is another one in a sample of another content."""
    if not _has_pictures(row, line):
        return f"the sample '{row.id}' has another picture ('pictures')"
    return f"the sample '{row.id}' has another question, other options or other references ('content')"


def _has_pictures(row: Row, line: AnswerLine) -> bool:
    """Whether a line names the sample's own pictures."""
    return list(line.pictures) == [picture_digest(picture) for picture in row.sample.images]


def _treated(row: Row, treat: Treat) -> Row:
    """The row as the model was asked about it, or why it cannot have been."""
    if row.error:
        return row
    try:
        return replace(row, shown=treat(row.sample).sample)
    except SampleError as error:
        return replace(row, error=reason(error))


def _outcome(row: Row, line: AnswerLine, kind: Kind, where: str) -> Outcome:
    """The answer to a sample; UsageError where it cannot be one to what was asked."""
    if row.error or line.answer is None:
        return Outcome(row.id, "", error=row.error or line.error)
    try:
        answer = decode(line.answer)
        check(kind.request(row.asked, {ASKED_BY[type(answer)]}), answer)
    except (SampleError, UsageError, ValueError) as error:
        raise UsageError(f"In {where}: the 'answer' to sample '{row.id}' does not fit the question: {error}") from error
    return Outcome(row.id, "", line.answer)


def _require_primary(claim: Result, found: Result, entry: RunEntry) -> None:
    """UnavailableError where the primary score could be had elsewhere and not here."""
    if found.score.value is None and claim.scores[claim.primary].value is not None:
        why = found.skipped.get(found.score.metric, "It is undefined here.")
        raise UnavailableError(f"The score '{found.primary}' of run '{entry.name}' cannot be recomputed here: {why}")


def _verified(claim: Result, found: Result, judged: Sequence[Judged], kind: Kind) -> VerifiedRun:
    return VerifiedRun(
        answers=answers_digest(judged),
        blank=says_too_little(judged, kind),
        n=found.n,
        n_errors=found.n_errors,
        parse_failures=found.parse_failures,
        primary=found.primary,
        scores=found.main_scores,
        claimed={name: claim.scores[name].value if name in claim.scores else None for name in found.main_scores},
        slices={
            name: {value: part.scores[found.primary] for value, part in values.items() if found.primary in part.scores}
            for name, values in found.slices.items()
        },
        samples_per_second=_speed(claim.timing.samples_per_second),
        device=claim.provenance.device[:200],
    )


def _speed(claimed: float | None) -> float | None:
    """A speed that something might have; None for what nothing has."""
    return claimed if claimed is not None and 0 <= claimed < FASTEST else None

"""A clearly broken candidate found while it is still running, so that the rest need not be asked. Never a verdict.

Evidence that holds at any time (`statistics.sequential`) is weighed after every so many answers. Where it reaches
1 / alpha the run stops, or whoever peeks at it is told to stop it. That it does not reach it says nothing: the gate
judges the finished run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from velm_bench.engine.journal import Line, look
from velm_bench.engine.judging import judge
from velm_bench.engine.noting import read_note, reopen
from velm_bench.engine.opening import Opened
from velm_bench.engine.outcomes import Outcome as Answer
from velm_bench.engine.outcomes import reason
from velm_bench.engine.plan import Row, content_digest
from velm_bench.engine.scoring import build_metrics
from velm_bench.engine.settings import RunSettings
from velm_bench.engine.table import Judged
from velm_bench.engine.treating import find_treatment
from velm_bench.engine.treatment import Treat, as_it_is
from velm_bench.engine.watching import StoppedError, Watched
from velm_bench.errors import SampleError, UsageError
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.schema import Outcome
from velm_bench.gate.weighing import Suspicion, Weighing, require_samples, weigh
from velm_bench.results.store import RESULT
from velm_bench.samples import Sample

ALPHA = 0.05
"""The chance that an unchanged candidate is stopped in any of its tasks."""


class FailFast:
    """Watches the runs of one candidate, each task against its own baseline, and stops a broken one."""

    def __init__(self, baseline: Sequence[Evidence], margin: float = 0.0, alpha: float = ALPHA, tasks: int = 1) -> None:
        """`margin` is what is put up with, from 0 to 1; each of `tasks` gets an equal part of alpha."""
        _require_share(margin, "--fail-fast-margin")
        self._baseline = {one.title: one for one in baseline}
        self._margin, self._alpha = margin, alpha / max(1, tasks)
        self._run: Watched | None = None
        self._scales: Weighing | None = None

    def require(self, title: str, digest: str) -> None:
        """UsageError where the baseline lacks a task, or has another of its title."""
        if _found(self._baseline, title).task_digest != digest:
            raise UsageError(
                f"{self._baseline[title].source} and the candidate cannot be compared on {title}: the task differs: "
                "give a baseline of this very task with --fail-fast."
            )

    def begin(self, run: Watched) -> None:
        """Lay a task on the scales; UsageError where it cannot be compared with the baseline."""
        scales = weigh(_found(self._baseline, run.title), run.opened, run.metrics, self._margin, self._alpha)
        require_samples(scales, [row.id for row in run.plan], [row.content for row in run.plan])
        self._run, self._scales = run, scales

    def see(self, rows: Sequence[Judged]) -> None:
        """Weigh the answers to one batch; StoppedError where the candidate is clearly worse."""
        assert self._run is not None
        assert self._scales is not None
        self._scales.add(rows)
        if not self._scales.due:
            return
        found = self._scales.look()
        if found.broken:
            again = "--fail-fast and --fresh" if self._run.settings.fresh else "--fail-fast"
            said = _said(self._scales, found, len(self._run.plan), self._alpha)
            raise StoppedError(f"{said} This is no verdict: run the same without {again} for it.")


def _require_share(margin: float, flag: str) -> None:
    if not 0.0 <= margin <= 1.0:
        raise UsageError(f"{flag} must lie between 0 and 1, not be {margin:g}.")


@dataclass(frozen=True)
class Peek:
    """What can be said of a run that goes on."""

    title: str
    """The task as runs are titled."""
    outcome: Outcome
    """A regression where it is clearly broken, inconclusive otherwise: never a pass."""
    exit_code: int
    """1 or 3."""
    summary: str
    """It in one or two sentences."""
    samples: int
    """How many answers there are."""
    planned: int
    """Of how many."""
    evidence: float
    """The e-value by now."""


def peek(
    folder: Path,
    baseline: Sequence[Evidence],
    margin: float = 0.0,
    alpha: float = ALPHA,
    data: Sequence[Path] = (),
) -> Peek:
    """What a run in progress shows by now, from its journal, which is neither locked nor changed.

    `data` are folders to look for the task's data in before those of the run itself. The chance that an unchanged
    candidate is ever called broken is at most alpha, however often one peeks. UsageError where the run is over, where
    there is none, or where it is not about what the baseline is about.
    """
    _require_share(margin, "--margin, with --fail-fast,")
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder of a run: name one that is under way, results/MODEL/TASK/ID.")
    _require_under_way(folder)
    noted, kept = read_note(folder), look(folder)
    reference = _found({one.title: one for one in baseline}, noted.title)
    noted = noted.model_copy(update={"data": [*map(str, data), *noted.data]})
    opened, settings = reopen(noted, folder)
    scales = weigh(reference, opened, build_metrics(opened.kind), margin, alpha)
    samples = {sample.id: sample for sample in opened.chosen}
    treat = _treat(opened, settings)
    last = _last(kept.lines)
    for line in kept.lines:
        outcomes = {one.id: one for one in line.outcomes if one.id in samples and one is last[one.id]}
        rows = [_row(samples[name], treat) for name in outcomes]
        require_samples(scales, [row.id for row in rows], [row.content for row in rows])
        scales.add(judge(rows, outcomes, opened.kind))
    return _peeked(scales, noted.title, len(samples), alpha, folder)


def _peeked(scales: Weighing, title: str, planned: int, alpha: float, folder: Path) -> Peek:
    found = scales.look()
    if found.broken:
        advice = f" Stop it; this is no verdict, which `velm-bench gate --candidate {folder}` gives of a finished run."
        said = _said(scales, found, planned, alpha) + advice
    else:
        said = (
            f"{title}: {found.samples} of {planned} samples do not show the candidate to be broken (evidence "
            f"{found.evidence:.3g}, {1 / alpha:.3g} would): go on; the gate judges the finished run."
        )
    outcome = Outcome.REGRESSION if found.broken else Outcome.INCONCLUSIVE
    return Peek(title, outcome, 1 if found.broken else 3, said, found.samples, planned, found.evidence)


def _last(lines: Sequence[Line]) -> dict[str, Answer]:
    """The outcome that counts of each sample: the first answer, or the first error where no answer came yet."""
    found: dict[str, Answer] = {}
    for one in (outcome for line in lines for outcome in line.outcomes):
        if one.id not in found or (found[one.id].error and not one.error):
            found[one.id] = one
    return found


def _require_under_way(folder: Path) -> None:
    """UsageError where a folder's run is over."""
    if (folder / RESULT).exists() and not _begun_anew(folder):
        raise UsageError(f"The run {folder} is over: leave out --fail-fast, and the gate judges it.")


def _begun_anew(folder: Path) -> bool:
    try:
        return look(folder).anew
    except UsageError:
        return False


def _found(baseline: dict[str, Evidence], title: str) -> Evidence:
    """The baseline of a task; UsageError where there is none."""
    if title not in baseline:
        held = ", ".join(sorted(baseline)) or "nothing"
        raise UsageError(
            f"The baseline has no task {title}, only {held}: leave the task out, or give a baseline of it."
        )
    return baseline[title]


def _treat(opened: Opened, settings: RunSettings) -> Treat:
    """What became of each sample before it was asked."""
    if not settings.control:
        return as_it_is
    return find_treatment(settings.control).begin(opened.everything, settings.seed)


def _row(sample: Sample, treat: Treat) -> Row:
    try:
        return Row(sample, content_digest(sample), shown=treat(sample).sample)
    except SampleError as error:
        return Row(sample, content_digest(sample), error=reason(error))


def _said(scales: Weighing, found: Suspicion, planned: int, alpha: float) -> str:
    """Which task, after how many samples, with which evidence."""
    by = f"by {-found.change:.3g} on average over" if scales.bounded else "more often than better:"
    of = f"{found.groups} groups" if scales.bounded else f"it is in {found.worse} of {found.groups} groups"
    return (
        f"{scales.baseline.title} was found worse after {found.samples} of {planned} samples: '{scales.output}' is "
        f"worse than that of {scales.baseline.source} {by} {of} (evidence {found.evidence:.3g}; an "
        f"unchanged candidate ever reaches {1 / alpha:.3g} with a chance of at most {alpha:.2g})."
    )

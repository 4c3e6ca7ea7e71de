"""Run folders and runs of other harnesses as evidence, and what is passed over or refused on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from velm_bench.engine.journal import JOURNAL
from velm_bench.errors import UsageError
from velm_bench.gate.evidence import Evidence, evidence_of
from velm_bench.results.foreign.base import ABSENT, ForeignRun
from velm_bench.results.foreign.converting import convert, unscored
from velm_bench.results.pairing import ReadRun, read_run
from velm_bench.results.store import RESULT

Note = Callable[[str], None]
"""Where sentences go that a reader should know."""


def read_native(folder: Path, note: Note) -> Evidence:
    """A run folder; UsageError where a run was begun there after the result was written, and is not finished.

    Of an imported run the samples are left out that its log did not come to, as `from_foreign` does.
    """
    if (folder / JOURNAL).exists():
        raise UsageError(
            f"The run {folder} is not finished, its {JOURNAL} is still there: run the same command again first."
        )
    run = read_run(folder)
    if not run.result.imported:
        return evidence_of(run)
    came = [not (error or "").startswith(ABSENT) for error in run.table.column("error").to_pylist()]
    if all(came):
        return evidence_of(run)
    note(_cut_off(str(folder), came.count(False), len(came)))
    return _of_what_is_there(evidence_of(replace(run, table=run.table.filter(came))))


def _of_what_is_there(evidence: Evidence) -> Evidence:
    """Evidence with the values of the samples that it has, where its result counted others; without intervals."""
    scores = dict(evidence.scores)
    for name in evidence.outputs:
        metric = evidence.metric(name)
        value = float(metric.values(evidence.statistics_for(name))[metric.outputs.index(name)])
        told = {"value": value if math.isfinite(value) else None, "low": None, "high": None, "n": evidence.n}
        scores[name] = scores[name].model_copy(update=told)
    return replace(evidence, scores=scores)


def from_foreign(path: Path, run: ForeignRun, note: Note) -> Evidence:
    """A run of another harness as evidence, in memory, without intervals, which a comparison makes anew.

    Samples that it did not come to are left out, so that they are to a comparison what one side lacks: their groups and
    contents are the other side's to say.
    """
    came = tuple(sample for sample in run.samples if not sample.absent)
    if len(came) < len(run.samples):
        note(_cut_off(str(path), len(run.samples) - len(came), len(run.samples)))
        run = replace(run, samples=came, total=run.total - len(run.samples) + len(came))
    result, table = convert(run, replicates=0)
    for sentence in (*run.notes, *unscored(run, result)):
        note(sentence)
    return evidence_of(ReadRun(path, result, table))


def _cut_off(source: str, lacking: int, count: int) -> str:
    return f"{source} was not written to its end: {lacking:,} of its {count:,} samples are not there."


def unfinished(folder: Path, depth: int) -> Iterator[Path]:
    """The folders below one, at most so deep, of runs that have no result yet."""
    for deep in range(1, depth + 1):
        for path in sorted(folder.glob("*/" * deep + JOURNAL)):
            if not (path.parent / RESULT).exists():
                yield path.parent


def pass_over(begun: Path, finished: Mapping[str, Path], note: Note) -> None:
    """Say in `note` that a run without a result is left out.

    `finished` is the folder by title of the runs that are taken. UsageError where one of them is of the same task and
    older: whoever names the model, or the folder above both, may mean the run that was begun since.
    """
    title = _title(begun)
    taken = finished.get(title) or next(
        (one for one in finished.values() if not title and one.parent == begun.parent), None
    )
    if taken is not None and _changed(begun / JOURNAL) > _changed(taken / RESULT):
        raise UsageError(
            f"The run {begun} is newer than {taken} and not finished: run it to its end, or name the run that is meant."
        )
    note(f"Left out: the run {begun} is not finished.")


def _title(begun: Path) -> str:
    """What a run will be titled by the note beside its journal; empty where there is none to be read."""
    from velm_bench.engine.noting import read_note

    try:
        return read_note(begun).title
    except UsageError:
        return ""


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0

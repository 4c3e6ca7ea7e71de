"""Putting runs into a baseline: what is refused, and what the log keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np

from velm_bench.errors import UsageError
from velm_bench.gate.baselines.blocks import block_of
from velm_bench.gate.baselines.changes import SAME, Change, compare
from velm_bench.gate.baselines.files import Baseline, replace_blocks
from velm_bench.gate.baselines.schema import LONGEST_REASON, Event, Move
from velm_bench.gate.evidence import Evidence


@dataclass(frozen=True)
class Entry:
    """How runs are put into a baseline: who says so and why, and what is put up with."""

    did: Literal["set", "accept"]
    """accept replaces tasks that are there, set makes or replaces them."""
    by: str = ""
    """Who says so."""
    reason: str = ""
    """Why; must not be empty to accept."""
    max_error_rate: float = 0.0
    """The share of failed samples above which a run is refused."""
    fewer: bool = False
    """Whether a task may be replaced by one of fewer samples or scores."""


def update(baseline: Baseline, given: Sequence[Evidence], entry: Entry) -> list[Change]:
    """Put runs into a baseline file, and say what changed; a task that is held exactly so already stays as it is.

    UsageError, and nothing is written, where a run is refused or the file was changed meanwhile; RunError where it
    cannot be written.
    """
    _require_reason(entry)
    if not given:
        raise UsageError("There is no run to put into the baseline: name runs of finished tasks.")
    for one in given:
        _require_whole(one, entry)
        _require_place(one, baseline, entry)
    found = [compare(_held(baseline, one.title), one) for one in given]
    blocks = {change.title: _block(baseline, change, entry) for change in found if change.state != SAME}
    if blocks:
        replace_blocks(baseline, blocks)
    return found


def comparable(given: Sequence[Evidence], note: Callable[[str], None]) -> list[Evidence]:
    """The runs that a baseline can be made of; of some harnesses' scores only the value is known, and such a task is
    left out and told. UsageError where nothing is left."""
    kept = [one for one in given if one.primary in one.outputs]
    left = [one for one in given if one.primary not in one.outputs]
    for one in left:
        sentence = f"of '{one.primary}' of {one.title} {one.source} knows only the value, and not what each sample adds"
        if not kept:
            raise UsageError(f"Nothing could be compared with this baseline: {sentence} to it.")
        note(f"Left out: {sentence} to it, so that nothing could be compared with it.")
    return kept


def _held(baseline: Baseline, title: str) -> Evidence | None:
    return baseline.tasks[title].evidence if title in baseline.tasks else None


def _block(baseline: Baseline, change: Change, entry: Entry) -> dict[str, Any]:
    assert change.given is not None
    earlier = baseline.tasks[change.title].log if change.title in baseline.tasks else ()
    return block_of(change.given, [*earlier, _event(change, change.given, entry)])


def _event(change: Change, given: Evidence, entry: Entry) -> Event:
    return Event(
        at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        by=entry.by,
        did=entry.did,
        reason=entry.reason.strip(),
        model=given.model,
        run_id=given.run_id,
        n=given.n,
        n_errors=int(np.count_nonzero(given.failed)),
        scores={name: _move(change, name) for name in change.main_outputs},
        common=change.common,
        differences=list(change.differences),
    )


def _move(change: Change, output: str) -> Move:
    before, after = change.values(output)
    row = change.row(output)
    if row is None:
        return Move(before=_short(before), after=_short(after))
    found = {name: _short(getattr(row, name)) for name in ("change", "low", "high", "p_worse")}
    return Move(before=_short(before), after=_short(after), **found)


def _short(value: float | None) -> float | None:
    """A number as a log shows it: six digits."""
    return None if value is None else float(f"{value:.6g}")


def _require_reason(entry: Entry) -> None:
    if entry.did == "accept" and not entry.reason.strip():
        raise UsageError("--reason is empty: say why this release becomes the baseline.")
    if len(entry.reason) > LONGEST_REASON:
        raise UsageError(
            f"--reason has {len(entry.reason)} letters, and at most {LONGEST_REASON} are kept: give a shorter one."
        )


def _require_whole(given: Evidence, entry: Entry) -> None:
    """UsageError for a run that is no yardstick: without samples, with one twice, or with too many errors."""
    if not given.title:
        raise UsageError(f"{given.source} has no name of a task: run it again.")
    if not given.n:
        raise UsageError(f"{given.source} has no sample of {given.title}: nothing could be compared with it.")
    if len(np.unique(given.ids)) < given.n:
        raise UsageError(f"{given.source} has a sample of {given.title} twice: ids must be unique.")
    given.statistics_for(given.primary)
    errors = int(np.count_nonzero(given.failed))
    if errors > entry.max_error_rate * given.n:
        raise UsageError(
            f"{given.source} has {errors} errors in {given.n} samples of {given.title}, more than --max-error-rate "
            f"{entry.max_error_rate:g} allows: run it again to mend them, or raise it."
        )


def _require_place(given: Evidence, baseline: Baseline, entry: Entry) -> None:
    """UsageError where a task would be accepted that is not there, or be replaced by less."""
    held = _held(baseline, given.title)
    if held is None:
        if entry.did == "accept":
            known = ", ".join(baseline.tasks)
            raise UsageError(
                f"The baseline {baseline.path} has no task {given.title} to replace, only {known}: add it with "
                "`velm-bench baseline set`."
            )
        return
    lost = [name for name in held.outputs if name not in given.outputs]
    fewer = f"{given.n} samples in the place of {held.n}" if given.n < held.n else ""
    without = f"no score {', '.join(lost[:3])}{f' and {len(lost) - 3} more' if lost[3:] else ''}" if lost else ""
    if (fewer or without) and not entry.fewer:
        raise UsageError(
            f"{given.source} has {' and '.join(filter(None, [fewer, without]))} for {given.title} of {baseline.path}: "
            "give a complete run, or --fewer to let the baseline shrink."
        )

"""The answering of a plan: what is known is kept, the rest is asked, every batch is written down before the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakSet

from velm_bench.digests import digest_file
from velm_bench.engine.asking import Asker
from velm_bench.engine.batching import Batch, lay_grid, unanswered
from velm_bench.engine.journal import Journal, Line, starting_size
from velm_bench.engine.judging import judge
from velm_bench.engine.measuring import forget_peak, pieces, process_peak
from velm_bench.engine.opening import Opened
from velm_bench.engine.outcomes import Outcome, reason
from velm_bench.engine.plan import Row
from velm_bench.engine.prefetch import prepared_batches
from velm_bench.engine.progress import Progress
from velm_bench.engine.settings import RunSettings
from velm_bench.engine.table import stored_outcomes
from velm_bench.engine.watching import Watch
from velm_bench.errors import RunError, UsageError
from velm_bench.models.base import Model, View
from velm_bench.results.store import RESULT, SAMPLES, read_result, read_table

_loaded: WeakSet[Model] = WeakSet()
"""Models are told to load once, however many tasks they are run on."""


@dataclass(frozen=True)
class Answered:
    """All outcomes by sample id, and what it took."""

    outcomes: Mapping[str, Outcome]
    asked: int
    reused: int
    seconds: float
    """Time spent in the model, here and in the sessions whose journal was found."""
    batch_size: int
    smallest_batch: int
    anew: bool
    """Whether an earlier result has no part in them."""
    pieces: Sequence[tuple[int, float]]
    """Samples and seconds of consecutive batches, those of the journal that was found first."""
    process_memory: int | None = None
    """The most memory that the process held while it asked, in bytes."""
    device_memory: int | None = None
    """The same of the device, where the model knows it."""


def answer_plan(
    opened: Opened,
    plan: Sequence[Row],
    model: Model,
    settings: RunSettings,
    journal: Journal,
    progress: Progress,
    watch: Watch | None = None,
) -> Answered:
    """Ask what is not known yet; every row that has a request has an outcome afterwards.

    A fresh run knows nothing; what an earlier one left is forgotten as soon as the model stands ready, not before.
    StoppedError where who watches has seen enough.
    """
    known = {} if settings.fresh else known_outcomes(plan, journal, progress)
    size = settings.batch_size or model.batch_size
    batches = lay_grid(plan, model.cost, size)
    todo = unanswered(batches, known)
    show = _shower(watch, batches, known, opened) if watch and todo else None
    if todo:
        _get_ready(model, opened, settings.seed)
        model.peak_memory()
        forget_peak()
    if settings.fresh:
        journal.begin_anew()
    asker = Asker(model, starting_size(journal.lines, size))
    lines = list(journal.lines)
    fresh: dict[str, Outcome] = {}
    left = sum(map(len, todo))
    progress.start(sum(map(len, batches)), len(known))
    try:
        for line in _ask(asker, todo, settings.workers, size):
            journal.append(line)
            lines.append(line)
            fresh |= {outcome.id: outcome for outcome in line.outcomes}
            left -= len(line.outcomes)
            progress.advance(len(line.outcomes))
            if show and left:
                show(line)
    finally:
        progress.finish()
    return Answered(
        outcomes={**known, **fresh},
        asked=len(fresh),
        reused=len(known),
        seconds=sum(line.seconds for line in lines),
        batch_size=size,
        smallest_batch=asker.size,
        anew=journal.anew,
        pieces=pieces(lines),
        process_memory=process_peak() if todo else None,
        device_memory=model.peak_memory() if todo else None,
    )


def _shower(
    watch: Watch, batches: Sequence[Batch], known: Mapping[str, Outcome], opened: Opened
) -> Callable[[Line], None]:
    """What shows a line to who watches; what is known already is shown at once, batch by batch."""
    for batch in batches:
        there = [row for row in batch if row.id in known]
        if there:
            watch.see(judge(there, known, opened.kind))
    rows = {row.id: row for batch in batches for row in batch}

    def show(line: Line) -> None:
        outcomes = {outcome.id: outcome for outcome in line.outcomes}
        watch.see(judge([rows[name] for name in outcomes], outcomes, opened.kind))

    return show


def known_outcomes(plan: Sequence[Row], journal: Journal, progress: Progress) -> dict[str, Outcome]:
    """The answers that are there already, from an earlier result and from the journal, and still hold."""
    earlier = [] if journal.anew else _earlier_outcomes(journal, progress)
    noted = [outcome for line in journal.lines for outcome in line.outcomes if not outcome.error]
    stored = {(outcome.id, outcome.key): outcome for outcome in [*earlier, *noted]}
    return {row.id: stored[row.id, row.key] for row in plan if row.request and (row.id, row.key) in stored}


def _earlier_outcomes(journal: Journal, progress: Progress) -> list[Outcome]:
    """What an earlier result holds.

    Samples that are not those its result describes were written by a run that was stopped before it could write its
    result, which shows in the journal that it left; or else by somebody by hand, and then they are no answers.
    """
    path = journal.path.parent / SAMPLES
    if not path.exists():
        return []
    if not _is_described(path):
        if not journal.found:
            progress.note(f"The samples file {path} is not the one that {RESULT} describes: all is asked again.")
            return []
        progress.note(f"The samples file {path} is newer than {RESULT}, as a stopped run leaves it: it is used.")
    try:
        return stored_outcomes(read_table(path))
    except (UsageError, KeyError, ValueError):
        progress.note(f"The samples file {path} is damaged: what only it holds is asked again.")
        return []


def _is_described(path: Path) -> bool:
    """Whether samples are those of the result beside them; true as well where there is no result to ask."""
    try:
        return read_result(path.parent).samples_digest == digest_file(path)
    except (UsageError, OSError):
        return True


def _get_ready(model: Model, opened: Opened, seed: int) -> None:
    if model not in _loaded:
        try:
            model.load()
        except SystemExit as error:
            raise RunError(f"The model '{model.identity.name}' ended instead of loading: {reason(error)}.") from error
        _loaded.add(model)
    kind = opened.kind
    truths = {sample.id: None if kind.problem(sample) else kind.truth(sample) for sample in opened.everything}
    model.start(View(truths, seed))


def _ask(asker: Asker, todo: Sequence[Batch], workers: int, size: int) -> Iterator[Line]:
    """A journal line per batch, as they are answered."""
    window = max(2 * size, 4 * workers)
    for batch in prepared_batches(asker.model.prepare, todo, workers, window):
        started = time.perf_counter()
        outcomes = asker.answer(batch)
        yield Line(tuple(outcomes), time.perf_counter() - started, size, asker.size)

"""The answering of a plan: what is known is kept, the rest is asked, every batch is written down before the next."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakSet

from velm_bench.digests import digest_file
from velm_bench.engine.asking import Asker
from velm_bench.engine.batching import Batch, lay_grid, unanswered
from velm_bench.engine.journal import Journal, Line, starting_size
from velm_bench.engine.opening import Opened
from velm_bench.engine.outcomes import Outcome, reason
from velm_bench.engine.plan import Row
from velm_bench.engine.prefetch import prepared_batches
from velm_bench.engine.progress import Progress
from velm_bench.engine.settings import RunSettings
from velm_bench.engine.table import stored_outcomes
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


def answer_plan(
    opened: Opened, plan: Sequence[Row], model: Model, settings: RunSettings, journal: Journal, progress: Progress
) -> Answered:
    """Ask what is not known yet; every row that has a request has an outcome afterwards.

    A fresh run knows nothing; what an earlier one left is forgotten as soon as the model stands ready, not before.
    """
    known = {} if settings.fresh else known_outcomes(plan, journal, progress)
    size = settings.batch_size or model.batch_size
    batches = lay_grid(plan, model.cost, size)
    todo = unanswered(batches, known)
    if todo:
        _get_ready(model, opened, settings.seed)
    if settings.fresh:
        journal.begin_anew()
    asker = Asker(model, starting_size(journal.lines, size))
    fresh: dict[str, Outcome] = {}
    seconds = sum(line.seconds for line in journal.lines)
    progress.start(sum(map(len, batches)), len(known))
    try:
        for line in _ask(asker, todo, settings.workers, size):
            journal.append(line)
            fresh |= {outcome.id: outcome for outcome in line.outcomes}
            seconds += line.seconds
            progress.advance(len(line.outcomes))
    finally:
        progress.finish()
    return Answered({**known, **fresh}, len(fresh), len(known), seconds, size, asker.size, journal.anew)


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

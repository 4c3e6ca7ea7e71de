"""One model on one task: open, plan, answer, score, write. The same call again goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from velm_bench.engine.answering import answer_plan
from velm_bench.engine.finishing import Clock, draft_result, model_info, require_storable, run_id, write
from velm_bench.engine.heeding import require_conversation, require_heeded
from velm_bench.engine.journal import Journal
from velm_bench.engine.judging import judge
from velm_bench.engine.noting import encode_note
from velm_bench.engine.opening import begin_treatment, open_task
from velm_bench.engine.plan import make_plan
from velm_bench.engine.progress import Progress, silent
from velm_bench.engine.scoring import build_metrics, score
from velm_bench.engine.settings import RunSettings
from velm_bench.engine.shots import no_shots, open_shots
from velm_bench.engine.table import build_table
from velm_bench.engine.watching import Watch, Watched
from velm_bench.models.base import Model
from velm_bench.results.atomic import remove_leftovers, require_writable
from velm_bench.results.schema import Result
from velm_bench.results.store import run_folder
from velm_bench.tasks.registry import Definition

__all__ = ["Progress", "Run", "evaluate", "silent", "too_many_errors"]


@dataclass(frozen=True)
class Run:
    """A finished run: its files and what they say."""

    folder: Path
    result: Result
    broken: Mapping[str, str] = field(default_factory=dict)
    """Metrics that failed where they should have worked, and how; the result has them among `skipped`."""


def evaluate(
    definition: Definition,
    model: Model,
    settings: RunSettings,
    progress: Progress = silent,
    watch: Watch | None = None,
) -> Run:
    """Run a model on a task, or finish a run that was interrupted, and write it.

    Failed samples are rows with their errors and count as wrong; whether they are too many is for the caller to judge
    (`too_many_errors`), and so are metrics that failed (`Run.broken`). UsageError where task, data, model or output
    folder make no sense, before anything is asked. Who watches may stop it with a StoppedError.
    """
    require_writable(settings.output)
    require_storable(model)
    clock = Clock()
    with clock.phase("open"):
        opened = open_task(definition, settings)
        metrics = build_metrics(opened.kind)
        require_conversation(opened.task, model)
        treat = begin_treatment(opened, model, settings)
        pool = open_shots(definition, opened, model, settings)
        examples = pool.told if pool else None
        who = model_info(model)
        identity = run_id(opened, who, settings, examples)
        folder = run_folder(settings.output, who.name, opened.task.name, identity)
    with Journal(folder, progress.note) as journal:
        remove_leftovers(folder)
        with clock.phase("plan"):
            plan = make_plan(opened, model, treat, settings.workers, pool.draw if pool else no_shots)
            require_heeded(plan, model, settings.generation)
        if watch:
            watch.begin(Watched(opened, metrics, plan, settings))
        journal.describe(encode_note(definition, opened, settings))
        with clock.phase("answer"):
            answered = answer_plan(opened, plan, model, settings, journal, progress, watch)
        with clock.phase("score"):
            rows = judge(plan, answered.outcomes, opened.kind)
            found = score(opened, metrics, rows, settings.replicates, settings.seed)
        draft = draft_result(opened, plan, who, settings, metrics.primary, found, rows, examples)
        journal.keep()
        result = write(folder, draft, build_table(rows, found.measured), answered, clock, str(model.device))
        journal.discard()
    return Run(folder, result, found.broken)


def too_many_errors(result: Result, max_error_rate: float) -> bool:
    """Whether more than the given share of the samples failed."""
    return result.n > 0 and result.n_errors / result.n > max_error_rate

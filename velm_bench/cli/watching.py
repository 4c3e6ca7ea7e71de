"""`run --fail-fast`: a baseline that watches the runs."""

from __future__ import annotations

from collections.abc import Sequence

from velm_bench.cli.output import note
from velm_bench.engine.settings import RunSettings
from velm_bench.engine.watching import Watch
from velm_bench.errors import UsageError
from velm_bench.results.schema import titled
from velm_bench.tasks.registry import Definition


def watcher(word: str, margin: float | None, definitions: Sequence[Definition], settings: RunSettings) -> Watch | None:
    """Who watches the runs for --fail-fast: nobody without a baseline.

    UsageError where the word means none, or one that lacks a task; a margin alone would do nothing.
    """
    if not word:
        if margin is not None:
            raise UsageError("--fail-fast-margin does nothing without --fail-fast: add it, or leave this out.")
        return None
    from velm_bench.gate.failfast import FailFast
    from velm_bench.gate.opening import open_side

    watch = FailFast(open_side([word], settings.output, note), margin or 0.0, tasks=len(definitions))
    for one in definitions:
        watch.require(titled(one.task.name, settings.control, settings.shots), one.task.digest())
    return watch

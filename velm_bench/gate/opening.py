"""What stands behind a word on the command line: run folders, baselines, and the results of other harnesses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from velm_bench.errors import UsageError
from velm_bench.gate.evidence import Evidence, evidence_of
from velm_bench.results.pairing import read_run


def open_side(words: Sequence[str], root: Path, note: Callable[[str], None]) -> list[Evidence]:
    """The evidence behind the words of one side, one per task, in the order of their titles.

    A word is a run's folder, a folder that holds runs, a run's id or the beginning of one under `root`, a model's name
    under `root`, a baseline file, a result file (or folder) of lm-eval, lmms-eval or Inspect, or a table (CSV, JSONL)
    of `id, score[, group]`. Where a folder or a model stands for several runs, those under a control or a perturbation
    are left out, which goes to `note`. UsageError in one sentence where a word is none of these, is damaged, or where
    two runs of one task are left.
    """
    found = [evidence_of(read_run(Path(word))) for word in words]
    if not found:
        raise UsageError("Nothing is named to compare: give a run's folder or a baseline file.")
    return sorted(found, key=lambda one: one.title)

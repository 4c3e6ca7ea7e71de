"""Baselines as files: what a release is compared with, small enough for git, and a log of who accepted what and why."""

from __future__ import annotations

from velm_bench.gate.baselines.changes import Change, changes
from velm_bench.gate.baselines.files import Baseline, Kept, is_baseline, load_baseline, open_or_begin, read_baseline
from velm_bench.gate.baselines.schema import BASELINE_VERSION, Event
from velm_bench.gate.baselines.updating import Entry, comparable, update

__all__ = [
    "BASELINE_VERSION",
    "Baseline",
    "Change",
    "Entry",
    "Event",
    "Kept",
    "changes",
    "comparable",
    "is_baseline",
    "load_baseline",
    "open_or_begin",
    "read_baseline",
    "update",
]

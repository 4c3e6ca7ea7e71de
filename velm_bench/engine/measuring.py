"""What answering costs: the memory at its peak, and the speed piece by piece."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from velm_bench.engine.journal import Line

MOST_PIECES = 100
"""How many pieces of a run's speed a result keeps."""
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def forget_peak() -> None:
    """Let the process's peak of memory begin anew, where the system can (Linux)."""
    with suppress(OSError):
        _CLEAR.write_text("5")


def process_peak() -> int | None:
    """The most memory that this process has held, in bytes, since `forget_peak`, or since it began where the system
    cannot forget; None where the system does not say."""
    with suppress(OSError, ValueError, StopIteration):
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def pieces(lines: Sequence[Line]) -> list[tuple[int, float]]:
    """Samples and seconds (six digits) of up to `MOST_PIECES` runs of consecutive batches, as even in batches as can
    be."""
    count = min(len(lines), MOST_PIECES)
    edges = [len(lines) * place // count for place in range(count + 1)] if count else [0]
    parts = [lines[start:end] for start, end in pairwise(edges)]
    return [
        (sum(len(line.outcomes) for line in part), float(f"{sum(line.seconds for line in part):.6g}")) for part in parts
    ]

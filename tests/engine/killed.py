"""A run that kills itself: `python -m tests.engine.killed TASK OUTPUT LOG EVENT` dies by SIGKILL at the given event.

Events are the moments where a kill might hurt: before and after each ask, before, in the middle of and after each line
of the journal, and before and after its note and each final file. 0 is never. Prints the number of events if it lives.
With TOY_FRESH in the environment the run is a fresh one.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tests.engine.toys import Toy, settings
from velm_bench.engine import journal
from velm_bench.engine.runner import evaluate
from velm_bench.results import store
from velm_bench.tasks.definition import load_task
from velm_bench.tasks.registry import Definition

count = 0
last = 0


def event() -> None:
    """One more moment has come."""
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)


def tear(handle: int, data: bytes) -> None:
    """A line of the journal, with moments before, within and after it."""
    event()
    if count + 1 == last:
        os.write(handle, data[: len(data) // 2])
    event()
    os.write(handle, data)
    event()


def around(function: Any) -> Any:
    """A function with moments before and after it."""

    def called(*arguments: Any) -> Any:
        event()
        result = function(*arguments)
        event()
        return result

    return called


class Mortal(Toy):
    """The toy model with a moment before and after each ask."""

    def _take(self, prepared: Any) -> None:
        event()
        super()._take(prepared)
        time.sleep(float(os.environ.get("TOY_DELAY", "0")))
        event()


def main() -> None:
    """Run, and live or not."""
    global last
    task, output, log, last = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    journal._write_all = tear
    store.write_bytes = around(store.write_bytes)
    journal.write_bytes = around(journal.write_bytes)
    journal.Journal.discard = around(journal.Journal.discard)  # type: ignore[method-assign]
    evaluate(Definition(load_task(task), task), Mortal(log), settings(output, fresh="TOY_FRESH" in os.environ))
    print(count)


if __name__ == "__main__":
    main()

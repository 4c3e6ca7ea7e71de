"""A run that kills itself: `python -m tests.engine.killed TASK OUTPUT LOG EVENT` dies by SIGKILL at the given event.

Events are the moments where a kill might hurt: before and after each ask, before, in the middle of and after each line
of the journal, and before and after its note and each final file. 0 is never. Prints the number of events if it lives.
`python -m tests.engine.killed serve` does the same for each line of its input, a JSON list of TASK, OUTPUT, LOG, EVENT
and "fresh" or "": in a child that it forks, since imports cost far more than such a run. It prints a line a child: the
exit code and what it printed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
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


def main(words: list[str], fresh: bool) -> None:
    """Run, and live or not."""
    global last
    task, output, log, last = Path(words[0]), Path(words[1]), Path(words[2]), int(words[3])
    journal._write_all = tear
    store.write_bytes = around(store.write_bytes)
    journal.write_bytes = around(journal.write_bytes)
    journal.Journal.discard = around(journal.Journal.discard)  # type: ignore[method-assign]
    evaluate(Definition(load_task(task), task), Mortal(log), settings(output, fresh=fresh))


def serve() -> None:
    """A child for each line of the input."""
    for line in sys.stdin:
        *words, fresh = json.loads(line)
        ours, theirs = os.pipe()
        child = os.fork()
        if not child:
            try:
                main(words, fresh=bool(fresh))
                os.write(theirs, str(count).encode())
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        os.close(theirs)
        with os.fdopen(ours) as pipe:
            said = pipe.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps([code, said]), flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        main(sys.argv[1:], fresh=False)
        print(count)

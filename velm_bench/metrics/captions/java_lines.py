"""A Java tool that prints a line for each line it reads, in one process that lives until the command ends.

Such a tool may hold its output back until a buffer is full. So each question is followed by filler lines, which push
the answers out, and the answers to the filler are skipped when the next question is asked.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from velm_bench.errors import RunError
from velm_bench.metrics.captions.java import ended, launch

FILLER = b"x" * 1023 + b"\n"
FILLERS = 32
"""With 1 KiB each: Java keeps 8 KiB of input and as much of output back."""
PATIENCE = 60.0
"""Seconds without an answer after which a process is given up; longer texts get more, see `patience`."""
FAST_START = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class LineTool:
    """The tool and its process: started when first asked, replaced if it died, ended with the command.

    Threads take turns; a forked child starts a process of its own.
    """

    def __init__(self, tool: str, arguments: Callable[[], Sequence[str]]) -> None:
        self.tool, self.arguments = tool, arguments
        self._process: LineProcess | None = None
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def ask(self, lines: Sequence[str]) -> list[str]:
        """A line for each line. Raises MetricUnavailableError if Java does not start, RunError if it fails later."""
        with self._lock:
            try:
                return self._answers(lines)
            except BaseException:  # also KeyboardInterrupt: what is still to come would be taken for later answers
                self._end()
                raise

    def close(self) -> None:
        """End the process; the next question starts another."""
        with self._lock:
            self._end()

    def _answers(self, lines: Sequence[str]) -> list[str]:
        if self._process is not None:
            with suppress(EndedError):  # one that has served may have been killed since: the next one shall answer
                return self._process.ask(lines)
            self._end()
        self._process = LineProcess(self.tool, self.arguments())
        try:
            return self._process.ask(lines)
        except EndedError as found:
            raise found.reason from None

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def _forget(self) -> None:
        """In a forked child: the process is the parent's, and another thread may have held the lock."""
        self._lock = threading.Lock()
        process, self._process = self._process, None
        if process is not None:
            process.disown()


class EndedError(Exception):
    """A process ended instead of answering; `reason` says it to the user."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


class LineProcess:
    """One process. Threads of its own write and read, so that no full pipe can stop it."""

    def __init__(self, tool: str, arguments: Sequence[str]) -> None:
        self.tool = tool
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        try:
            self._process = launch([*FAST_START, *arguments], tool, self._errors)
        except BaseException:
            self._errors.close()
            raise
        self._texts: SimpleQueue[bytes | None] = SimpleQueue()
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._owed = 0
        self._answered = False
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._write, self._read)]
        for thread in self._threads:
            thread.start()
        atexit.register(self.end)

    def ask(self, lines: Sequence[str]) -> list[str]:
        """A line for each line; EndedError if the process ends first, RunError if it stays silent or loses lines."""
        text = b"".join(line.encode("utf-8", errors="replace") + b"\n" for line in lines)
        self._texts.put(text + FILLER * FILLERS)
        seconds = patience(text)
        skipped = [self._next(seconds) for _ in range(self._owed)]
        answers = [self._next(seconds).decode("utf-8", errors="replace").rstrip("\r") for _ in lines]
        self._owed = FILLERS
        if any(line.strip() != FILLER.strip() for line in skipped):
            raise RunError(f"{self.tool} did not return a line for a line: its answers would be mixed up.")
        return answers

    def end(self) -> None:
        """Kill the process, which has nothing to lose, and release what it held."""
        self._process.kill()
        self._process.wait()
        self._texts.put(None)
        for thread in self._threads:
            thread.join(5)  # a `java` that is a script may leave a child, which holds the pipes
        self._release()

    def disown(self) -> None:
        """Release a process of the parent without touching it."""
        self._process.returncode = 0
        self._release()

    def _release(self) -> None:
        atexit.unregister(self.end)
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            with suppress(OSError):
                if stream is not None:
                    stream.close()

    def _next(self, seconds: float) -> bytes:
        try:
            line = self._lines.get(timeout=seconds)
        except Empty:
            raise RunError(
                f"{self.tool} has not answered for {seconds:.0f} seconds: is the machine overloaded?"
            ) from None
        if line is None:
            raise EndedError(self._reason())
        self._answered = True
        return line

    def _reason(self) -> Exception:
        """Why the process ended, once its last line has been read."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._errors.seek(0)
        return ended(self.tool, self._process.poll(), self._errors.read(), started=self._answered)

    def _write(self) -> None:
        stream = self._process.stdin
        with suppress(OSError, ValueError):  # a process that has ended is noticed by the reader
            while stream is not None and (text := self._texts.get()) is not None:
                view = memoryview(text)
                while view:
                    view = view[stream.write(view) or 0 :]

    def _read(self) -> None:
        rest, stream = b"", self._process.stdout
        with suppress(OSError, ValueError):
            while stream is not None and (block := stream.read(1 << 16)):
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    self._lines.put(line)
        self._lines.put(None)


def patience(text: bytes) -> float:
    """Seconds to wait for the next answer about a text: the tokeniser's time can grow with the square of a line."""
    return PATIENCE + len(text) / 100

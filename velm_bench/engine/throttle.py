"""How many threads prepare at once.

Threads that decode files run side by side; threads that compute in small numpy steps only fight for the interpreter and
slow the model's own thread down. Which it is shows when one tries: start with one thread, add more only while the model
is kept waiting and it helps.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

WORTHWHILE = 1.25
"""By how much twice the threads must be faster to be kept."""
PIECES = 3
"""How many pieces are timed before a level is judged."""


class Throttle:
    """Lets `level` threads work at a time; the level doubles, up to `most`, as long as that pays."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.level = 1
        self.settled = most == 1
        self._running = 0
        self._line: deque[object] = deque()
        self._changed = threading.Condition()
        self._slower: tuple[int, float] | None = None
        self._forget()

    def work(self, function: Callable[[A], B], items: Sequence[A]) -> list[B]:
        """The function of each item, when it is this thread's turn."""
        with self._changed:
            place = object()
            self._line.append(place)
            # first come, first served: a thread that comes back with the next piece must not overtake those who wait
            self._changed.wait_for(lambda: self._running < self.level and self._line[0] is place)
            self._line.popleft()
            self._running += 1
            self._changed.notify_all()
            level, started = self.level, time.perf_counter()
        try:
            return [function(item) for item in items]
        finally:
            with self._changed:
                self._running -= 1
                if level == self.level:
                    self._note(len(items), time.perf_counter() - started)
                self._changed.notify_all()

    def starved(self) -> None:
        """The model had to wait: judge the level, then try a higher one or go back to the last that paid."""
        with self._changed:
            if self.settled or self._pieces < PIECES:
                return
            speed = self.level * self._items / max(self._seconds, 1e-9)
            if self._slower and speed < WORTHWHILE * self._slower[1]:
                self.level, self.settled = self._slower[0], True
            else:
                self._slower = (self.level, speed)
                self.level = min(2 * self.level, self.most)
                self.settled = self.level == self._slower[0]
            self._forget()
            self._changed.notify_all()

    def _note(self, items: int, seconds: float) -> None:
        self._pieces += 1
        self._items += items
        self._seconds += seconds

    def _forget(self) -> None:
        self._pieces, self._items, self._seconds = 0, 0, 0.0

"""When a server is given up, so that a dead one costs a minute and not a night."""

from __future__ import annotations

from velm_bench.models.remote.troubles import Sort, Trouble

FEWEST = 5
"""So many requests must fail in a row at least: a few may have themselves to blame."""
DENIALS = 3
"""A server that never answered and denies so many requests in a row will deny all."""
CROWDED_PATIENCE = 10
"""A server that says it is too busy is alive: it is given so many times the patience."""


class Health:
    """Watches how requests end. Times are seconds of any steady clock."""

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self.given_up = ""
        """What went wrong last, once the server is given up; empty before."""
        self._answered = False
        self._begin()

    def _begin(self) -> None:
        self._since: float | None = None
        self._failed: set[int] = set()
        self._denials = 0
        self._crowded = False

    def success(self) -> None:
        """A request was answered."""
        self._answered = True
        self._begin()

    def failure(self, trouble: Trouble, number: int, now: float) -> None:
        """The request of that number failed; failures in a row, over the whole patience, end in `given_up`."""
        if trouble.sort is Sort.REFUSED:  # an answer too: the server is there
            self._begin()
            return
        self._since = now if self._since is None else self._since
        self._failed.add(number)
        self._denials += trouble.sort is Sort.DENIED
        self._crowded |= trouble.sort is Sort.CROWDED
        patience = self.patience * (CROWDED_PATIENCE if self._crowded else 1)
        silent = len(self._failed) >= FEWEST and now - self._since >= patience
        if silent or (self._denials >= DENIALS and not self._answered):
            self.given_up = self.given_up or trouble.said

"""Whether and when a request is sent again: pure functions of what happened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from velm_bench.models.remote.troubles import Trouble

SECONDS = re.compile(r"\d{1,9}(\.\d{0,9})?")


@dataclass(frozen=True)
class Policy:
    """How patient one request is."""

    retries: int
    """How often it is sent again."""
    backoff: float
    """Seconds that the first retry waits at most; the next twice as long, and so on."""
    longest: float
    """Seconds that any retry waits at most."""

    def wait(self, trouble: Trouble, sent: int, draw: float) -> float | None:
        """Seconds until a request that was sent `sent` times is sent again, None where it is given up.

        `draw` is a random number from [0, 1): full jitter, as in Brooker, "Exponential Backoff And Jitter" (2015), so
        that requests that failed together do not come back together. Where the server names a time, that is waited,
        and the jitter comes on top.
        """
        if not trouble.sort.passes or sent > self.retries:
            return None
        if trouble.after is not None:
            return min(self.longest, trouble.after + draw * self.backoff)
        return draw * min(self.longest, self.backoff * 2.0 ** (sent - 1))


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that the header Retry-After asks to wait, given as seconds or as a date; None where it asks nothing.

    A date is read by the server's own clock where the header Date tells it, else by `now` (with its time zone). Names
    of headers in lower case.
    """
    asked = headers.get("retry-after", "").strip()
    if SECONDS.fullmatch(asked):
        return float(asked)
    until = _date(asked)
    if until is None:
        return None
    return max(0.0, (until - (_date(headers.get("date", "")) or now)).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return None

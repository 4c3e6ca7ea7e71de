"""What can go wrong with a request, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Sort(Enum):
    """Sorts of trouble that are treated alike."""

    UNREACHABLE = "unreachable"
    """No connection could be made."""
    BROKEN = "broken"
    """The connection broke off, or the server failed: 408, 409, 5xx."""
    TIMED_OUT = "timed out"
    """There was no whole answer in time."""
    CROWDED = "crowded"
    """The server asks for fewer requests: 429, or 503 with a time to wait."""
    GARBLED = "garbled"
    """What came is no completion: no JSON, no choice in it."""
    DENIED = "denied"
    """The key or the model is not known there: 401, 403, 404."""
    REFUSED = "refused"
    """The server does not answer this request: other 4xx, redirects, a content filter, a refusal."""

    @property
    def passes(self) -> bool:
        """Whether the same request may succeed later."""
        return self not in (Sort.DENIED, Sort.REFUSED)

    @property
    def crowds(self) -> bool:
        """Whether fewer requests at a time may help."""
        return self in (Sort.CROWDED, Sort.TIMED_OUT)


@dataclass(frozen=True)
class Trouble:
    """One failed request."""

    sort: Sort
    said: str
    """What happened, as a part of a sentence: "it answered 500 (out of paper)"."""
    after: float | None = None
    """Seconds the server asks to wait before the next request (Retry-After); None where it says nothing."""

"""Whether and when a request is sent again, as tables."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from velm_bench.models.remote.retrying import Policy, retry_after
from velm_bench.models.remote.troubles import Sort, Trouble

POLICY = Policy(retries=3, backoff=0.5, longest=60.0)
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
LATER = "Sun, 01 Mar 2026 12:00:30 GMT"


@pytest.mark.parametrize(
    ("sort", "sent", "after", "draw", "seconds"),
    [
        (Sort.BROKEN, 1, None, 0.5, 0.25),  # full jitter: up to 0.5, then 1, then 2
        (Sort.BROKEN, 2, None, 0.5, 0.5),
        (Sort.BROKEN, 3, None, 0.5, 1.0),
        (Sort.BROKEN, 3, None, 0.0, 0.0),
        (Sort.BROKEN, 4, None, 0.5, None),  # the first and three retries
        (Sort.UNREACHABLE, 1, None, 0.9, 0.45),
        (Sort.TIMED_OUT, 1, None, 0.9, 0.45),
        (Sort.GARBLED, 1, None, 0.9, 0.45),
        (Sort.CROWDED, 1, None, 0.9, 0.45),
        (Sort.CROWDED, 1, 7.0, 0.0, 7.0),  # never before the server's time, a little after it
        (Sort.CROWDED, 1, 7.0, 0.5, 7.25),
        (Sort.BROKEN, 1, 7.0, 0.5, 7.25),
        (Sort.CROWDED, 1, 3600.0, 0.5, 60.0),  # capped
        (Sort.CROWDED, 4, 7.0, 0.5, None),
        (Sort.DENIED, 1, None, 0.5, None),
        (Sort.REFUSED, 1, 7.0, 0.5, None),
    ],
)
def test_wait(sort: Sort, sent: int, after: float | None, draw: float, seconds: float | None) -> None:
    assert POLICY.wait(Trouble(sort, "said", after), sent, draw) == seconds


def test_waits_stop_growing_at_the_longest() -> None:
    policy = Policy(retries=100, backoff=0.5, longest=8.0)
    waits = [policy.wait(Trouble(Sort.BROKEN, ""), sent, 0.999) for sent in range(1, 101)]
    assert all(wait is not None and wait < 8.0 for wait in waits)
    assert waits[-1] == pytest.approx(8.0, rel=0.01)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0.25 "}, 0.25),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": LATER}, 30.0),
        ({"retry-after": LATER, "date": "Sun, 01 Mar 2026 12:00:10 GMT"}, 20.0),  # by the server's own clock
        ({"retry-after": LATER, "date": "nonsense"}, 30.0),
        ({"retry-after": "Sun, 01 Mar 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Sun, 01 Mar 2026 13:00:30 +0100"}, 30.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": ""}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds

"""When a server is given up."""

from __future__ import annotations

from velm_bench.models.remote.health import CROWDED_PATIENCE, Health
from velm_bench.models.remote.troubles import Sort, Trouble

DEAD = Trouble(Sort.UNREACHABLE, "no connection could be made")


def failing(health: Health, trouble: Trouble, times: list[float], first: int = 0) -> Health:
    """A failure of another request at each time."""
    for number, now in enumerate(times, start=first):
        health.failure(trouble, number, now)
    return health


def test_a_server_is_given_up_after_the_patience() -> None:
    assert not failing(Health(30), DEAD, [0, 1, 2, 3, 4, 29.9]).given_up
    assert failing(Health(30), DEAD, [0, 1, 2, 3, 4, 30]).given_up == "no connection could be made"


def test_many_failures_at_once_are_no_dead_server_yet() -> None:
    assert not failing(Health(30), DEAD, [0.0] * 500).given_up


def test_an_answer_or_a_refusal_shows_that_the_server_lives() -> None:
    health = failing(Health(30), DEAD, [0, 1, 2, 3, 4, 29])
    health.success()
    assert not failing(health, DEAD, [30, 31, 32, 33, 34, 35, 59]).given_up
    health.failure(Trouble(Sort.REFUSED, "it answered 400"), 99, 59)
    assert not failing(health, DEAD, [60, 61, 62, 63, 64]).given_up


def test_one_request_that_always_fails_does_not_make_the_server_dead() -> None:
    health = Health(30)
    for now in range(100):
        health.failure(Trouble(Sort.BROKEN, "it answered 500"), 7, float(now))
    assert not health.given_up


def test_a_busy_server_is_given_more_time() -> None:
    busy = Trouble(Sort.CROWDED, "it answered 429")
    times = [float(now) for now in range(0, 30 * CROWDED_PATIENCE, 10)]
    assert not failing(Health(30), busy, times).given_up
    assert failing(Health(30), busy, [*times, 30.0 * CROWDED_PATIENCE]).given_up


def test_a_key_that_is_denied_from_the_beginning_is_not_tried_500_times() -> None:
    denied = Trouble(Sort.DENIED, "it answered 401")
    assert not failing(Health(30), denied, [0, 0]).given_up
    assert failing(Health(30), denied, [0, 0, 0]).given_up == "it answered 401"
    proven = Health(30)
    proven.success()
    assert not failing(proven, denied, [0, 0, 0]).given_up

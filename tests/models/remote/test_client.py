"""How a request is pursued: a wire that says what the test wants, a clock that moves only when somebody sleeps."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence

import pytest

from tests.models.remote.serving import completion
from velm_bench.errors import SampleError
from velm_bench.models.remote.client import Client, Time
from velm_bench.models.remote.keys import Key
from velm_bench.models.remote.options import RemoteOptions
from velm_bench.models.remote.reading import Reply
from velm_bench.models.remote.troubles import Sort, Trouble
from velm_bench.samples import TextAnswer

YES = Reply(200, {}, json.dumps(completion("yes")).encode())
SECRET = "not-to-be-told"


def refused(status: int, **headers: str) -> Reply:
    said = {"error": {"message": f"the key {SECRET} is wrong"}}
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(said).encode())


class Wire:
    """Gives one reply after another; the last one for ever."""

    def __init__(self, *replies: Reply | Trouble, seconds: float = 0.0) -> None:
        self.replies = list(replies)
        self.seconds = seconds
        self.now = 0.0
        self.slept: list[float] = []
        self.posted: list[float] = []
        self.running = 0
        self.most = 0

    async def post(self, body: bytes) -> Reply | Trouble:
        self.posted.append(self.now)
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        self.now += self.seconds
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    async def close(self) -> None:
        """Nothing to let go of."""

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def ask(wire: Wire, requests: int = 1, draw: Callable[[], float] = lambda: 0.5, **options: object) -> Sequence[object]:
    """What comes of so many requests, each an answer or an error."""

    async def go() -> Sequence[object]:
        how = Time(clock=lambda: wire.now, sleep=wire.sleep, draw=draw)
        client = Client(wire, "http://host/v1", Key(SECRET), RemoteOptions.model_validate(options), how)
        return await asyncio.gather(*(client.start(b"{}") for _ in range(requests)), return_exceptions=True)

    return asyncio.run(go())


def test_what_may_pass_is_asked_again_with_growing_jitter_until_it_does() -> None:
    broken = [refused(500), refused(503), Trouble(Sort.BROKEN, "x"), Trouble(Sort.GARBLED, "x"), refused(408)]
    wire = Wire(*broken, YES)
    assert ask(wire) == [TextAnswer("yes", 3)]
    assert wire.slept == [0.25, 0.5, 1.0, 2.0, 4.0]


def test_retry_after_is_waited_in_seconds_and_as_a_date() -> None:
    date = {"date": "Sun, 01 Mar 2026 12:00:00 GMT", "retry_after": "Sun, 01 Mar 2026 12:00:40 GMT"}
    wire = Wire(refused(500, retry_after="7"), refused(500, **date), refused(500, retry_after="9999"), YES)
    assert ask(wire, draw=lambda: 0.0) == [TextAnswer("yes", 3)]
    assert wire.slept == [7.0, 40.0, 60.0]
    assert ask(Wire(refused(500, retry_after="9999"), YES), longest_wait=100) == [TextAnswer("yes", 3)]


def test_nobody_asks_a_busy_server_before_the_time_it_named() -> None:
    wire = Wire(refused(429, retry_after="7"), YES)
    assert ask(wire, requests=20, concurrency=1) == [TextAnswer("yes", 3)] * 20
    assert wire.posted[0] == 0.0
    assert min(wire.posted[1:]) >= 7.0


class Narrow(Wire):
    """Takes four requests at a time for a while, later any number; says 429 to more."""

    def __init__(self, until: int) -> None:
        super().__init__(YES, seconds=0.01)
        self.until = until
        self.refusals = 0
        self.most_later = 0

    async def post(self, body: bytes) -> Reply | Trouble:
        narrow = len(self.posted) < self.until
        crowded = narrow and self.running >= 4
        self.refusals += crowded
        self.most_later = self.most_later if narrow else max(self.most_later, self.running + 1)
        reply = await super().post(body)
        return refused(429) if crowded else reply


def test_a_busy_server_has_fewer_requests_at_a_time_and_all_it_can_take_once_it_copes() -> None:
    wire = Narrow(until=500)
    assert ask(wire, requests=1500, concurrency=32, retries=20) == [TextAnswer("yes", 3)] * 1500
    assert wire.most == 32  # it began with all
    assert 28 <= wire.refusals <= 150  # without any adapting, most of the first 500 would be refused
    assert wire.most_later == 32


def test_a_request_is_given_up_after_its_retries_and_says_why() -> None:
    wire = Wire(refused(500))
    (error,) = ask(wire, retries=2)
    assert isinstance(error, SampleError)
    assert str(error) == (
        "The server at http://host/v1 gave no answer after 3 requests: it answered 500 (the key *** is wrong)."
    )
    assert len(wire.posted) == 3


@pytest.mark.parametrize("status", [400, 404, 422, 307])
def test_what_will_not_pass_is_asked_once(status: int) -> None:
    wire = Wire(refused(status), YES)
    (error,) = ask(wire)
    assert isinstance(error, SampleError)
    assert "gave no answer to this request" in str(error)
    assert len(wire.posted) == 1


def test_the_budget_counts_retries_and_what_is_beyond_it_is_not_sent() -> None:
    wire = Wire(refused(500), YES)
    found = ask(wire, requests=10, max_requests=6, concurrency=1)
    assert len(wire.posted) == 6
    assert sum(isinstance(one, TextAnswer) for one in found) == 5
    errors = [str(one) for one in found if isinstance(one, SampleError)]
    spent = "The budget of 6 requests is spent: run the same command again for as many more, or raise "
    assert errors == [f"{spent}--model-arg max_requests."] * 5


def test_a_dead_server_ends_all_requests_soon_after_the_patience() -> None:
    wire = Wire(Trouble(Sort.UNREACHABLE, "no connection could be made"), seconds=0.001)
    found = ask(wire, requests=500, draw=lambda: 0.9, retries=100)
    assert len({str(one) for one in found}) == 1
    assert "is given up, as no connection could be made" in str(found[0])
    assert 30 <= wire.now < 60


def test_a_wrong_key_costs_a_few_requests_and_not_one_for_each_sample() -> None:
    wire = Wire(refused(401))
    found = ask(wire, requests=500, concurrency=2)
    assert all(isinstance(one, SampleError) for one in found)
    assert len(wire.posted) <= 4
    assert SECRET not in " ".join(map(str, found))


def test_a_key_in_an_answer_is_hidden() -> None:
    wire = Wire(Reply(200, {}, json.dumps(completion(f"your key is {SECRET}")).encode()))
    assert ask(wire) == [TextAnswer("your key is ***", 3)]


def test_a_key_that_the_quotation_cuts_is_hidden() -> None:
    said = json.dumps({"error": {"message": f"{'x' * 195}{SECRET} is wrong"}}).encode()
    (found,) = ask(Wire(Reply(400, {}, said)))
    assert SECRET[:5] not in str(found)


def test_a_new_task_meets_the_server_anew() -> None:
    wire = Wire(refused(401))

    async def go() -> object:
        client = Client(wire, "http://host/v1", Key(), RemoteOptions(), Time(lambda: wire.now, wire.sleep))
        await asyncio.gather(*(client.start(b"{}") for _ in range(9)), return_exceptions=True)
        wire.replies = [YES]
        with pytest.raises(SampleError, match="given up"):
            await client.start(b"{}")
        client.begin()
        return await client.start(b"{}")

    assert asyncio.run(go()) == TextAnswer("yes", 3)

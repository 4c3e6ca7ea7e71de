"""A model behind a server, as any other model."""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel

from velm_bench.digests import digest_json
from velm_bench.errors import UsageError
from velm_bench.models.base import Identity, Model, Setup, View
from velm_bench.models.remote.address import Address
from velm_bench.models.remote.background import Background
from velm_bench.models.remote.client import Client
from velm_bench.models.remote.dialects import DIALECTS
from velm_bench.models.remote.keys import Key
from velm_bench.models.remote.messages import completion, honoured
from velm_bench.models.remote.options import RemoteOptions
from velm_bench.models.remote.reading import THINK, UNTHINK
from velm_bench.samples import Ability, GenerateRequest, Request, TextAnswer

ENCODING = 1
"""Raised whenever the same request would be put to a server in other words."""


@dataclass(frozen=True)
class Sent:
    """A request that is under way."""

    future: Future[TextAnswer]
    stop: tuple[str, ...] = ()


class Remote(Model):
    """Writes text. Requests start as soon as they are prepared, so that they overlap however batches are cut.

    A batch that is asked again, in halves, is not sent again: its futures are settled and answer at once.
    """

    Options: ClassVar[type[BaseModel] | None] = RemoteOptions
    abilities = frozenset({Ability.GENERATE})
    converses = True
    device = "remote"

    def __init__(self, address: Address, options: RemoteOptions, key: Key, setup: Setup) -> None:
        self.address = address
        self.options = options
        self.setup = setup
        self.batch_size = max(16, options.concurrency)  # two batches are prepared ahead: three times the concurrency
        self.identity = _identity(address, options)
        self._key = key
        self._background: Background | None = None
        self._lock = threading.Lock()

    def load(self) -> None:
        """Nothing is asked yet: a server that is not there makes error rows, and the same command resumes."""
        _ = self._running

    def start(self, view: View) -> None:
        self._running.begin()

    def require(self, request: Request) -> None:
        if not isinstance(request, GenerateRequest):
            raise self._cannot(request.ability)
        self.require_honoured(request.generation, honoured(self.options))
        if request.chat_template and not DIALECTS[self.options.server].chat_template:
            raise UsageError(
                f"The model '{self.identity.name}' has the chat template of its server, and the task brings its own: "
                "leave the task's out, or say that the server takes one with --model-arg server=vllm."
            )

    def prepare(self, request: Request) -> Sent:
        self.require(request)
        assert isinstance(request, GenerateRequest)
        body = completion(self.address.model, request, self.options, self.setup.seed)
        return Sent(self._running.start(json.dumps(body).encode("ascii")), request.generation.stop)

    def generate(self, prepared: Sequence[Any]) -> list[TextAnswer]:
        return [_before(one.stop, one.future.result()) for one in prepared]

    @property
    def _running(self) -> Background:
        with self._lock:
            if self._background is None:
                self._background = Background(self._client)
                weakref.finalize(self, self._background.close)
            return self._background

    def _client(self) -> Client:
        from velm_bench.models.remote.transport import HttpTransport

        url, options = self.address.completions, self.options
        transport = HttpTransport(url, self._key, options.timeout)
        return Client(transport, self.address.url, self._key, options)


def _before(stops: Sequence[str], answer: TextAnswer) -> TextAnswer:
    """The answer up to the first stop text, which some servers leave standing."""
    text = answer.text
    reasoned = text.startswith(THINK) and UNTHINK in text
    start = text.index(UNTHINK) + len(UNTHINK) if reasoned else 0  # reasoning may hold any text
    cut = min((place for place in (text.find(stop, start) for stop in stops) if place >= 0), default=len(text))
    return TextAnswer(text[:cut], answer.tokens)


def _identity(address: Address, options: RemoteOptions) -> Identity:
    terms = options.terms()
    digest = digest_json(["remote", ENCODING, address.model, address.url, terms])
    # what extra_body holds may be anything, so only its names are told
    told = {name: sorted(value) if name == "extra_body" else value for name, value in terms.items()}
    weights = {"weights": "unknown: the server alone knows what stands behind the model's name"}
    return Identity(address.reference, digest, details={**weights, "server_url": address.url, **told})

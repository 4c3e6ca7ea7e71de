"""A model that converses, takes arguments and remembers what it was asked: `talker:anything`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from velm_bench.digests import digest_json
from velm_bench.models.base import Identity, Model, Setup
from velm_bench.samples import Ability, GenerateRequest, Request, TextAnswer

REQUESTS: dict[str, Request] = {}
"""What was asked last, by sample."""


class Manners(BaseModel):
    """How it talks."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    word: str = "yes"
    """What it says."""
    times: int = 1
    """How often it says it."""
    voice: Literal["low", "high"] = "low"


class Talker(Model):
    """Says its word, and all that it was told around the question when asked to be loud."""

    Options = Manners
    abilities = frozenset({Ability.GENERATE})
    converses = True

    def __init__(self, name: str, setup: Setup) -> None:
        self.manners = setup.parsed(Manners, f"talker:{name}")
        digest = digest_json(self.manners.model_dump())
        self.identity = Identity(f"talker:{name}", digest, details={"manners": self.manners.model_dump()})

    def require(self, request: Request) -> None:
        if isinstance(request, GenerateRequest):
            self.require_honoured(request.generation, ("max_new_tokens", "temperature", "top_p", "stop"))

    def prepare(self, request: Request) -> Any:
        REQUESTS[request.sample_id] = request
        return super().prepare(request)

    def generate(self, prepared: Sequence[Any]) -> Sequence[TextAnswer]:
        said = " ".join([self.manners.word] * self.manners.times)
        return [TextAnswer(said) for _ in prepared]


def open_talker(name: str, setup: Setup) -> Model:
    """The talker."""
    REQUESTS.clear()
    return Talker(name, setup)

"""What can be said about a served model with --model-arg KEY=VALUE."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from velm_bench.digests import canonical_json
from velm_bench.models.remote.dialects import DIALECTS
from velm_bench.models.remote.keys import USUAL

OURS = frozenset(
    {"model", "messages", "stream", "n", "seed", "stop", "temperature", "top_p", "max_tokens", "max_completion_tokens"}
) | {"chat_template", *(name for dialect in DIALECTS.values() for name in dialect.settings.values())}
"""Fields of a request that `extra_body` may not set: the task or another option decides them."""


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


class RemoteOptions(BaseModel):
    """How a server is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    concurrency: int = Field(default=16, ge=1, le=1024)
    """The most requests that are under way at a time; fewer while the server says that it is too much."""
    timeout: float = Field(default=120.0, gt=0, le=86400)
    """Seconds that a server may take over one request."""
    retries: int = Field(default=8, ge=0, le=100)
    """How often a request is sent again after it failed in a way that may pass."""
    backoff: float = Field(default=0.5, ge=0, le=3600)
    """Seconds: the first retry waits up to so long, each further one up to twice as long as the one before."""
    longest_wait: float = Field(default=60.0, ge=0, le=86400)
    """Seconds: no retry waits longer, whatever the server asks for."""
    patience: float = Field(default=30.0, ge=0, le=86400)
    """Seconds of nothing but failures after which a server is given up and the rest become error rows at once."""
    max_requests: int | None = Field(default=None, ge=1)
    """The most requests that one command sends, retries counted; what is asked beyond becomes error rows. The same
    command again goes on, with a budget of its own."""
    key_env: str = USUAL
    """The environment variable that holds the key."""
    system: str = ""
    """The model's own system prompt; it stands before the task's."""
    revision: str = ""
    """Which weights are behind the server's name, as far as you know; a part of the model's identity."""
    server: Literal["openai", "vllm", "sglang", "llama.cpp"] = "openai"
    """What the server understands beyond OpenAI's own fields; see dialects."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """How the server calls the limit of the answer's length."""
    temperature: Literal["task", "server"] = "task"
    """`server` sends no temperature where the task's is 0, for models that take none."""
    image_detail: Literal["", "auto", "low", "high"] = ""
    """OpenAI's `detail` of each picture; not sent if empty."""
    extra_body: Annotated[Mapping[str, Any], BeforeValidator(_json)] = Field(default_factory=dict)
    """Further fields for each request, a JSON object: {"chat_template_kwargs": {"enable_thinking": false}}."""

    @field_validator("extra_body")
    @classmethod
    def _further(cls, extra: Mapping[str, Any]) -> Mapping[str, Any]:
        ours = sorted(OURS & set(extra))
        if ours:
            raise ValueError(f"the field '{ours[0]}' is decided by the task or by another --model-arg")
        try:
            canonical_json(extra)
            json.dumps(extra, allow_nan=False)
        except ValueError:
            raise ValueError("it holds a number that JSON has not") from None
        return extra

    def terms(self) -> dict[str, Any]:
        """The options that may change an answer, JSON-able, where they are not what they are by default."""
        names = {"system", "revision", "server", "max_tokens_field", "temperature", "image_detail", "extra_body"}
        return self.model_dump(mode="json", include=names, exclude_defaults=True)

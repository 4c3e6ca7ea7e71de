"""What servers understand beyond OpenAI's own chat completions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Dialect:
    """The additions of one kind of server."""

    settings: Mapping[str, str] = field(default_factory=dict)
    """Generation settings by our names, and what the server calls them."""
    chat_template: bool = False
    """Whether a request may bring its own chat template, in `chat_template`."""


_SAMPLING = {"top_k": "top_k", "repetition_penalty": "repetition_penalty"}

DIALECTS: Mapping[str, Dialect] = {
    "openai": Dialect(),
    "vllm": Dialect(_SAMPLING, chat_template=True),
    "sglang": Dialect(_SAMPLING),
    # its repeat_penalty looks back over a window of the text, which is another thing
    "llama.cpp": Dialect({"top_k": "top_k"}),
}
"""By the name given with --model-arg server."""

"""What `--model-arg` can tell an `hf:` model."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from velm_bench.errors import UsageError

ALWAYS_HONOURED = frozenset({"attn", "compile", "trust_remote_code", "backend"})
"""The options that every `hf:` model heeds; an adapter names the further ones that mean something to it."""


class HfOptions(BaseModel):
    """Settings of an `hf:` model; those that mean nothing to a family are refused by its adapter."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    attn: Literal["", "eager", "sdpa", "flash_attention_2", "flex_attention"] = ""
    """The implementation of attention; transformers' choice if left out."""
    compile: bool = False
    """Whether the forward pass goes through torch.compile."""
    trust_remote_code: bool = False
    """Whether Python code that comes with the checkpoint may run."""
    backend: Literal["pil", "torchvision"] = "pil"
    """The image processor's implementation; their pixels differ a little, so it is not left to what is installed."""
    min_pixels: int | None = Field(default=None, ge=1)
    """Pictures of fewer pixels are enlarged to so many, where the image processor knows such a bound."""
    max_pixels: int | None = Field(default=None, ge=1)
    """Pictures of more pixels are reduced to so many, where the image processor knows such a bound."""
    image_tokens: int | None = Field(default=None, ge=1)
    """The most tokens that one picture may take, where the image processor knows a budget."""
    system: str = ""
    """The model's own system prompt; it stands before the task's."""
    chat_template: Path | None = None
    """A file with a Jinja template to be used instead of the checkpoint's."""
    chat: bool = True
    """Whether a chat template is used at all; without, prompts stand as they are."""
    thinking: bool | None = None
    """What `enable_thinking` is in the chat template; the template's own choice if left out."""
    prompt: str = "{prompt}"
    """How a prompt is put to a model without chat template, such as "Question: {prompt} Answer:"; empty for a captioner
    that is to write unasked."""

    @field_validator("prompt")
    @classmethod
    def _plain(cls, value: str) -> str:
        if "{" in value.replace("{prompt}", "") or "}" in value.replace("{prompt}", ""):
            raise ValueError("write {prompt} where the task's prompt is to stand, and no other braces")
        return value

    @property
    def chat_template_text(self) -> str:
        """The template that `chat_template` names; empty where none is named, UsageError where it cannot be read."""
        if self.chat_template is None:
            return ""
        try:
            return self.chat_template.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            said = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise UsageError(f"The chat template {self.chat_template} cannot be read: {said}.") from error

"""A request as the body of a chat completion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from velm_bench.models.remote.dialects import DIALECTS
from velm_bench.models.remote.options import RemoteOptions
from velm_bench.models.remote.pictures import data_url
from velm_bench.samples import GenerateRequest, Generation, Picture

HONOURED = ("max_new_tokens", "temperature", "top_p", "stop")
"""Generation settings that every server heeds."""


def honoured(options: RemoteOptions) -> tuple[str, ...]:
    """The generation settings that the server heeds."""
    return (*HONOURED, *DIALECTS[options.server].settings)


def completion(model: str, request: GenerateRequest, options: RemoteOptions, seed: int) -> dict[str, Any]:
    """The body; SampleError where a picture cannot be decoded."""
    body = {"model": model, "messages": conversation(request, options.system, options.image_detail)}
    body |= settings(request.generation, options, seed)
    if request.chat_template:
        body["chat_template"] = request.chat_template
    return {**options.extra_body, **body}


def conversation(request: GenerateRequest, system: str = "", detail: str = "") -> list[dict[str, Any]]:
    """The messages: system prompt (the model's own, then the task's), worked examples, each answered, and question."""
    told = "\n\n".join(part for part in (system, request.system) if part.strip())
    turns: list[dict[str, Any]] = [{"role": "system", "content": told}] if told else []
    for shot in request.shots:
        turns.append({"role": "user", "content": _content(shot.images, shot.prompt, detail)})
        turns.append({"role": "assistant", "content": shot.answer})
    return [*turns, {"role": "user", "content": _content(request.images, request.prompt, detail)}]


def _content(pictures: Sequence[Picture], text: str, detail: str) -> str | list[dict[str, Any]]:
    """Pictures, then the text; without pictures the plain text, which servers of language models take as well."""
    if not pictures:
        return text
    further = {"detail": detail} if detail else {}
    shown = [{"type": "image_url", "image_url": {"url": data_url(picture), **further}} for picture in pictures]
    return [*shown, {"type": "text", "text": text}] if text else shown


def settings(generation: Generation, options: RemoteOptions, seed: int) -> dict[str, Any]:
    """The generation settings in the server's words; the seed only where something is drawn."""
    found: dict[str, Any] = {options.max_tokens_field: generation.max_new_tokens}
    if generation.temperature or options.temperature == "task":
        found["temperature"] = generation.temperature
    if generation.temperature:
        found["seed"] = seed
    if generation.top_p != 1.0:
        found["top_p"] = generation.top_p
    if generation.stop:
        found["stop"] = list(generation.stop)
    changed = generation.changed()
    theirs = DIALECTS[options.server].settings
    return found | {theirs[name]: changed[name] for name in theirs if name in changed}

"""What a model reads: a request as a conversation under a chat template, or as plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from velm_bench.errors import UsageError
from velm_bench.models.huggingface.options import HfOptions
from velm_bench.samples import Request

Message = Mapping[str, Any]


@dataclass(frozen=True)
class Conversation:
    """How requests are put to a model."""

    name: str
    """The model's reference, for errors."""
    options: HfOptions
    template: str
    """The model's chat template; empty where it has none or is not to use it."""
    placeholder: str
    """The token that stands for a picture in a plain prompt; empty where a text has none."""
    shows: bool = True
    """Whether pictures have a place in the conversation."""

    def text(self, request: Request, tokenizer: Any) -> str:
        """The text that a request becomes; UsageError where the template has no place for what it is to say."""
        template = request.chat_template or self.template
        return self._chat(request, template, tokenizer) if template else self._plain(request)

    def _system(self, request: Request) -> str:
        """The model's own system prompt, then the task's."""
        return "\n\n".join(part for part in (self.options.system, request.system) if part.strip())

    def _plain(self, request: Request) -> str:
        """System prompt, worked examples and prompt as one text, pictures where they belong."""
        system = self._system(request)
        before = [f"{system}\n\n"] if system else []
        shots = [f"{self._asked(len(shot.images), shot.prompt)} {shot.answer}\n\n" for shot in request.shots]
        return "".join([*before, *shots, self._asked(len(request.images), request.prompt)])

    def _asked(self, pictures: int, prompt: str) -> str:
        return self.placeholder * pictures + self.options.prompt.replace("{prompt}", prompt)

    def _chat(self, request: Request, template: str, tokenizer: Any) -> str:
        system = self._system(request)
        text = self._render(self._messages(request, system, parts=True), template, tokenizer)
        if text is None or _printed(text, [system, request.prompt, *_told(request)]):  # it takes texts, no parts
            text = self._render(self._messages(request, system, parts=False), template, tokenizer, last=True)
        assert text is not None
        for what, said in (("system prompt", system), ("prompt", request.prompt)):
            if said.strip() not in text:
                raise UsageError(
                    f"The chat template of '{self.name}' has no place for a {what}: give another template."
                )
        return text

    def _render(self, messages: Sequence[Message], template: str, tokenizer: Any, last: bool = False) -> str | None:
        from jinja2 import TemplateError

        thinking = {} if self.options.thinking is None else {"enable_thinking": self.options.thinking}
        try:
            text = tokenizer.apply_chat_template(
                list(messages), chat_template=template, tokenize=False, add_generation_prompt=True, **thinking
            )
        except (TemplateError, TypeError) as error:
            if not last:
                return None
            said = " ".join(str(error).split())
            raise UsageError(f"The chat template of '{self.name}' refuses the conversation: {said:.200}") from error
        return str(text)

    def _messages(self, request: Request, system: str, parts: bool) -> list[Message]:
        """The turns of a conversation; contents as lists of parts, or as texts with placeholders for pictures."""

        def turn(role: str, text: str, pictures: int = 0) -> Message:
            shown = pictures if self.shows else 0
            if not parts:
                return {"role": role, "content": self.placeholder * shown + text}
            return {"role": role, "content": [*[{"type": "image"}] * shown, {"type": "text", "text": text}]}

        turns = [turn("system", system)] if system else []
        for shot in request.shots:
            turns += [turn("user", shot.prompt, len(shot.images)), turn("assistant", shot.answer)]
        return [*turns, turn("user", request.prompt, len(request.images))]


PARTS = ("{'type': 'text'", '{"type": "text"')
"""How a part of a message looks where a template that takes texts prints it."""


def _printed(text: str, said: Sequence[str]) -> bool:
    """Whether a conversation shows lists of parts as such, oftener than those texts hold what looks like one."""
    return any(text.count(sign) > sum(one.count(sign) for one in said) for sign in PARTS)


def _told(request: Request) -> list[str]:
    return [text for shot in request.shots for text in (shot.prompt, shot.answer)]


def template_of(holders: Sequence[Any], options: HfOptions, name: str) -> str:
    """The chat template to be used: the options', else the first that a processor or tokenizer holds, else none.

    UsageError where the options say something of a template that is not there or does not heed it.
    """
    given = options.chat_template_text
    held = next((found for holder in holders if (found := _default(getattr(holder, "chat_template", None)))), "")
    template = given or held
    if not template and "chat" in options.model_fields_set:
        raise UsageError(f"--model-arg chat means nothing to '{name}': it has no chat template; leave it out.")
    if not options.chat:
        if given:
            raise UsageError("--model-arg chat_template and chat=false exclude each other: leave one out.")
        template = ""
    if options.thinking is not None and "enable_thinking" not in template:
        raise UsageError(f"--model-arg thinking means nothing to '{name}': its chat template knows no enable_thinking.")
    if template and "prompt" in options.model_fields_set:
        raise UsageError(
            f"--model-arg prompt means nothing to '{name}', which has a chat template: add --model-arg chat=false to "
            "do without it."
        )
    return template


def _default(template: Any) -> str:
    """A template, or the default one of several by name."""
    return str((template.get("default") or "") if isinstance(template, dict) else template or "")

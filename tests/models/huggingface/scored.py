"""Tiny random models of many families with prompts made by hand, and a plain likelihood of one option at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import transformers as tf
from torch import Tensor

VOCABULARY = 60
PAD, START, IMAGE, VISION_START, VISION_END = 0, 1, 2, 3, 4
WORDS = (10, VOCABULARY)
"""The first ordinary token, and the one behind the last."""
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "pad_token_id": PAD,
    "bos_token_id": START,
    "eos_token_id": None,
}
LAYERS = ["sliding_attention", "full_attention"]
SIGHT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 16,
    "patch_size": 8,
}


@dataclass
class Scored:
    """A model and three samples of different lengths."""

    model: Any
    prompts: list[dict[str, Tensor]]
    """What `generate` takes for each sample alone, unpadded."""
    grown: Mapping[str, int | None] = field(default_factory=dict)
    """Inputs that grow with the text: what an option's token adds to them; None is their last column again."""
    begins: Callable[[Tensor], Tensor] = lambda ids: ids
    """What a model's own `generate` makes of the prompt."""
    forward: Callable[..., Tensor] = lambda model, prompt: model(**prompt, use_cache=False).logits
    """The plain pass: logits (1, T, vocabulary)."""
    start: Sequence[int] = ()
    """What a decoder begins with whose prompt goes to an encoder; empty where there is no encoder."""

    def batch(self, which: Sequence[int]) -> dict[str, Tensor]:
        """Prompts side by side, left-padded (an encoder's right-padded: its positions are counted from the left);
        pictures one behind the other."""
        chosen = [self.prompts[number] for number in which]
        width = max(prompt["input_ids"].shape[1] for prompt in chosen) if "input_ids" in chosen[0] else 0
        return {name: torch.cat([self._padded(prompt, name, width) for prompt in chosen]) for name in chosen[0]}

    def _padded(self, prompt: dict[str, Tensor], name: str, width: int) -> Tensor:
        if name not in ("input_ids", "attention_mask", *self.grown):
            return prompt[name]
        missing = width - prompt[name].shape[1]
        shape = (1, missing, *prompt[name].shape[2:])
        blank = torch.full(shape, PAD if name == "input_ids" else 0, dtype=prompt[name].dtype)
        return torch.cat([prompt[name], blank] if self.start else [blank, prompt[name]], dim=1)

    @torch.no_grad()
    def plain(self, number: int, tokens: Sequence[int]) -> float:
        """One sample, one option, one pass over the whole text, without padding, cache or `generate`."""
        option = torch.tensor([list(tokens)])
        prompt = dict(self.prompts[number])
        if self.start:
            prompt["decoder_input_ids"] = torch.tensor([[*self.start, *tokens]])
        else:
            prompt["input_ids"] = torch.cat([self.begins(prompt["input_ids"]), option], dim=1)
            prompt["attention_mask"] = torch.ones_like(prompt["input_ids"])
            for name, value in self.grown.items():
                last = prompt[name][:, -1:] if value is None else torch.full_like(prompt[name][:, -1:], value)
                prompt[name] = torch.cat([prompt[name], *[last] * len(tokens)], dim=1)
        logits = self.forward(self.model, prompt)[0, -len(tokens) - 1 : -1]
        return float(logits.double().log_softmax(-1)[torch.arange(len(tokens)), option[0]].sum())


def words(count: int) -> list[int]:
    return torch.randint(*WORDS, (count,)).tolist()


def texts(*counts: int) -> list[dict[str, Tensor]]:
    return [prompt(words(count)) for count in counts]


def prompt(ids: Sequence[int]) -> dict[str, Tensor]:
    return {"input_ids": torch.tensor([list(ids)]), "attention_mask": torch.ones(1, len(ids), dtype=torch.long)}


def sighted(tokens: int, *counts: int, pixels: tuple[int, ...] = (1, 3, 16, 16)) -> list[dict[str, Tensor]]:
    """Prompts with one picture of `tokens` placeholders behind their first word."""
    return [
        {**prompt([*words(1), *[IMAGE] * tokens, *words(count)]), "pixel_values": torch.randn(pixels)}
        for count in counts
    ]


def language(config: Any) -> Scored:
    return Scored(tf.AutoModelForCausalLM.from_config(config), texts(3, 9, 5))


def seeing(config: Any, prompts: list[dict[str, Tensor]], **more: Any) -> Scored:
    return Scored(tf.AutoModelForImageTextToText.from_config(config), prompts, **more)

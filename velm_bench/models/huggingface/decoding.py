"""Free generation: which settings are heeded, what of a checkpoint's own is not, and what each row needs of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, StoppingCriteria

from velm_bench.errors import UsageError
from velm_bench.samples import Generation

HONOURED = (
    "max_new_tokens",
    "temperature",
    "beams",
    "top_p",
    "top_k",
    "repetition_penalty",
    "length_penalty",
    "stop",
)
"""The generation settings that a writing model heeds: all there are."""

STRUCTURE = (
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "bad_words_ids",
    "suppress_tokens",
    "begin_suppress_tokens",
)
"""What of a checkpoint's own generation settings says how its texts are built; the rest is taste, and is not heeded."""


@dataclass(frozen=True)
class Decoding:
    """How one sample is written."""

    generation: Generation
    room: int
    """The most new tokens: what is asked for, or what the model's context leaves."""
    seed: int = 0

    @property
    def group(self) -> tuple[Any, ...]:
        """What samples written together have in common; beams all end at once."""
        return (self.generation, self.room if self.generation.beams > 1 else 0)


def check(generation: Generation) -> None:
    """UsageError for settings that contradict each other or would do nothing."""
    drawn, beams = generation.temperature > 0, generation.beams > 1
    if drawn and beams:
        raise UsageError(
            "No words are drawn in a beam search: set generation.temperature to 0, or generation.beams to 1."
        )
    idle = [name for name in ("top_p", "top_k") if name in generation.changed() and not drawn]
    idle += ["length_penalty"] if "length_penalty" in generation.changed() and not beams else []
    if idle:
        needed = "beams above 1" if idle[0] == "length_penalty" else "a temperature above 0"
        raise UsageError(f"generation.{idle[0]} does nothing without {needed}: set that, or leave it out.")


def strip_taste(model: Any, pad: int, end: int | None) -> None:
    """Leave of a model's own generation settings, and of those of its parts, only what `STRUCTURE` names.

    What does not say how it pads does so with `pad`; a model that nowhere says where it ends does so at `end`.
    """
    parts = [part for part in model.modules() if isinstance(getattr(part, "generation_config", None), GenerationConfig)]
    structures = [_structure(part.generation_config) for part in parts]
    if not any("eos_token_id" in structure for structure in structures) and end is not None:
        structures = [{"eos_token_id": end, **structure} for structure in structures]
    for part, structure in zip(parts, structures, strict=True):
        part.generation_config = _config({"pad_token_id": pad, **structure})


def _structure(held: GenerationConfig) -> dict[str, Any]:
    return {name: value for name in STRUCTURE if (value := getattr(held, name, None)) is not None}


def taste(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint's generation_config.json asks for and is not given."""
    form = ("_", "output_", "return_", "use_cache", "cache_", "transformers_version")
    return {
        name: value
        for name, value in settings.items()
        if name not in STRUCTURE and not name.startswith(form) and value not in (None, False)
    }


def settings(group: Sequence[Decoding]) -> GenerationConfig:
    """What transformers is told for samples of one group: every setting that a checkpoint could change is named, and
    its structure is left to whichever part of the model writes (BLIP-2's language model has an end of its own)."""
    generation = group[0].generation
    told = {
        "max_new_tokens": max(one.room for one in group),
        "do_sample": False,  # words are drawn by `RowDraw`
        "num_beams": generation.beams,
        "length_penalty": generation.length_penalty,
        "early_stopping": False,
        "num_return_sequences": 1,
        "repetition_penalty": 1.0,  # punished by `RowPenalty`
        "no_repeat_ngram_size": 0,
        "use_cache": True,
    }
    return _config(told)


def _config(values: Mapping[str, Any]) -> GenerationConfig:
    return GenerationConfig(**values)  # type: ignore[no-untyped-call]


class Watch(StoppingCriteria):
    """Ends rows at their own limits and stop texts; remembers where the new tokens begin."""

    def __init__(self, group: Sequence[Decoding], tokenizer: Any) -> None:
        self.rooms, self.stop, self.tokenizer = [one.room for one in group], group[0].generation.stop, tokenizer
        self.beams = group[0].generation.beams
        self.tokens = stop_tokens(self.stop, tokenizer)
        self.start = 0
        """How many columns of what comes back are the prompt's."""
        self._begun = False

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        """(rows, length) to (rows,) bool."""
        if not self._begun:
            self.start, self._begun = input_ids.shape[1] - 1, True
        written = input_ids.shape[1] - self.start
        done = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        if self.beams > 1:  # a beam that ends early is still weighed against longer ones: texts are cut afterwards
            return done
        done |= torch.tensor(self.rooms, device=input_ids.device) <= written
        if self.stop:
            done |= torch.tensor([self._stops(row[self.start :]) for row in input_ids], device=input_ids.device)
        return done

    def _stops(self, tokens: Tensor) -> bool:
        """Whether a stop text stands at the end; a token is a byte of it at least."""
        if int(tokens[-1]) in self.tokens:
            return True
        reach = max(len(text.encode()) for text in self.stop) + 8
        tail = self.tokenizer.decode(tokens[-reach:].tolist(), skip_special_tokens=True)
        return any(text in tail for text in self.stop)


class RowPenalty(LogitsProcessor):
    """Divides the scores of tokens that stand in a row already, its prompt's among them (Keskar et al. 2019, 4.1).

    Padding is no token of the row; transformers' own penalty counts it, so that answers would change with a batch.
    """

    def __init__(self, penalty: float, prompt_mask: Tensor | None) -> None:
        self.penalty, self.mask = penalty, prompt_mask

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        seen = torch.zeros_like(scores, dtype=torch.bool)
        real = torch.ones_like(input_ids, dtype=torch.bool)
        if self.mask is not None and input_ids.shape[1] >= self.mask.shape[1]:
            repeats = len(input_ids) // len(self.mask)
            real[:, : self.mask.shape[1]] = self.mask.bool().repeat_interleave(repeats, 0)
        rows, columns = real.nonzero(as_tuple=True)
        tokens = input_ids[rows, columns]
        known = tokens < scores.shape[1]  # a picture's token may be none that can be written
        seen[rows[known], tokens[known]] = True
        changed = torch.where(scores < 0, scores * self.penalty, scores / self.penalty)
        return torch.where(seen, changed, scores)


class RowDraw(LogitsProcessor):
    """Draws each row's next token with the row's own random numbers, and leaves it as the only one possible.

    So a draw depends on the sample and the seed alone, whatever else is in the batch.
    """

    def __init__(self, group: Sequence[Decoding]) -> None:
        self.generation = group[0].generation
        self.dice = [torch.Generator().manual_seed(one.seed) for one in group]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        logits = scores.float().cpu() / self.generation.temperature
        chosen = [self._draw(row, dice) for row, dice in zip(logits, self.dice, strict=True)]
        only = torch.full_like(scores, -torch.inf)
        only[range(len(chosen)), chosen] = 0.0
        return only

    def _draw(self, logits: Tensor, dice: torch.Generator) -> int:
        """A token of one row, logits (vocabulary,): the likeliest `top_k`, of these the likeliest `top_p`."""
        ordered, tokens = logits.sort(descending=True, stable=True)
        if self.generation.top_k:
            ordered = ordered[: self.generation.top_k]
        chances = ordered.double().softmax(0)
        before = chances.cumsum(0) - chances
        chances = chances[before < self.generation.top_p]
        return int(tokens[torch.multinomial(chances, 1, generator=dice)])


def processors(group: Sequence[Decoding], prompt_mask: Tensor | None) -> list[LogitsProcessor]:
    """What is done to the scores of each step: penalty, then draw."""
    generation = group[0].generation
    found: list[LogitsProcessor] = []
    if generation.repetition_penalty != 1.0:
        found.append(RowPenalty(generation.repetition_penalty, prompt_mask))
    if generation.temperature > 0:
        found.append(RowDraw(group))
    return found


def cut(tokens: Sequence[int], how: Decoding, ends: frozenset[int], pad_token_id: int) -> list[int]:
    """A row's new tokens up to its end token or its limit, without the padding behind a row that was stopped."""
    kept = list(tokens[: how.room])
    kept = kept[: next((place for place, token in enumerate(kept) if token in ends), len(kept))]
    while how.generation.stop and kept and kept[-1] == pad_token_id:
        kept.pop()
    return kept


def stop_tokens(stop: Sequence[str], tokenizer: Any) -> frozenset[int]:
    """The tokens that are a stop text each: "<|im_end|>", say, which is no part of what a decoded text says."""
    added = tokenizer.get_added_vocab() if stop else {}
    return frozenset(added[text] for text in stop if text in added)


def until(text: str, stop: Sequence[str]) -> str:
    """A text up to the first of the stop texts."""
    places = [place for place in map(text.find, stop) if place >= 0]
    return text[: min(places)] if places else text

"""A way of decoding that writes given options instead of what a model would choose, and notes how likely each was.

`generate` of transformers takes a decoding loop of one's own (`custom_generate`). It calls it with everything that it
has prepared for writing: masks, positions behind left padding, three-dimensional ones too, encoder outputs, an empty
cache of the right layout. So every model is scored along the very path on which it generates, and none is named here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from velm_bench.errors import RunError
from velm_bench.models.huggingface.caching import cache_rows, repeatable, row_bytes, state_rows, takes_many

_WITHOUT_GPU = 1 << 30
"""Bytes for the rows of options where no GPU says how much there is."""


@dataclass(frozen=True)
class Row:
    """An option of a sample."""

    sample: int
    option: int
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Prompted:
    """A model that has read a batch of prompts."""

    model: Any
    ids: Tensor
    """(batch, T), left-padded; of an encoder-decoder, the decoder's start."""
    state: Mapping[str, Any]
    """Keyword arguments of the next pass, as they stood before the prompt's."""
    outputs: Any
    """The prompt's pass."""

    @property
    def batch(self) -> int:
        return int(self.ids.shape[0])

    @property
    def cache(self) -> Any:
        return getattr(self.outputs, "past_key_values", None)

    def after(self, count: int) -> dict[str, Any]:
        """The state once `count` tokens have followed each prompt: longer masks and positions."""
        state = dict(self.state)
        for _ in range(count):  # one at a time, as in generation: not every model's hook knows of several
            state = self.model._update_model_kwargs_for_generation(
                self.outputs, state, is_encoder_decoder=self.model.config.is_encoder_decoder
            )
        return state


class Forcing:
    """The decoding loop; `options[i]` are the token sequences of sample i, none of them empty."""

    def __init__(self, options: Sequence[Sequence[Sequence[int]]], pad_token_id: int, memory: int | None) -> None:
        self._shape = [len(sample) for sample in options]
        self._rows = [
            Row(sample, number, tuple(tokens)) for sample, of in enumerate(options) for number, tokens in enumerate(of)
        ]
        self._pad = pad_token_id
        self._memory = memory

    def __call__(
        self,
        model: Any,
        input_ids: Tensor,
        logits_processor: Any,
        stopping_criteria: Any,
        generation_config: Any,
        **state: Any,
    ) -> list[list[float]]:
        """What `generate` calls: the options' log-probabilities, sample by sample."""
        if len(self._shape) != len(input_ids):
            raise ValueError(f"There are options for {len(self._shape)} samples and prompts of {len(input_ids)}.")
        input_ids, state = _begun(model, input_ids, generation_config, state)
        ready = model.prepare_inputs_for_generation(input_ids, is_first_iteration=True, **state)
        prompted = Prompted(model, input_ids, state, model(**ready, return_dict=True))
        scores = self._first(prompted)
        longer = sorted((row for row in self._rows if len(row.tokens) > 1), key=lambda row: -len(row.tokens))
        if longer:
            rest = self._cached(prompted, longer) if repeatable(prompted.cache) else self._uncached(prompted, longer)
            for row, score in rest:
                scores[row.sample][row.option] += score
        return scores

    def _first(self, prompted: Prompted) -> list[list[float]]:
        """The log-probability of each option's first token: the prompt's own pass has them all."""
        logprobs = prompted.outputs.logits[:, -1].float().log_softmax(-1)
        samples = torch.tensor([row.sample for row in self._rows], device=logprobs.device)
        tokens = torch.tensor([row.tokens[0] for row in self._rows], device=logprobs.device)
        flat = iter(logprobs[samples, tokens].tolist())
        return [[next(flat) for _ in range(count)] for count in self._shape]

    def _cached(self, prompted: Prompted, rows: Sequence[Row]) -> Iterator[tuple[Row, float]]:
        """The log-probabilities of all tokens but the first, behind repeated rows of the prompts' cache."""
        follow = _at_once if takes_many(prompted.cache) else _step_by_step
        while rows:
            chunk = rows[: self._affordable(prompted, len(rows[0].tokens) - 1)]
            samples = torch.tensor([row.sample for row in chunk], device=prompted.ids.device)
            logits = follow(prompted, samples, self._written(chunk, prompted.ids))
            yield from zip(chunk, _continuations(logits, chunk), strict=True)
            rows = rows[len(chunk) :]

    def _uncached(self, prompted: Prompted, rows: Sequence[Row]) -> Iterator[tuple[Row, float]]:
        """The same without a cache: whole rows, an option of every sample at a time, so that pictures stay put."""
        for number in sorted({row.option for row in rows}):
            asked = {row.sample: row for row in rows if row.option == number}
            blank = Row(-1, number, (self._pad,))
            chunk = [asked.get(sample, blank) for sample in range(prompted.batch)]
            scores = _continuations(_whole(prompted, self._written(chunk, prompted.ids)), chunk)
            yield from ((row, score) for row, score in zip(chunk, scores, strict=True) if row is not blank)

    def _written(self, rows: Sequence[Row], like: Tensor) -> Tensor:
        """The tokens that predict others, right-padded: (rows, longest - 1). No token sees what stands behind it, so
        that nothing has to be masked."""
        width = max(len(row.tokens) for row in rows) - 1
        padded = [[*row.tokens[:-1], *[self._pad] * (width - len(row.tokens) + 1)] for row in rows]
        return torch.tensor(padded, dtype=like.dtype, device=like.device)

    def _affordable(self, prompted: Prompted, width: int) -> int:
        """How many rows fit into the memory: a cache that is copied as it grows, float32 logits and their softmax."""
        logits = 4 * width * int(prompted.outputs.logits.shape[-1])
        each = 2 * row_bytes(prompted.cache, prompted.batch) + 2 * logits
        return max(1, (self._memory or _memory(prompted.ids.device)) // each)


def _begun(model: Any, input_ids: Tensor, settings: Any, state: dict[str, Any]) -> tuple[Tensor, dict[str, Any]]:
    """A decoder that always begins with a certain token (BART's <s>) has written it before any option."""
    forced = getattr(settings, "forced_bos_token_id", None)
    if forced is None or not model.config.is_encoder_decoder or input_ids.shape[1] != 1:
        return input_ids, state
    return torch.cat([input_ids, torch.full_like(input_ids, forced)], dim=1), state


def _at_once(prompted: Prompted, samples: Tensor, written: Tensor) -> Tensor:
    """Logits (rows, width, vocabulary) of `written` (rows, width) behind the prompts of `samples` (rows,), at once."""
    state = prompted.after(written.shape[1])
    return _pass(prompted, state, samples, written, cache_rows(prompted.cache, samples), written.shape[1])


def _step_by_step(prompted: Prompted, samples: Tensor, written: Tensor) -> Tensor:
    """The same token by token."""
    cache = cache_rows(prompted.cache, samples)
    steps = range(1, written.shape[1] + 1)
    passes = [_pass(prompted, prompted.after(step), samples, written[:, :step], cache, 1) for step in steps]
    return torch.cat(passes, dim=1)


def _pass(
    prompted: Prompted, state: Mapping[str, Any], samples: Tensor, written: Tensor, cache: Any, count: int
) -> Tensor:
    """Logits (rows, count, vocabulary) of the last `count` of the written tokens, the others being in the cache."""
    state = {**state_rows(state, samples, prompted.batch), "past_key_values": cache}
    if "logits_to_keep" in state:
        state["logits_to_keep"] = count
    ids = torch.cat([prompted.ids[samples], written], dim=1)
    ready = prompted.model.prepare_inputs_for_generation(ids, next_sequence_length=count, **state)
    logits: Tensor = prompted.model(**ready, return_dict=True).logits
    return logits[:, -count:]


def _whole(prompted: Prompted, written: Tensor) -> Tensor:
    """Logits (batch, width, vocabulary) of `written` (batch, width) behind prompts that are read again."""
    width = written.shape[1]
    state = {**prompted.after(width), "use_cache": False}
    if state.get("inputs_embeds") is not None:
        raise RunError("The model gives no cache although it is prompted by embeddings: its options cannot be weighed.")
    for name in ("past_key_values", "cache_params"):
        state.pop(name, None)
    if "logits_to_keep" in state:
        state["logits_to_keep"] = width
    ids = torch.cat([prompted.ids, written], dim=1)
    ready = prompted.model.prepare_inputs_for_generation(ids, is_first_iteration=True, **state)
    logits: Tensor = prompted.model(**ready, return_dict=True).logits
    return logits[:, -width:]


def _continuations(logits: Tensor, rows: Sequence[Row]) -> list[float]:
    """Each row's summed log-probability of all its tokens but the first, under logits (rows, width, vocabulary)."""
    width = logits.shape[1]
    targets = torch.tensor([[*row.tokens[1:], *[0] * (width + 1 - len(row.tokens))] for row in rows])
    counted = torch.tensor([[place + 1 < len(row.tokens) for place in range(width)] for row in rows])
    targets, counted = targets.to(logits.device), counted.to(logits.device)
    logprobs = logits.float().log_softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return [float(score) for score in (logprobs * counted).sum(-1).tolist()]


def _memory(device: torch.device) -> int:
    if device.type != "cuda":
        return _WITHOUT_GPU
    free, total = torch.cuda.mem_get_info(device)
    idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # torch's own, for whoever asks
    return int(min(total // 8, (free + idle) // 2))

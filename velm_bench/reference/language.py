"""The language model: any of transformers' text models, read under a mask of ours, with a place for a fusion."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Cache, DynamicCache, PretrainedConfig

from velm_bench.reference.adaptation import PrefixTuning
from velm_bench.reference.backbones import bert, built, gpt, llama
from velm_bench.reference.settings import LanguageSettings

Inject = Callable[[Tensor], Tensor]
"""What a fusion does to the hidden states (batch, new, width) before one of the layers."""


class LanguageModel(nn.Module):
    """Embeddings of a sequence to hidden states; the mask alone decides who sees whom, so that one stack does all."""

    def __init__(self, config: PretrainedConfig | Mapping[str, Any], place: str = "input") -> None:
        """`place` is where a fusion reaches in: before the first ("input"), middle or last ("top") layer."""
        super().__init__()
        self.backbone = built(config, attn_implementation="sdpa")  # the only one that takes masks of yes and no
        self.place = place
        self.width: int = self.backbone.config.hidden_size

    @property
    def words(self) -> nn.Embedding:
        """The token embeddings, which the output head shares."""
        found = self.backbone.get_input_embeddings()
        assert isinstance(found, nn.Embedding)
        return found

    @property
    def blocks(self) -> nn.ModuleList:
        """The layers, in order: the one list of modules that is as long as the model is deep."""
        depth = self.backbone.config.num_hidden_layers
        return next(m for m in self.backbone.modules() if isinstance(m, nn.ModuleList) and len(m) == depth)

    @contextmanager
    def _injecting(self, inject: Inject | None) -> Iterator[None]:
        """Have the hidden states go through `inject` before the layer of the place, for one pass."""
        if inject is None:
            yield
            return
        change = inject

        def before(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
            return (change(given[0]), *given[1:])

        depth = len(self.blocks)
        block = self.blocks[{"input": 0, "middle": depth // 2, "top": depth - 1}[self.place]]
        hook = block.register_forward_pre_hook(before)
        try:
            yield
        finally:
            hook.remove()

    def forward(
        self,
        embeddings: Tensor,
        positions: Tensor,
        mask: Tensor,
        past: Cache | None = None,
        learned: PrefixTuning | None = None,
        keep: bool = False,
        inject: Inject | None = None,
    ) -> tuple[Tensor, Cache | None]:
        """Embeddings (batch, new, width) at text positions (batch, new) under a mask (batch, new, past + new).

        Hidden states of the same shape, and the cache if it is to be kept. `learned` are keys and values that stand
        before everything in a cache; the mask knows nothing of them. `inject` is what a fusion does at its place.
        """
        if past is None and (keep or learned):
            past = DynamicCache()
        if learned is not None:
            learned.put(past, len(embeddings))
            mask = nn.functional.pad(mask, (learned.length, 0), value=True)
        with self._injecting(inject):
            states = self.backbone(
                inputs_embeds=embeddings,
                position_ids=positions,
                attention_mask=mask[:, None],
                past_key_values=past,
                use_cache=past is not None,
            ).last_hidden_state
        return states, past


def language_config(settings: LanguageSettings) -> PretrainedConfig:
    """The configuration of a small language model from scratch."""
    return {"gpt": gpt, "bert": bert, "llama": llama}[settings.kind](settings)


def sinusoids(length: int, width: int) -> Tensor:
    """The sines and cosines of Vaswani et al. 2017, section 3.5, shape (length, width)."""
    place = torch.arange(length)[:, None]
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    table = torch.zeros(length, width)
    table[:, 0::2] = torch.sin(place * rate)
    table[:, 1::2] = torch.cos(place * rate)[:, : width // 2]
    return table

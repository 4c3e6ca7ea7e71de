"""Language models: embeddings of a sequence to hidden states, under any mask, with a cache."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from velm_bench.reference.layers import Block, Cache
from velm_bench.reference.settings import LanguageSettings


class LanguageModel(nn.Module, ABC):
    """What every fusion may rely on; the mask alone decides who sees whom, so that one stack generates and tags."""

    words: nn.Embedding
    """The token embeddings, which the output head shares."""

    @abstractmethod
    def embed(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Token ids and their text positions, both (batch, length), to embeddings (batch, length, width)."""

    @abstractmethod
    def forward(
        self, embeddings: Tensor, mask: Tensor, past: Sequence[Cache] | None = None
    ) -> tuple[Tensor, list[Cache]]:
        """Embeddings (batch, new, width) under mask (batch, new, past + new), True = may look: hidden states, cache."""


class Gpt(LanguageModel):
    """A pre-norm transformer with learned positions (they start as sinusoids, so that unseen ones are not noise)."""

    def __init__(self, settings: LanguageSettings) -> None:
        super().__init__()
        self.words = nn.Embedding(settings.vocabulary, settings.width)
        self.places = nn.Embedding(settings.context, settings.width)
        self.layers = nn.ModuleList(Block(settings.width, settings.heads) for _ in range(settings.layers))
        self.norm = nn.LayerNorm(settings.width)

    def embed(self, tokens: Tensor, positions: Tensor) -> Tensor:
        embedded: Tensor = self.words(tokens) + self.places(positions)
        return embedded

    def forward(
        self, embeddings: Tensor, mask: Tensor, past: Sequence[Cache] | None = None
    ) -> tuple[Tensor, list[Cache]]:
        x, caches = embeddings, []
        for i, layer in enumerate(self.layers):
            x, cache = layer(x, mask, past[i] if past is not None else None)
            caches.append(cache)
        return self.norm(x), caches


def sinusoids(length: int, width: int) -> Tensor:
    """The sines and cosines of Vaswani et al. 2017, section 3.5, shape (length, width)."""
    place = torch.arange(length)[:, None]
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    table = torch.zeros(length, width)
    table[:, 0::2] = torch.sin(place * rate)
    table[:, 1::2] = torch.cos(place * rate)[:, : width // 2]
    return table


LANGUAGE_MODELS: dict[str, type[Gpt]] = {"gpt": Gpt}
"""Language models by the `kind` in the settings."""

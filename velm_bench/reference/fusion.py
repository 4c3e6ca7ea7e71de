"""Fusions: how the features of the patches reach the language model."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from velm_bench.reference.layers import Linear
from velm_bench.reference.settings import ModelSettings


class Fusion(nn.Module, ABC):
    """Turns patches into what the language model reads; `tokens` is how many positions that takes before the text."""

    tokens: int

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, patches, vision width) to visual tokens (batch, tokens, language width)."""


class PrefixFusion(Fusion):
    """A visual token per patch, projected into the language model's embedding space."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.tokens = settings.vision.grid**2
        self.project = Linear(settings.vision.width, settings.language.width)
        self.norm = nn.LayerNorm(settings.language.width)

    def forward(self, features: Tensor) -> Tensor:
        tokens: Tensor = self.norm(self.project(features))
        return tokens


FUSIONS: dict[str, type[PrefixFusion]] = {"prefix": PrefixFusion}
"""Fusions by the `kind` in the settings."""

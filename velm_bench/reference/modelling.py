"""The reference model: a picture and text in, hidden states, next words and tags out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from velm_bench.reference.configuration import VelmConfig
from velm_bench.reference.fusion import FUSIONS
from velm_bench.reference.language import LANGUAGE_MODELS, Gpt, sinusoids
from velm_bench.reference.layers import Block, Cache
from velm_bench.reference.masks import continued_mask, packed_mask
from velm_bench.reference.settings import PADDING
from velm_bench.reference.vision import ENCODERS


class VelmForGeneration(PreTrainedModel):  # type: ignore[no-untyped-call]
    """Vision encoder, fusion and language model, with a (tied) head over words and a head over tags."""

    config_class = VelmConfig
    main_input_name = "pixel_values"
    _tied_weights_keys = {"head.weight": "language.words.weight"}  # noqa: RUF012 - as its base declares it

    def __init__(self, config: VelmConfig) -> None:
        super().__init__(config)
        settings = config.settings
        self.vision = ENCODERS[settings.vision.kind](settings.vision)
        self.fusion = FUSIONS[settings.fusion.kind](settings)
        self.language = LANGUAGE_MODELS[settings.language.kind](settings.language)
        self.head = nn.Linear(settings.language.width, settings.language.vocabulary, bias=False)
        self.tagger = nn.Linear(settings.language.width, len(config.tags))
        self.context = settings.language.context
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        """Normal weights of deviation 0.02, residual branches scaled down by their number (GPT-2, section 2.3)."""
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        if isinstance(module, Block):
            depth = 2 * self.config.settings.language.layers
            for branch in (module.attention.output, module.narrow):
                nn.init.normal_(branch.weight, std=0.02 / math.sqrt(depth))
        if isinstance(module, Gpt):
            with torch.no_grad():
                module.places.weight.copy_(0.02 * sinusoids(*module.places.weight.shape))

    def get_input_embeddings(self) -> nn.Module:
        return self.language.words

    def set_input_embeddings(self, value: nn.Module) -> None:
        assert isinstance(value, nn.Embedding)
        self.language.words = value

    def get_output_embeddings(self) -> nn.Module:
        return self.head

    def see(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels (batch, size, size, 3) uint8 to features (batch, patches, width) and visual tokens, likewise."""
        scaled = pixels.permute(0, 3, 1, 2).to(self.tagger.weight.dtype) / 127.5 - 1
        features = self.vision(scaled)
        return features, self.fusion(features)

    def forward(
        self,
        pixel_values: Tensor,
        input_ids: Tensor,
        positions: Tensor,
        segments: Tensor,
        both_ways: Tensor,
        sighted: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """A packed batch to the text's hidden states (batch, length, width) and the patches' features.

        See `masks.packed_mask` for segments, both_ways and sighted; pixel_values as in `see`.
        """
        features, visual = self.see(pixel_values)
        embeddings = torch.cat([visual, self.language.embed(input_ids, positions)], 1)
        mask = packed_mask(segments, both_ways, sighted, visual.shape[1])
        states, _ = self.language(embeddings, mask)
        return states[:, visual.shape[1] :], features

    def read(self, pixels: Tensor, sighted: Tensor, tokens: Tensor, real: Tensor) -> tuple[Tensor, list[Cache], Tensor]:
        """Prompts, padded on the left: hidden states (batch, length, width), cache, and which cached positions count.

        `real` (batch, length) is False on padding; at least the last column must be real.
        """
        if not bool(real[:, -1].all()):
            raise ValueError("prompts must be padded on the left")
        _, visual = self.see(pixels)
        positions = (real.long().cumsum(1) - 1).clamp(min=0)
        embeddings = torch.cat([visual, self.language.embed(tokens, positions)], 1)
        segments = torch.where(real, 0, PADDING)
        mask = packed_mask(segments, torch.zeros_like(real), sighted, visual.shape[1])
        states, cache = self.language(embeddings, mask)
        counts = torch.cat([sighted[:, None].expand(-1, visual.shape[1]), real], 1)
        return states[:, visual.shape[1] :], cache, counts

    def carry_on(
        self, tokens: Tensor, positions: Tensor, segments: Tensor, past: Sequence[Cache], real: Tensor
    ) -> tuple[Tensor, list[Cache]]:
        """New tokens (batch, length) after a cache, in segments that do not see each other: hidden states and cache."""
        embeddings = self.language.embed(tokens, positions)
        hidden: tuple[Tensor, list[Cache]] = self.language(embeddings, continued_mask(real, segments), past)
        return hidden

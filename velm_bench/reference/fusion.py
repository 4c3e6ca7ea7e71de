"""Fusions: how the features of the patches reach the language model, each a small module behind one interface.

A fusion may give visual tokens, which stand before the text, or may change the text's hidden states before one of the
language model's layers, which a hook calls; the language model itself stays as transformers made it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from velm_bench.reference.layers import CrossAttention, Mlp
from velm_bench.reference.settings import FusionSettings

if TYPE_CHECKING:
    from velm_bench.reference.vision import VisionEncoder


@dataclass(frozen=True)
class Sight:
    """What the text of one pass may see of the pictures."""

    features: Tensor
    """Of the patches, (batch, patches, vision width)."""
    sighted: Tensor
    """Whether there is a picture, (batch,) bool."""
    segments: Tensor
    """The segment of every text position, (batch, length)."""
    prompts: Tensor
    """The positions of questions and sentences, which the picture may be read by, (batch, length) bool."""
    memory: list[Tensor] = field(default_factory=list)
    """What `cross_modal` made of the patches in the pass over the prompts, a tensor per layer; it fills the list."""

    def later(self, segments: Tensor) -> Sight:
        """The same pictures, in a later pass, for words after the prompts in these segments (batch, length)."""
        return replace(self, segments=segments, prompts=torch.zeros_like(segments, dtype=torch.bool))


class Fusion(nn.Module):
    """The base; as it stands, nothing of a picture reaches the language model.

    That is `none`, which has no picture, and `contrastive`, whose two towers meet in their embeddings alone.
    """

    tokens: int = 0
    """Positions that visual tokens take before the text."""
    injects: bool = False
    """Whether it changes hidden states."""

    def forward(self, features: Tensor) -> Tensor | None:
        """Features (batch, patches, vision width) to visual tokens (batch, tokens, language width), where there are."""
        return None

    def inject(self, states: Tensor, sight: Sight) -> Tensor:
        """Hidden states of the text (batch, length, language width) with the picture in them."""
        return states


class Prefix(Fusion):
    """A visual token per patch, projected into the language model's embedding space."""

    def __init__(self, settings: FusionSettings, vision: VisionEncoder, width: int) -> None:
        super().__init__()
        self.tokens = vision.patches
        self.project = nn.Linear(vision.width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, features: Tensor) -> Tensor:
        tokens: Tensor = self.norm(self.project(features))
        return tokens


class Pooling(nn.Module):
    """The whole picture as one vector: mean and maximum over patches of widened features."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out = 8 * width
        self.widen = nn.Linear(width, 4 * width)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, patches, width) to (batch, 1, out)."""
        wide = self.widen(features)
        return torch.cat([wide.mean(1, keepdim=True), wide.amax(1, keepdim=True)], 2)


class Concat(Fusion):
    """Pooled features joined to every word's state and projected; what comes out is added to the state."""

    injects = True

    def __init__(self, settings: FusionSettings, vision: VisionEncoder, width: int) -> None:
        super().__init__()
        self.pool = Pooling(vision.width)
        self.project = nn.Linear(self.pool.out, 2 * width)
        self.norm = nn.LayerNorm(width)
        self.join = Mlp(3 * width, 8 * width, width)

    def inject(self, states: Tensor, sight: Sight) -> Tensor:
        picture = self.project(self.pool(sight.features)).expand(-1, states.shape[1], -1)
        joined: Tensor = states + self.join(torch.cat([self.norm(states), picture], 2))
        return joined


class WeightedSum(Fusion):
    """A gate, learned from both, says how much of the pooled picture and how much of the word goes on."""

    injects = True

    def __init__(self, settings: FusionSettings, vision: VisionEncoder, width: int) -> None:
        super().__init__()
        self.pool = Pooling(vision.width)
        self.project = nn.Linear(self.pool.out, width)
        self.norm = nn.LayerNorm(width)
        self.gate = Mlp(2 * width, 4 * width, width)

    def inject(self, states: Tensor, sight: Sight) -> Tensor:
        picture = self.project(self.pool(sight.features)).expand_as(states)
        share = torch.sigmoid(self.gate(torch.cat([self.norm(states), picture], 2)) - 2)
        mixed: Tensor = (1 - share) * states + share * picture
        return mixed


class Looking(nn.Module):
    """A layer in which one sequence looks at another, then thinks."""

    def __init__(self, width: int, other: int, heads: int) -> None:
        super().__init__()
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = CrossAttention(width, other, heads)
        self.mlp = Mlp(width, 4 * width, width)

    def forward(self, x: Tensor, other: Tensor, mask: Tensor | None = None) -> Tensor:
        """(batch, n, width) and (batch, m, other) under (batch, n, m): (batch, n, width)."""
        x = x + self.attention(self.before_attention(x), other, mask)
        thought: Tensor = x + self.mlp(self.before_mlp(x))
        return thought


class AttentionFusion(Fusion):
    """The text attends to the patches."""

    injects = True

    def __init__(self, settings: FusionSettings, vision: VisionEncoder, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Looking(width, vision.width, settings.heads) for _ in range(settings.layers))

    def inject(self, states: Tensor, sight: Sight) -> Tensor:
        for layer in self.layers:
            states = layer(states, sight.features)
        return states


class CrossModal(Fusion):
    """Co-attention in both directions (Lu et al. 2019): patches look at the question, the text looks at those patches.

    Every segment has its own patches, which look at its prompt alone: a word to be predicted must not be told by them.
    """

    injects = True

    def __init__(self, settings: FusionSettings, vision: VisionEncoder, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(vision.width, width)
        self.norm = nn.LayerNorm(width)
        self.reading = nn.ModuleList(CrossAttention(width, width, settings.heads) for _ in range(settings.layers))
        self.before_reading = nn.ModuleList(nn.LayerNorm(width) for _ in range(settings.layers))
        self.looking = nn.ModuleList(Looking(width, width, settings.heads) for _ in range(settings.layers))

    def inject(self, states: Tensor, sight: Sight) -> Tensor:
        if sight.memory:  # words after a prompt: its patches are known, and there is one set for all
            for layer, patches in zip(self.looking, sight.memory, strict=True):
                states = layer(states, patches)
            return states
        count = max(1, int(sight.segments.max()) + 1)
        numbers = torch.arange(count, device=states.device)
        owned = sight.segments[:, None, :] == numbers[:, None]  # (batch, count, length)
        patches = self.norm(self.project(sight.features)).repeat(1, count, 1)
        each = sight.features.shape[1]
        reads = (owned & sight.prompts[:, None, :]).repeat_interleave(each, 1)
        sees = owned.repeat_interleave(each, 1).transpose(1, 2)
        for before, reading, looking in zip(self.before_reading, self.reading, self.looking, strict=True):
            patches = patches + reading(before(patches), states, reads)
            states = looking(states, patches, sees)
            sight.memory.append(patches)
        return states


FUSIONS: dict[str, Callable[[FusionSettings, VisionEncoder, int], Fusion]] = {
    "concat": Concat,
    "weighted_sum": WeightedSum,
    "attention": AttentionFusion,
    "cross_modal": CrossModal,
    "prefix": Prefix,
    "contrastive": lambda *_: Fusion(),
}
"""Fusions of a vision encoder with a language model of some width, by the `kind` in the settings (`none` aside)."""

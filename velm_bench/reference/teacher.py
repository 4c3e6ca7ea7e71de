"""The sight teacher: what a picture shows where, as a lesson for the vision encoder (in training only)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from velm_bench.reference.layers import Linear
from velm_bench.reference.settings import IGNORED


def mean_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean over the targets that are not IGNORED; 0 where all are."""
    total = functional.cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum")
    return total / (targets != IGNORED).sum().clamp(min=1)


class SightTeacher(nn.Module):
    """Heads used in training only, which ask the patches themselves what is where.

    Each patch says what covers its centre (shape, colour, size, texture), whether a thing's centre lies in it and where
    that centre is; pooled, they say which attributes the picture shows. Cheap lessons in binding and in place.
    """

    def __init__(self, width: int, classes: Sequence[int], tags: int) -> None:
        super().__init__()
        self.classes = tuple(classes)
        self.patch = Linear(width, sum(classes) + 3)
        self.picture = nn.Linear(2 * width, tags)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features (batch, patches, width) to logits of the patches (..., sum(classes) + 3) and of the tags."""
        pooled = torch.cat([features.mean(1), features.amax(1)], 1)
        return self.patch(features), self.picture(pooled)

    def loss(self, features: Tensor, lessons: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The losses `patches` and `tags`, each a scalar.

        `lessons` holds `looks` (batch, patches, heads; -100 where nothing is to be said), `centres` (batch, patches),
        `offsets` (batch, patches, 2; NaN where no thing is) and `visual_tags` (batch, tags), 0 or 1.
        """
        patches, picture = self(features)
        parts = patches.split([*self.classes, 1, 2], -1)
        looks = [
            mean_cross_entropy(logits.flatten(0, 1), lessons["looks"][..., i].flatten().long())
            for i, logits in enumerate(parts[:-2])
        ]
        centre = functional.binary_cross_entropy_with_logits(parts[-2][..., 0], lessons["centres"])
        known = ~lessons["offsets"].isnan()
        offset = functional.l1_loss(parts[-1][known], lessons["offsets"][known], reduction="sum") / known.sum().clamp(
            min=1
        )
        tags = functional.binary_cross_entropy_with_logits(picture, lessons["visual_tags"])
        return {"patches": torch.stack(looks).sum() + 4 * centre + 2 * offset, "tags": tags}

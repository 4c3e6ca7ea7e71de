"""The sight teacher: what a picture shows, as a lesson for the vision encoder (in training only)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from velm_bench.reference.losses import Counts, Losses, cross_entropy, share


class SightTeacher(nn.Module):
    """Heads used in training only.

    Of a scene, each patch says what covers its centre (shape, colour, size, texture), whether a thing's centre lies in
    it and where that centre is; pooled, the patches say which attributes the picture shows. Cheap lessons in binding
    and in place. Of other pictures, the pooled patches say the class.
    """

    def __init__(self, width: int, looks: Sequence[int], tags: int, classes: int = 0) -> None:
        super().__init__()
        self.looks = tuple(looks)
        self.patch = nn.Linear(width, sum(looks) + 3)
        self.picture = nn.Linear(2 * width, tags)
        self.kind = nn.Linear(2 * width, classes) if classes else None

    def loss(self, features: Tensor, lessons: Mapping[str, Tensor], counts: Counts) -> Losses:
        """The losses of the lessons that a batch holds, each a scalar, of features (batch, patches, width).

        `patches` and `tags` need `looks` (batch, patches, heads; -100 where nothing is to be said), `centres` (batch,
        patches), `offsets` (batch, patches, 2; NaN where no thing is) and `visual_tags` (batch, tags), 0 or 1;
        `classes` needs `classes` (batch,), -100 where there is none.
        """
        pooled = torch.cat([features.mean(1), features.amax(1)], 1)
        found: Losses = {}
        if "looks" in lessons:
            found["patches"] = self._patches(features, lessons, counts)
            tags = functional.binary_cross_entropy_with_logits(
                self.picture(pooled), lessons["visual_tags"], reduction="sum"
            )
            found["tags"] = share(tags, counts["tags"])
        if "classes" in lessons and self.kind is not None:
            found["classes"] = cross_entropy(self.kind(pooled), lessons["classes"], counts["classes"])
        return found

    def _patches(self, features: Tensor, lessons: Mapping[str, Tensor], counts: Counts) -> Tensor:
        parts = self.patch(features).split([*self.looks, 1, 2], -1)
        looks = [
            cross_entropy(logits, lessons["looks"][..., i], counts[f"looks.{i}"]) for i, logits in enumerate(parts[:-2])
        ]
        centre = functional.binary_cross_entropy_with_logits(parts[-2][..., 0], lessons["centres"], reduction="sum")
        known = ~lessons["offsets"].isnan()
        offset = functional.l1_loss(parts[-1][known], lessons["offsets"][known], reduction="sum")
        placed = 4 * share(centre, counts["centres"]) + 2 * share(offset, counts["offsets"])
        return torch.stack(looks).sum() + placed

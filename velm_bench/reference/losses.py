"""What a training minimises, as sums over a batch and the numbers that they are divided by.

A step may see its batch in parts, in several processes or one after the other. Every loss is therefore a sum over what
a part holds, divided by how much of it the *whole* batch holds: the parts' gradients then add up to those of the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from velm_bench.reference.settings import IGNORED

Counts = dict[str, float]
"""How much of what each loss is a mean over a batch holds, by the loss's name."""
Losses = dict[str, Tensor]


def counts(batch: Mapping[str, NDArray[Any]]) -> Counts:
    """What the losses of a batch are divided by."""
    found: Counts = {}
    if "targets" in batch:
        found["text"] = float(batch["weights"][batch["targets"] != IGNORED].sum())
        found["ner"] = float((batch["tags"] != IGNORED).sum())
    if "texts" in batch:
        found["joint"] = float((batch["texts"] > 0).sum())
    if "classes" in batch:
        found["classes"] = float((batch["classes"] != IGNORED).sum())
    if "looks" in batch:
        for i, known in enumerate((batch["looks"] != IGNORED).sum((0, 1))):
            found[f"looks.{i}"] = float(known)
        found["centres"] = float(batch["centres"].size)
        found["offsets"] = float((~np.isnan(batch["offsets"])).sum())
        found["tags"] = float(batch["visual_tags"].size)
    return found


def added(parts: list[Counts]) -> Counts:
    """The counts of a batch from those of its parts."""
    return {name: sum(part.get(name, 0.0) for part in parts) for name in sorted(set().union(*parts))}


def share(total: Tensor, count: float) -> Tensor:
    """A part's share of a mean; 0 where the whole batch holds nothing to be averaged."""
    return total / max(count, 1e-6)


def cross_entropy(logits: Tensor, targets: Tensor, count: float) -> Tensor:
    """The share of the mean cross-entropy of logits (..., classes) over targets (...) that are not IGNORED."""
    flat, wanted = logits.flatten(0, -2), targets.flatten().long()
    return share(functional.cross_entropy(flat, wanted, ignore_index=IGNORED, reduction="sum"), count)


def likelihood(logits: Tensor, targets: Tensor, weights: Tensor, smoothing: float, count: float) -> Tensor:
    """The share of the weighted mean of -log p(target), logits (n, words), smoothed as by Szegedy et al. 2016."""
    each = functional.cross_entropy(logits, targets.long(), reduction="none", label_smoothing=smoothing)
    return share((each * weights).sum(), count)


def contrast(logits: Tensor, match: Tensor, count: float) -> Tensor:
    """The share of the sigmoid loss of Zhai et al. 2023 (SigLIP), equation 1, per text.

    Of the logits (n, b) of n texts and b pictures, and `match`, likewise, True where they belong together: every pair
    is a question of its own.
    """
    return share(-functional.logsigmoid(torch.where(match, logits, -logits)).sum(), count)


def matching(rows: Tensor, pairs: Tensor, pictures: int) -> Tensor:
    """Which pictures each text tells of: (n, pictures), True where one of the picture's texts is the same text.

    `rows` (n,) is the picture that a text was taken from, `pairs` (n,) the text's number; equal texts have equal ones.
    """
    same = pairs[:, None] == pairs[None, :]
    owned = functional.one_hot(rows, pictures)
    return (same.float() @ owned.float()) > 0

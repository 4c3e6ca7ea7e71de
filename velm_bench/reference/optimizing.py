"""The optimiser of a training and its learning rate over the budget."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from velm_bench.reference.recipe import OptimizerSettings


def adamw(parameters: Iterable[nn.Parameter], settings: OptimizerSettings) -> torch.optim.AdamW:
    """AdamW that decays what has two dimensions or more (embeddings too, as GPT-2 does), and no bias or norm."""
    held = list(parameters)
    groups = [
        {"params": [one for one in held if one.ndim > 1], "weight_decay": settings.decay},
        {"params": [one for one in held if one.ndim <= 1], "weight_decay": 0.0},
    ]
    betas = (settings.beta1, settings.beta2)
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=settings.rate, betas=betas, fused=True)


def rate(settings: OptimizerSettings, done: float, first: float) -> float:
    """The learning rate when the share `done` of the budget is spent.

    It rises twice, at the beginning and where the text comes in (the share `first`), under a cosine over the whole.
    """
    since = done - first if done >= first else done
    rise = min(1.0, (since + settings.warmup / 20) / settings.warmup)
    fall = settings.final + (1 - settings.final) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return settings.rate * rise * fall

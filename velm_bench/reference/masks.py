"""Who may look at whom: visual prefix first, then text in segments that do not see each other."""

from __future__ import annotations

import torch
from torch import Tensor


def packed_mask(segments: Tensor, both_ways: Tensor, sighted: Tensor, told: Tensor, visual: int) -> Tensor:
    """The mask of whole sequences, (batch, visual + length, visual + length), True where a row may look at a column.

    `segments` (batch, length) numbers the segments, `both_ways` (batch, length) marks those read in both directions,
    `sighted` (batch,) says whether the text sees the prefix, `told` (batch,) whether it sees segment 0, which then
    describes the picture. The prefix sees itself.
    """
    batch, length = segments.shape
    mask = torch.zeros(batch, visual + length, visual + length, dtype=torch.bool, device=segments.device)
    mask[:, :visual, :visual] = True
    mask[:, visual:, :visual] = sighted[:, None, None]
    described = told[:, None, None] & (segments == 0)[:, None, :] & (segments > 0)[:, :, None]
    mask[:, visual:, visual:] = segment_mask(segments, both_ways) | described
    return mask


def segment_mask(segments: Tensor, both_ways: Tensor) -> Tensor:
    """The part of the mask between text positions, shape (batch, length, length)."""
    length = segments.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=segments.device).tril()
    same = segments[:, :, None] == segments[:, None, :]
    return same & (causal | both_ways[:, :, None])


def continued_mask(real: Tensor, segments: Tensor) -> Tensor:
    """The mask of new causal segments after cached positions: (batch, length, past + length).

    `real` (batch, past) marks the cached positions that hold something; every new segment sees all of them.
    """
    own = segment_mask(segments, torch.zeros_like(segments, dtype=torch.bool))
    before = real[:, None, :].expand(-1, segments.shape[1], -1)
    return torch.cat([before, own], 2)

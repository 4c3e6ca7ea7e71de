"""What transformers' own generation needs of a reference model beside its forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import StoppingCriteria
from transformers.modeling_outputs import CausalLMOutputWithPast

from velm_bench.reference.fusion import Sight


@dataclass(frozen=True)
class Seen:
    """What later passes of a generation need to know of its prompts, whether or not they have a cache."""

    pictured: Tensor
    """Where the prompts' visual tokens stand, (batch, prompt) bool."""
    sight: Sight | None
    """What the prompts saw; None where there is no picture."""


@dataclass
class VelmOutput(CausalLMOutputWithPast):
    """Loss, logits and cache as usual, and what the next pass is to be given with the cache."""

    seen: Seen | None = None


@dataclass(frozen=True)
class Layout:
    """How a sequence of visual tokens and words, padded anywhere, is to be read."""

    written: Tensor
    """Where words stand, (batch, length) bool."""
    positions: Tensor
    """Text positions, (batch, length); 0 for visual tokens."""
    mask: Tensor
    """Which position looks at which, (batch, length, length) bool."""

    @classmethod
    def of(cls, real: Tensor, pictured: Tensor, context: int) -> Layout:
        """The layout of a sequence in which `real` (batch, length) is False on padding.

        `pictured` (batch, some) marks the visual tokens, all of which stand among the first. They see each other,
        words see what is before them, and padding sees itself, since attention to nothing is undefined.
        """
        length = real.shape[1]
        pictured = functional.pad(pictured, (0, length - pictured.shape[1]))
        written = real & ~pictured
        positions = (written.long().cumsum(1) - 1).clamp(0, context - 1).masked_fill(pictured, 0)
        causal = torch.ones(length, length, dtype=torch.bool, device=real.device).tril()
        together = pictured[:, :, None] & pictured[:, None, :]
        itself = torch.eye(length, dtype=torch.bool, device=real.device)
        return cls(written, positions, (causal & real[:, None, :]) | together | itself)


class WindowFull(StoppingCriteria):
    """Ends every row whose prompt and answer fill the language model's window."""

    def __init__(self, prompts: Tensor, width: int, context: int) -> None:
        """`prompts` (batch,) counts the words of each prompt, and `width` the columns that hold them."""
        self.room, self.width = (context - prompts).clamp(min=1), width

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        """(rows, length) to (rows,) bool; a beam search asks with several rows per prompt, one after the other."""
        rows = len(input_ids) // len(self.room)
        return (input_ids.shape[1] - self.width >= self.room).repeat_interleave(rows)

"""The building blocks that vision encoders and fusions share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.inputs = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, length, width) to the same shape."""
        query, key, value = self.inputs(x).chunk(3, -1)
        attended: Tensor = self.output(attend(query, key, value, self.heads))
        return attended


class CrossAttention(nn.Module):
    """Multi-head attention of one sequence to another, under a mask; a learned key is always there to look at."""

    def __init__(self, width: int, other: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.both = nn.Linear(other, 2 * width)
        self.nothing = nn.Embedding(2, width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor, other: Tensor, mask: Tensor | None = None) -> Tensor:
        """(batch, n, width) looks at (batch, m, other) where the mask (batch, n, m) is True: (batch, n, width).

        The learned key keeps a row that may look at nothing from being undefined.
        """
        key, value = self.both(other).chunk(2, -1)
        nothing = self.nothing.weight[:, None, None, :].expand(2, len(x), 1, -1)
        key, value = torch.cat([nothing[0], key], 1), torch.cat([nothing[1], value], 1)
        allowed = None if mask is None else functional.pad(mask, (1, 0), value=True)
        attended: Tensor = self.output(attend(self.query(x), key, value, self.heads, allowed))
        return attended


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int, mask: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention in heads: (batch, n, width) over (batch, m, width) to (batch, n, width)."""
    each = query.shape[2] // heads
    query, key, value = (part.reshape(*part.shape[:2], heads, each).transpose(1, 2) for part in (query, key, value))
    seen = functional.scaled_dot_product_attention(query, key, value, None if mask is None else mask[:, None])
    return seen.transpose(1, 2).flatten(2)


class Mlp(nn.Module):
    """Two layers with a squared ReLU between them."""

    def __init__(self, width: int, inner: int, out: int) -> None:
        super().__init__()
        self.widen = nn.Linear(width, inner)
        self.narrow = nn.Linear(inner, out)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) to (..., out)."""
        narrowed: Tensor = self.narrow(functional.relu(self.widen(x)).square())
        return narrowed


class Block(nn.Module):
    """A pre-norm transformer layer with squared ReLU."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.before_mlp = nn.LayerNorm(width)
        self.mlp = Mlp(width, 4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, length, width) to the same shape."""
        x = x + self.attention(self.before_attention(x))
        deeper: Tensor = x + self.mlp(self.before_mlp(x))
        return deeper


class ResidualConvolutions(nn.Module):
    """Two 3x3 convolutions around which the input is carried."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return functional.relu(x + self.body(x))

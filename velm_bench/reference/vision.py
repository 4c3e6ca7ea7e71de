"""Vision encoders: pixels to a feature vector per patch."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from velm_bench.reference.layers import Block, ResidualConvolutions
from velm_bench.reference.settings import VisionSettings


class VisionEncoder(nn.Module, ABC):
    """What every fusion may rely on: patches in rows from the top left, each with `width` features."""

    patches: int
    width: int

    @abstractmethod
    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels (batch, 3, size, size), float32 in -1..1, to features (batch, patches, width)."""


def coordinates(size: int) -> Tensor:
    """Two channels that tell each pixel where it is, x and y in -1..1, shape (2, size, size)."""
    line = torch.linspace(-1, 1, size)
    return torch.stack([line.expand(size, size), line[:, None].expand(size, size)])


class ConvViT(VisionEncoder):
    """Residual convolutions down to an eighth of the side, then a transformer over the patches."""

    def __init__(self, settings: VisionSettings) -> None:
        super().__init__()
        self.patches, self.width = settings.grid**2, settings.width
        stages: list[nn.Module] = []
        before = 5
        for channels in settings.channels:
            stages.append(_halving(before, channels, 5 if before == 5 else 3))
            stages.extend(ResidualConvolutions(channels) for _ in range(settings.blocks))
            before = channels
        self.stem = nn.Sequential(*stages)
        self.rows = nn.Parameter(0.02 * torch.randn(settings.grid, 1, settings.width))
        self.columns = nn.Parameter(0.02 * torch.randn(1, settings.grid, settings.width))
        self.layers = nn.ModuleList(Block(settings.width, settings.heads) for _ in range(settings.layers))
        self.norm = nn.LayerNorm(settings.width)

    def forward(self, pixels: Tensor) -> Tensor:
        places = coordinates(pixels.shape[-1]).to(pixels).expand(len(pixels), -1, -1, -1)
        maps = self.stem(torch.cat([pixels, places], 1).contiguous(memory_format=torch.channels_last))
        x = maps.permute(0, 2, 3, 1) + self.rows + self.columns
        x = x.flatten(1, 2)
        for layer in self.layers:
            x, _ = layer(x)
        features: Tensor = self.norm(x)
        return features


def _halving(before: int, after: int, kernel: int) -> nn.Module:
    """A convolution of stride two with its normalisation."""
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride=2, padding=kernel // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )


ENCODERS: dict[str, type[ConvViT]] = {"conv_vit": ConvViT}
"""Vision encoders by the `kind` in the settings."""

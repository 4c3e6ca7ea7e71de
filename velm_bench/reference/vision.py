"""Vision encoders: pixels to a feature vector per patch."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig

from velm_bench.errors import UsageError
from velm_bench.reference.backbones import built, checkpoint_config, resnet, vit
from velm_bench.reference.layers import Block, ResidualConvolutions
from velm_bench.reference.settings import VisionSettings


class VisionEncoder(nn.Module, ABC):
    """What every fusion may rely on: patches in rows from the top left, each with `width` features."""

    patches: int
    width: int

    @property
    def grid(self) -> int:
        """Patches along a side."""
        return math.isqrt(self.patches)

    @abstractmethod
    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels (batch, 3, size, size), float, normalised, to features (batch, patches, width)."""


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
            x = layer(x)
        features: Tensor = self.norm(x)
        return features


def _halving(before: int, after: int, kernel: int) -> nn.Module:
    """A convolution of stride two with its normalisation."""
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride=2, padding=kernel // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )


class Vgg(VisionEncoder):
    """Stages of plain 3x3 convolutions, each ended by a maximum over 2x2 (Simonyan and Zisserman 2015)."""

    def __init__(self, settings: VisionSettings) -> None:
        super().__init__()
        self.patches, self.width = settings.grid**2, settings.width
        layers: list[nn.Module] = []
        before = 3
        for channels in settings.channels:
            for _ in range(settings.blocks):
                layers += [nn.Conv2d(before, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()]
                before = channels
            layers.append(nn.MaxPool2d(2))
        self.stem = nn.Sequential(*layers)
        self.places = nn.Parameter(0.02 * torch.randn(self.patches, self.width))
        self.norm = nn.LayerNorm(self.width)

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.norm(self.stem(pixels).flatten(2).transpose(1, 2) + self.places)
        return features


class Backbone(VisionEncoder):
    """Any vision model of transformers; a class token, which is no patch, is left out."""

    def __init__(self, config: PretrainedConfig | Mapping[str, Any], size: int) -> None:
        super().__init__()
        self.backbone = built(config)
        self.patches, self.width = self._measured(size)
        self.places = nn.Parameter(0.02 * torch.randn(self.patches, self.width))
        self.norm = nn.LayerNorm(self.width)

    def _measured(self, size: int) -> tuple[int, int]:
        """How many patches of which width come of a picture of this size."""
        self.backbone.train(False)  # a look must not move the running means of its normalisations
        with torch.no_grad():
            device = next(self.backbone.parameters()).device
            try:
                found = self._features(torch.zeros(1, 3, size, size, device=device))
            except ValueError as error:
                said = " ".join(str(error).split()).rstrip(".")
                raise UsageError(f"model.vision.image_size {size} does not fit its checkpoint: {said}.") from error
        self.backbone.train()
        return found.shape[1], found.shape[2]

    def _features(self, pixels: Tensor) -> Tensor:
        found: Tensor = self.backbone(pixel_values=pixels).last_hidden_state
        if found.ndim == 4:
            return found.flatten(2).transpose(1, 2)
        return found[:, found.shape[1] - math.isqrt(found.shape[1]) ** 2 :]

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.norm(self._features(pixels) + self.places)
        return features


def checkpoint_grid(checkpoint: str, size: int) -> int:
    """Patches along a side that a vision checkpoint makes of pictures of this size; UsageError where it cannot."""
    with torch.device("meta"):
        return Backbone(checkpoint_config(checkpoint, "vision"), size).grid


ENCODERS: dict[str, Callable[[VisionSettings], VisionEncoder]] = {
    "conv_vit": ConvViT,
    "vgg": Vgg,
    "vit": lambda settings: Backbone(vit(settings), settings.image_size),
    "resnet": lambda settings: Backbone(resnet(settings), settings.image_size),
}
"""Vision encoders from scratch by the `kind` in the settings."""

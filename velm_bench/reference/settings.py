"""What a reference model is made of: one strict schema per part, shared by recipes and checkpoints (no torch here)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-MISC", "I-MISC")
"""What the tag head tells apart, in the order of its rows."""

PADDING = -1
"""The segment of positions that hold nothing."""
IGNORED = -100
"""The target of positions at which nothing is to be predicted."""

Positive = Annotated[int, Field(gt=0)]


class Strict(BaseModel):
    """A section in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class VisionSettings(Strict):
    """A convolutional stem (three stages of residual blocks, stride 8) and transformer layers over the patches."""

    kind: Literal["conv_vit"] = "conv_vit"
    image_size: Annotated[int, Field(gt=0, multiple_of=8)] = 64
    """The side, in pixels, that every picture is brought to."""
    channels: tuple[Positive, Positive, Positive] = (32, 64, 128)
    """Channels of the stages at stride 2, 4 and 8; the last is the width of the patches."""
    blocks: Positive = 1
    """Residual blocks (two convolutions each) per stage."""
    layers: Annotated[int, Field(ge=0)] = 2
    heads: Positive = 4

    @property
    def grid(self) -> int:
        """Patches along a side."""
        return self.image_size // 8

    @property
    def width(self) -> int:
        """The width of a patch's features."""
        return self.channels[2]


class LanguageSettings(Strict):
    """A small GPT decoder."""

    kind: Literal["gpt"] = "gpt"
    width: Positive = 128
    layers: Positive = 6
    heads: Positive = 4
    context: Annotated[int, Field(ge=32)] = 128
    """The most text tokens (prompt and answer together) that it sees."""
    vocabulary: Annotated[int, Field(ge=300)] = 768
    """Entries of the byte-level BPE tokenizer, special tokens included."""


class FusionSettings(Strict):
    """How the picture reaches the language model: `prefix` puts a visual token per patch before the text."""

    kind: Literal["prefix"] = "prefix"


class ModelSettings(Strict):
    """The whole model."""

    vision: VisionSettings = VisionSettings()
    language: LanguageSettings = LanguageSettings()
    fusion: FusionSettings = FusionSettings()

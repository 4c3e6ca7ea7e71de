"""What a reference model is made of: one strict schema per part, shared by recipes and checkpoints (no torch here)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-MISC", "I-MISC")
"""What the tag head tells apart unless the data has other tags, in the order of its rows."""

PADDING = -1
"""The segment of positions that hold nothing."""
IGNORED = -100
"""The target of positions at which nothing is to be predicted."""

Positive = Annotated[int, Field(gt=0)]
Rgb = tuple[float, float, float]


class Strict(BaseModel):
    """A section in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class VisionSettings(Strict):
    """The vision encoder: a small one from scratch, or any vision model of transformers by its checkpoint."""

    kind: Literal["conv_vit", "vit", "resnet", "vgg"] = "conv_vit"
    """`conv_vit` is residual convolutions (stride 8) before transformer layers; it learns far sooner than a `vit`."""
    checkpoint: str = ""
    """A Hugging Face checkpoint (ORG/NAME or folder) to start from; it decides kind and sizes itself."""
    image_size: Annotated[int, Field(gt=0, multiple_of=8)] = 64
    """The side, in pixels, that every picture is brought to."""
    channels: tuple[Positive, Positive, Positive] = (32, 64, 128)
    """Channels of the stages at stride 2, 4 and 8 (a `vit` has the last alone); the last are those of the patches."""
    blocks: Positive = 1
    """Residual blocks (two convolutions each) per stage; of a `vgg`, convolutions."""
    layers: Annotated[int, Field(ge=0)] = 2
    """Transformer layers of a `conv_vit` or `vit`."""
    heads: Positive = 4
    mean: Rgb = (0.5, 0.5, 0.5)
    """What is taken from red, green and blue, each in 0..1; a checkpoint brings its own."""
    deviation: Rgb = (0.5, 0.5, 0.5)
    """By what they are divided then."""

    @property
    def grid(self) -> int:
        """Patches along a side of an encoder from scratch."""
        return self.image_size // 8

    @property
    def width(self) -> int:
        """The width of the patches of an encoder from scratch."""
        return self.channels[2]


class LanguageSettings(Strict):
    """The language model: a small one from scratch, or any of transformers' text models by its checkpoint.

    The mask alone decides which word sees which, so that `gpt` tags with both sides in view and `bert` writes.
    """

    kind: Literal["gpt", "bert", "llama"] = "gpt"
    """`llama` turns its queries and keys by place, so that it learns sooner what stands beside a word."""
    checkpoint: str = ""
    """A Hugging Face checkpoint (ORG/NAME or folder) to start from; it decides kind, sizes and tokenizer itself."""
    width: Positive = 128
    layers: Positive = 6
    heads: Positive = 4
    context: Annotated[int, Field(ge=32)] = 128
    """The most text tokens (prompt and answer together) that it sees."""
    vocabulary: Annotated[int, Field(ge=300)] = 768
    """Entries of the byte-level BPE tokenizer, special tokens included."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """In training: of embeddings, attention and residual branches; of `llama`, in attention alone. A checkpoint brings
    its own."""


class FusionSettings(Strict):
    """How the picture reaches the language model, and before which of its layers."""

    kind: Literal["concat", "weighted_sum", "attention", "cross_modal", "prefix", "contrastive", "none"] = "prefix"
    at: Literal["input", "middle", "top"] = "input"
    """Before the first, the middle or the last layer."""
    layers: Positive = 1
    """Layers of `attention` and `cross_modal`, one upon the other."""
    heads: Positive = 4
    """Heads of `attention` and `cross_modal`."""


class AdaptationSettings(Strict):
    """What of the model learns."""

    kind: Literal["full", "frozen", "lora", "prefix_tuning", "heads"] = "full"
    """`full`: everything. `frozen`: vision encoder and fusion. `lora` and `prefix_tuning`: these, the heads, and a few
    weights added to the frozen language model. `heads`: fusion and heads alone."""
    rank: Positive = 8
    """Of `lora`."""
    length: Positive = 8
    """Learned positions of `prefix_tuning`, in every layer."""


class ModelSettings(Strict):
    """The whole model; combinations that make no sense are refused with a reason."""

    vision: VisionSettings = VisionSettings()
    language: LanguageSettings = LanguageSettings()
    fusion: FusionSettings = FusionSettings()
    adaptation: AdaptationSettings = AdaptationSettings()
    embedding: Annotated[int, Field(ge=0)] = 0
    """Width of the space that pictures and texts share for the contrastive loss; 0 is none."""

    @model_validator(mode="after")
    def _sensible(self) -> ModelSettings:
        kind, at = self.fusion.kind, self.fusion.at
        if at != "input" and kind in _WITHOUT_PLACE:
            raise ValueError(f"fusion.at must be input for {kind}, {_WITHOUT_PLACE[kind]}")
        if kind == "contrastive" and not self.embedding:
            raise ValueError("fusion.kind contrastive needs a space to compare in, so set embedding, 64 for example")
        if kind == "none" and self.embedding:
            raise ValueError("embedding must be 0 for fusion.kind none, which has no pictures to compare with texts")
        if kind == "none" and self.adaptation.kind == "frozen":
            raise ValueError("adaptation.kind frozen leaves nothing to learn where fusion.kind is none")
        if not self.vision.checkpoint and self.vision.width % self.vision.heads:
            raise ValueError("the last of vision.channels must be a multiple of vision.heads")
        if self.language.checkpoint:
            if self.language.dropout:
                raise ValueError("language.dropout has no effect beside language.checkpoint, which brings its own")
        else:
            self._divisible(self.language)
        return self

    def _divisible(self, language: LanguageSettings) -> None:
        """Refuse a width from scratch that its heads, or those of the fusion, cannot share."""
        width, heads = language.width, language.heads
        if width % heads:
            raise ValueError("language.width must be a multiple of language.heads")
        if language.kind == "llama" and width % (2 * heads):
            raise ValueError("language.width must be a multiple of twice language.heads for llama, which turns pairs")
        if self.fusion.kind in ("attention", "cross_modal") and width % self.fusion.heads:
            raise ValueError(f"language.width must be a multiple of fusion.heads for {self.fusion.kind}")


_WITHOUT_PLACE = {
    "prefix": "which stands before the text from the first layer on",
    "contrastive": "whose picture never enters the language model",
    "none": "which has no picture",
}

"""The configuration file of a reference checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PretrainedConfig

from velm_bench.reference.processing import BOS, EOS, IMAGE, PAD, TAG
from velm_bench.reference.settings import TAGS, ModelSettings

PARTS = ("vision", "language", "fusion", "adaptation", "embedding")


class VelmConfig(PretrainedConfig):  # type: ignore[no-untyped-call]
    """A reference model: the settings of its parts, its tags, and its special tokens.

    `backbones` holds the configurations of parts that came from a checkpoint, so that loading asks no hub.
    """

    model_type = "velm"

    def __init__(
        self,
        vision: Mapping[str, Any] | None = None,
        language: Mapping[str, Any] | None = None,
        fusion: Mapping[str, Any] | None = None,
        adaptation: Mapping[str, Any] | None = None,
        embedding: int = 0,
        backbones: Mapping[str, Any] | None = None,
        tags: Sequence[str] = TAGS,
        tag_token_id: int = TAG,
        image_token_id: int = IMAGE,
        **others: Any,
    ) -> None:
        self.vision, self.language, self.fusion = dict(vision or {}), dict(language or {}), dict(fusion or {})
        self.adaptation, self.embedding = dict(adaptation or {}), embedding
        self.backbones = dict(backbones or {})
        self.tags = list(tags)
        self.tag_token_id, self.image_token_id = tag_token_id, image_token_id
        for name, token in (("pad", PAD), ("eos", EOS), ("bos", BOS)):
            others.setdefault(f"{name}_token_id", token)
        others["tie_word_embeddings"] = False  # the head is no module of its own: see VelmForGeneration.head
        super().__init__(**others)

    @classmethod
    def of(cls, settings: ModelSettings, **others: Any) -> VelmConfig:
        """The configuration of a model with these settings."""
        return cls(**settings.model_dump(mode="json"), **others)

    @property
    def settings(self) -> ModelSettings:
        """The parts' settings, validated."""
        return ModelSettings.model_validate({part: getattr(self, part) for part in PARTS})

    @property
    def language_backbone(self) -> PretrainedConfig:
        """The configuration of the language model, from a checkpoint or from the settings."""
        from velm_bench.reference.backbones import as_config
        from velm_bench.reference.language import language_config

        held = self.backbones.get("language")
        return as_config(held) if held else language_config(self.settings.language)

    @property
    def context(self) -> int:
        """The most text tokens (prompt and answer together) that the model sees."""
        return min(self.settings.language.context, int(self.language_backbone.max_position_embeddings))

    def get_text_config(self, *_: Any, **__: Any) -> PretrainedConfig:
        """The language model's configuration, which transformers' generation asks for depth and sizes."""
        return self.language_backbone

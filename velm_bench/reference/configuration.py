"""The configuration file of a reference checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PretrainedConfig

from velm_bench.reference.settings import TAGS, ModelSettings


class VelmConfig(PretrainedConfig):  # type: ignore[no-untyped-call]
    """A reference model: the settings of its vision encoder, language model and fusion, and its tags."""

    model_type = "velm"

    def __init__(
        self,
        vision: Mapping[str, Any] | None = None,
        language: Mapping[str, Any] | None = None,
        fusion: Mapping[str, Any] | None = None,
        tags: Sequence[str] = TAGS,
        **others: Any,
    ) -> None:
        self.vision = dict(vision or {})
        self.language = dict(language or {})
        self.fusion = dict(fusion or {})
        self.tags = list(tags)
        others.setdefault("tie_word_embeddings", True)
        super().__init__(**others)

    @classmethod
    def of(cls, settings: ModelSettings, **others: Any) -> VelmConfig:
        """The configuration of a model with these settings."""
        return cls(**settings.model_dump(mode="json"), **others)

    @property
    def settings(self) -> ModelSettings:
        """The parts' settings, validated."""
        return ModelSettings.model_validate({"vision": self.vision, "language": self.language, "fusion": self.fusion})

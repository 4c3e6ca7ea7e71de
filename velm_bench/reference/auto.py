"""The reference family under transformers' own names: `AutoModelForImageTextToText`, `AutoProcessor`, `pipeline`."""

from __future__ import annotations

from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoModelForImageTextToText, AutoProcessor

from velm_bench.reference.configuration import VelmConfig
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.processor import VelmImageProcessor, VelmProcessor


def register() -> None:
    """Make transformers know the family; calling it again changes nothing.

    After it `AutoModelForImageTextToText.from_pretrained(FOLDER)`, `AutoProcessor.from_pretrained(FOLDER)` and
    `pipeline("image-text-to-text", model=FOLDER)` open any checkpoint of the family.
    """
    AutoConfig.register(VelmConfig.model_type, VelmConfig, exist_ok=True)
    for auto in (AutoModel, AutoModelForImageTextToText):
        auto.register(VelmConfig, VelmForGeneration, exist_ok=True)
    AutoImageProcessor.register(VelmConfig, image_processor_classes={"pil": VelmImageProcessor}, exist_ok=True)
    AutoProcessor.register(VelmConfig, VelmProcessor, exist_ok=True)  # type: ignore[no-untyped-call]

"""Processors: with a tokenizer per thread, and without the video part, which needs torchvision as no picture does."""

from __future__ import annotations

import copy
import inspect
import json
from pathlib import Path
from typing import Any

from velm_bench.models.huggingface.base import left_padded


def needs_video(kind: Any) -> bool:
    """Whether a class of processors has a video part."""
    return kind is not None and "video_processor" in inspect.signature(kind.__init__).parameters


def processor_class(folder: Path, model_type: str) -> Any:
    """The class of a checkpoint's processor: what its files name, else transformers' for the model type; else None."""
    from transformers.models.auto import processing_auto

    auto: Any = processing_auto
    said = [_read(folder / name).get("processor_class") for name in _FILES]
    names = [name for name in (*said, auto.PROCESSOR_MAPPING_NAMES.get(model_type)) if name]
    return next((kind for name in names if (kind := auto.processor_class_from_name(str(name)))), None)


def without_video(kind: Any, folder: Path, image_processor: Any, tokenizer: Any) -> Any:
    """A checkpoint's processor of class `kind` with no video part."""

    class Still(kind):  # type: ignore[misc]
        """The same for pictures alone."""

        def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
            if argument_name == "video_processor":
                return None
            return super().check_argument_for_proper_class(argument_name, argument)

    takes = inspect.signature(kind.__init__).parameters
    settings = {name: value for name, value in _read(folder / "processor_config.json").items() if name in takes}
    settings |= {"image_processor": image_processor, "tokenizer": tokenizer, "video_processor": None}
    template = _template(folder)
    return Still(**settings | ({"chat_template": template} if template else {}))


def one_tokenizer(processor: Any, tokenizer: Any) -> Any:
    """A shallow copy of a processor that uses another tokenizer."""
    mine = copy.copy(processor)
    mine.tokenizer = left_padded(tokenizer)
    return mine


_FILES = ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json")


def _template(folder: Path) -> str:
    """The chat template that lies beside a processor; "" for none (the tokenizer may hold one)."""
    written = folder / "chat_template.jinja"
    if written.is_file():
        return written.read_text(encoding="utf-8")
    return str(_read(folder / "chat_template.json").get("chat_template") or "")


def _read(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found if isinstance(found, dict) else {}

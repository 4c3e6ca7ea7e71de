"""The trained weights that a training begins with, part by part, instead of from scratch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers.image_processing_utils import BaseImageProcessor

from velm_bench.errors import UsageError
from velm_bench.reference.backbones import checkpoint_config, checkpoint_weights
from velm_bench.reference.configuration import VelmConfig
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.processing import adopted_tokenizer, load_tokenizer, marks
from velm_bench.reference.recipe import Recipe, StartSettings
from velm_bench.reference.saving import without_bars
from velm_bench.registry import suggestion

CHECKPOINTS = Path(__file__).parent / "checkpoints"
"""Where the shipped checkpoints lie, a folder each."""

_PREFIXES = {"vision": ("vision.",), "language": ("language.", "head.", "tagger.")}
"""The names of a part's weights: the heads read what the language model writes."""
_FILES = ("config.json", "model.safetensors", "tokenizer.json")


def checkpoint_folder(name: str, field: str) -> Path:
    """The folder of a shipped checkpoint's name or of a folder; UsageError that names the recipe's field otherwise."""
    folder = Path(name) if (Path(name) / "config.json").is_file() else CHECKPOINTS / name
    missing = [file for file in _FILES if not (folder / file).is_file()]
    if len(missing) == len(_FILES):
        known = suggestion(name, sorted(path.parent.name for path in CHECKPOINTS.glob("*/config.json")))
        raise UsageError(f"start.{field} '{name}' is neither a shipped checkpoint nor a checkpoint's folder: {known}")
    if missing:
        raise UsageError(f"The checkpoint {folder} of start.{field} is incomplete: it lacks {', '.join(missing)}.")
    return folder


def fresh_model(recipe: Recipe, tokenizer: Tokenizer, tags: Sequence[str]) -> VelmForGeneration:
    """The model of a recipe as its training begins: from scratch but for what `start` or a checkpoint brings.

    `tokenizer` is the training's, `tags` what its tagger tells apart. A language model's checkpoint gets a row of
    embeddings for every special token that its tokenizer did not have.
    """
    named = {part: getattr(recipe.model, part).checkpoint for part in _PREFIXES}
    if recipe.model.fusion.kind == "none":
        named["vision"] = ""
    backbones = {part: checkpoint_config(name, part) for part, name in named.items() if name}
    if held := backbones.get("language"):
        held["vocab_size"] = max(held["vocab_size"], tokenizer.get_vocab_size())
    config = VelmConfig.of(recipe.model, backbones=backbones, tags=tags, **marks(tokenizer))
    if "vision" in backbones:
        config.vision |= _normalisation(named["vision"])
    model = VelmForGeneration(config)
    if not named["language"]:
        model.start_positions()
    for part in backbones:
        checkpoint_weights(named[part], part, getattr(model, part).backbone)
    bring(model, recipe.start)
    return model


def _normalisation(checkpoint: str) -> dict[str, Any]:
    """By what a vision checkpoint wants pixels normalised; nothing where it does not say."""
    try:
        said, _ = BaseImageProcessor.get_image_processor_dict(checkpoint)
    except OSError:
        return {}
    names = {"mean": "image_mean", "deviation": "image_std"}
    return {name: list(said[theirs]) for name, theirs in names.items() if len(said.get(theirs) or ()) == 3}


def bring(model: nn.Module, start: StartSettings) -> None:
    """Copy into a model the parts that begin with trained weights; UsageError where they are of another shape."""
    for part in _PREFIXES:
        if name := getattr(start, part):
            _copy(model, checkpoint_folder(name, part), part)


def started_tokenizer(recipe: Recipe) -> Tokenizer | None:
    """The tokenizer that comes with the language model, whose ids its weights know; None from scratch."""
    if name := recipe.model.language.checkpoint:
        return adopted_tokenizer(name)
    if not recipe.start.language:
        return None
    folder = checkpoint_folder(recipe.start.language, "language")
    with _damage_named(folder / "tokenizer.json", "language"):
        return load_tokenizer(folder)


def _copy(model: nn.Module, folder: Path, part: str) -> None:
    held = {name: tensor for name, tensor in _weights(folder, part).items() if name.startswith(_PREFIXES[part])}
    own = {name: tensor for name, tensor in model.state_dict().items() if name.startswith(_PREFIXES[part])}
    for name, tensor in own.items():
        if name not in held:
            raise UsageError(
                f"start.{part}: the checkpoint {folder} has no {name}: set model.{part} of the recipe as in its "
                "config.json."
            )
        if held[name].shape != tensor.shape:
            raise UsageError(
                f"start.{part}: {name} is of shape {tuple(held[name].shape)} in the checkpoint {folder} and of shape "
                f"{tuple(tensor.shape)} in the recipe's model: set model.{part} as in its config.json."
            )
    if more := sorted(held.keys() - own.keys()):
        raise UsageError(
            f"start.{part}: the recipe's model has no {more[0]}, which the checkpoint {folder} has: set "
            f"model.{part} of the recipe as in its config.json."
        )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(held[name])


def _weights(folder: Path, part: str) -> Mapping[str, Tensor]:
    """The weights by the names that the model has for them; a file may hold them by those of other versions."""
    with _damage_named(folder / "config.json", part):
        _ = VelmConfig.from_pretrained(folder, local_files_only=True).settings
    with without_bars(), _damage_named(folder / "model.safetensors", part):
        opened: Any = VelmForGeneration.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, output_loading_info=True
        )
    model, found = opened
    return {name: tensor for name, tensor in model.state_dict().items() if name not in found["missing_keys"]}


@contextmanager
def _damage_named(file: Path, part: str) -> Iterator[None]:
    """Whatever goes wrong in reading a checkpoint's file is a UsageError that names it."""
    try:
        yield
    except Exception as error:  # json, pydantic, safetensors and tokenizers each have types of their own
        said = " ".join(str(error).split())
        raise UsageError(f"{file} of start.{part} is damaged ({said:.200}): name another checkpoint.") from error

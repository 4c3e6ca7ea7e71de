"""Adaptations: what of a model learns, and the few weights that some of them add to a frozen language model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from transformers import Cache, PretrainedConfig
from transformers.pytorch_utils import Conv1D

from velm_bench.reference.settings import AdaptationSettings

if TYPE_CHECKING:
    from velm_bench.reference.language import LanguageModel
    from velm_bench.reference.modelling import VelmForGeneration

LEARNING = {
    "full": ("vision", "fusion", "language", "tagger", "adapter", "embedder"),
    "frozen": ("vision", "fusion", "embedder"),
    "lora": ("vision", "fusion", "tagger", "adapter", "embedder"),
    "prefix_tuning": ("vision", "fusion", "tagger", "adapter", "embedder"),
    "heads": ("fusion", "tagger", "embedder"),
}
"""The parts that learn, by adaptation."""


class Lora(nn.Module):
    """Low-rank additions to the attention's projections (Hu et al. 2022): W x + B A x, where B begins as zero."""

    def __init__(self, settings: AdaptationSettings, language: LanguageModel) -> None:
        super().__init__()
        self.down, self.up = nn.ParameterDict(), nn.ParameterDict()
        for name, module in language.blocks.named_modules():
            if isinstance(module, nn.Linear | Conv1D) and ("attn" in name or "attention" in name):
                key = name.replace(".", "_")
                rows, columns = _sizes(module)
                self.down[key] = nn.Parameter(torch.randn(rows, settings.rank) / rows**0.5)
                self.up[key] = nn.Parameter(torch.zeros(settings.rank, columns))
                module.register_forward_hook(partial(self._add, key))

    def _add(self, key: str, _: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> Tensor:
        """The projection's result with the addition; a method, so that a copied model adds its own weights."""
        added: Tensor = given[0] @ self.down[key] @ self.up[key]
        return out + added


def _sizes(module: nn.Module) -> tuple[int, int]:
    """How many features go in and out."""
    if isinstance(module, Conv1D):
        return module.weight.shape[0], module.weight.shape[1]
    assert isinstance(module, nn.Linear)
    return module.in_features, module.out_features


class PrefixTuning(nn.Module):
    """Learned keys and values before everything else, in every layer (Li and Liang 2021)."""

    def __init__(self, settings: AdaptationSettings, config: PretrainedConfig) -> None:
        super().__init__()
        self.length = settings.length
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self.learned = nn.Parameter(0.5 * torch.randn(config.num_hidden_layers, 2, heads, settings.length, size))

    def put(self, cache: Cache | None, rows: int) -> None:
        """Begin an empty cache with them; one that has begun holds them already."""
        assert cache is not None
        if cache.get_seq_length() == 0:
            for layer, (key, value) in enumerate(self.learned):
                cache.update(key.expand(rows, -1, -1, -1), value.expand(rows, -1, -1, -1), layer)


def adapter(settings: AdaptationSettings, language: LanguageModel) -> Lora | PrefixTuning | None:
    """The weights that an adaptation adds."""
    if settings.kind == "lora":
        return Lora(settings, language)
    if settings.kind == "prefix_tuning":
        return PrefixTuning(settings, language.backbone.config)
    return None


def freeze(model: VelmForGeneration) -> None:
    """Let only those parameters learn that the model's adaptation lets learn."""
    learning = LEARNING[model.config.settings.adaptation.kind]
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.split(".")[0] in learning)

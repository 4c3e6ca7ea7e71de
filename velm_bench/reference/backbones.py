"""The parts that transformers provides: small ones from scratch, or a checkpoint of any architecture it knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    BertConfig,
    GPT2Config,
    LlamaConfig,
    PretrainedConfig,
    PreTrainedModel,
    ResNetConfig,
    ViTConfig,
)
from transformers.utils import logging

from velm_bench.errors import UsageError
from velm_bench.reference.settings import LanguageSettings, VisionSettings


def gpt(settings: LanguageSettings) -> PretrainedConfig:
    """A small GPT-2 with squared ReLU (So et al. 2021), which costs less than GELU and learns as well."""
    drop = settings.dropout
    return GPT2Config(
        vocab_size=settings.vocabulary,
        n_embd=settings.width,
        n_layer=settings.layers,
        n_head=settings.heads,
        n_positions=settings.context,
        activation_function="relu2",
        resid_pdrop=drop,
        embd_pdrop=drop,
        attn_pdrop=drop,
        bos_token_id=None,
        eos_token_id=None,
    )


def bert(settings: LanguageSettings) -> PretrainedConfig:
    """A small BERT; called a decoder, since only that makes transformers keep its keys and values."""
    return BertConfig(
        vocab_size=settings.vocabulary,
        hidden_size=settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=4 * settings.width,
        max_position_embeddings=settings.context,
        type_vocab_size=1,
        hidden_dropout_prob=settings.dropout,
        attention_probs_dropout_prob=settings.dropout,
        is_decoder=True,
    )


def llama(settings: LanguageSettings) -> PretrainedConfig:
    """A small Llama: rotary positions, gated linear units of two thirds the usual width, dropout in attention alone."""
    return LlamaConfig(
        vocab_size=settings.vocabulary,
        hidden_size=settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=8 * settings.width // 3,
        max_position_embeddings=settings.context,
        attention_dropout=settings.dropout,
        bos_token_id=None,
        eos_token_id=None,
    )


def vit(settings: VisionSettings) -> PretrainedConfig:
    """A small ViT over patches of 8 x 8 pixels."""
    return ViTConfig(
        hidden_size=settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=4 * settings.width,
        image_size=settings.image_size,
        patch_size=8,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )


def resnet(settings: VisionSettings) -> PretrainedConfig:
    """A small ResNet: a stem of stride 4 and two stages, the second of stride 2."""
    first, second, third = settings.channels
    return ResNetConfig(
        embedding_size=first,
        hidden_sizes=[second, third],
        depths=[settings.blocks, settings.blocks],
        layer_type="basic",
        downsample_in_first_stage=False,
    )


def checkpoint_config(checkpoint: str, field: str) -> dict[str, Any]:
    """The configuration of a checkpoint as plain data; UsageError that names the recipe's field if it is not there."""
    config = _open(checkpoint, field, AutoConfig)
    text, sight = getattr(config, "text_config", None), getattr(config, "vision_config", None)
    if field == "vision" and sight is not None:
        config = sight  # of two towers, such as CLIP's, the one that sees
    elif field == "language" and text is not None:
        config = text
    if field == "language" and config.model_type == "bert":
        config.is_decoder = True
    found: dict[str, Any] = config.to_dict()
    return found


def checkpoint_weights(checkpoint: str, field: str, into: nn.Module) -> None:
    """Copy a checkpoint's weights into a backbone built from its configuration.

    Of a table with fewer or more rows (words of ours are added to its own), the rows that both have.
    """
    held = _open(checkpoint, field, AutoModel, dtype=torch.float32)
    state = getattr(held, "vision_model" if field == "vision" else "text_model", held).state_dict()
    with torch.no_grad():
        for name, tensor in into.state_dict().items():
            if name not in state or state[name].shape[1:] != tensor.shape[1:]:
                raise UsageError(
                    f"The checkpoint '{checkpoint}' of model.{field}.checkpoint has no {name} of the right shape: "
                    "it is of another architecture than its configuration says."
                )
            rows = slice(min([*tensor.shape[:1], *state[name].shape[:1]])) if tensor.ndim else ...
            tensor[rows].copy_(state[name][rows])


def built(config: PretrainedConfig | Mapping[str, Any], **how: Any) -> PreTrainedModel:
    """A backbone with fresh weights."""
    config, auto = as_config(config), cast("Any", AutoModel)
    more: dict[str, Any] = {"add_pooling_layer": False} if config.model_type in ("bert", "vit") else {}
    model: PreTrainedModel = auto.from_config(config, **more, **how)
    return model


def as_config(config: PretrainedConfig | Mapping[str, Any]) -> PretrainedConfig:
    """A configuration out of plain data."""
    if isinstance(config, PretrainedConfig):
        return config
    plain = dict(config)
    made: PretrainedConfig = AutoConfig.for_model(plain.pop("model_type"), **plain)
    return made


def _open(checkpoint: str, field: str, auto: Any, **more: Any) -> Any:
    told = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call] # that a checkpoint has other heads is no news
    try:
        return auto.from_pretrained(checkpoint, trust_remote_code=False, **more)
    except Exception as error:  # transformers and the hub raise many types
        said = " ".join(str(error).split())
        raise UsageError(
            f"The checkpoint '{checkpoint}' of model.{field}.checkpoint cannot be opened ({said:.200}): name a folder "
            "or a public model of transformers."
        ) from error
    finally:
        logging.set_verbosity(told)

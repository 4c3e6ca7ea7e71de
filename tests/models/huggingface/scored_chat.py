"""Decoders that pictures are put into, in memory."""

from __future__ import annotations

import torch
import transformers as tf
from torch import Tensor

from tests.models.huggingface.scored import (
    IMAGE,
    LAYERS,
    PAD,
    SIGHT,
    SIZES,
    VISION_END,
    VISION_START,
    VOCABULARY,
    Scored,
    prompt,
    seeing,
    sighted,
    words,
)


def llava() -> Scored:
    config = tf.LlavaConfig(
        vision_config=tf.CLIPVisionConfig(**SIGHT), text_config=tf.LlamaConfig(**SIZES), image_token_index=IMAGE
    )
    return seeing(config, sighted(4, 2, 7, 4))


def qwen2_vl() -> Scored:
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    vision = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 4, "patch_size": 4, "mlp_ratio": 2}
    config = tf.Qwen2VLConfig(
        text_config={**SIZES, "rope_parameters": rope}, vision_config=vision, image_token_id=IMAGE, video_token_id=5,
        vision_start_token_id=VISION_START, vision_end_token_id=VISION_END,
    )  # fmt: skip
    return seeing(config, patched(), grown={"mm_token_type_ids": 0})


def qwen3_vl() -> Scored:
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    vision = {
        "depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 4, "patch_size": 4, "out_hidden_size": 32,
        "deepstack_visual_indexes": [0], "num_position_embeddings": 16,
    }  # fmt: skip
    config = tf.Qwen3VLConfig(
        text_config={**SIZES, "head_dim": 8, "rope_parameters": rope}, vision_config=vision, image_token_id=IMAGE,
        video_token_id=5, vision_start_token_id=VISION_START, vision_end_token_id=VISION_END,
    )  # fmt: skip
    return seeing(config, patched(), grown={"mm_token_type_ids": 0})


def patched() -> list[dict[str, Tensor]]:
    """Prompts with a picture as a row per patch, of different sizes; merged two by two for the language model."""
    found = []
    for count, (high, wide) in ((2, (4, 4)), (7, (8, 4)), (4, (4, 12))):
        ids = [*words(2), VISION_START, *[IMAGE] * (high * wide // 4), VISION_END, *words(count)]
        found.append(
            {
                **prompt(ids),
                "mm_token_type_ids": (torch.tensor([ids]) == IMAGE).long(),
                "pixel_values": torch.randn(high * wide, 3 * 2 * 4 * 4),
                "image_grid_thw": torch.tensor([[1, high, wide]]),
            }
        )
    return found


def gemma3() -> Scored:
    config = tf.Gemma3Config(
        text_config={**SIZES, "head_dim": 8, "sliding_window": 5, "layer_types": LAYERS}, vision_config=SIGHT,
        mm_tokens_per_image=4, image_token_index=IMAGE, boi_token_index=6, eoi_token_index=7,
    )  # fmt: skip
    prompts = sighted(4, 3, 9, 5)
    for each in prompts:
        each["token_type_ids"] = (each["input_ids"] == IMAGE).long()
    return seeing(config, prompts, grown={"token_type_ids": 0})


def paligemma() -> Scored:
    config = tf.PaliGemmaConfig(
        text_config={**SIZES, "head_dim": 8, "model_type": "gemma"}, vision_config={**SIGHT, "projection_dim": 32},
        projection_dim=32, image_token_index=IMAGE, vocab_size=VOCABULARY,
    )  # fmt: skip
    prompts = sighted(4, 2, 7, 4)
    for each in prompts:
        each["token_type_ids"] = torch.zeros_like(each["input_ids"])
    return seeing(config, prompts, grown={"token_type_ids": 1})


def idefics3() -> Scored:
    config = tf.Idefics3Config(
        text_config={**SIZES, "model_type": "llama"}, vision_config=SIGHT, image_token_id=IMAGE, scale_factor=2,
        pad_token_id=PAD,
    )  # fmt: skip
    prompts = sighted(1, 2, 7, 4, pixels=(1, 1, 3, 16, 16))
    for each in prompts:
        each["pixel_attention_mask"] = torch.ones(1, 1, 16, 16, dtype=torch.bool)
    return seeing(config, prompts)


def mllama() -> Scored:
    text = {**SIZES, "cross_attention_layers": [1], "rope_parameters": {"rope_type": "default", "rope_theta": 1e4}}
    vision = {
        "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_global_layers": 1,
        "attention_heads": 4, "image_size": 16, "patch_size": 8, "max_num_tiles": 2, "vision_output_dim": 64,
        "intermediate_layers_indices": [1], "supported_aspect_ratios": [[1, 1], [1, 2], [2, 1]],
    }  # fmt: skip
    config = tf.MllamaConfig(text_config=text, vision_config=vision, image_token_index=IMAGE)
    prompts = sighted(1, 2, 7, 4, pixels=(1, 1, 2, 3, 16, 16))
    for each in prompts:
        each["aspect_ratio_ids"] = torch.tensor([[1]])
        each["aspect_ratio_mask"] = torch.tensor([[[1, 0]]])
        seen = torch.ones(1, each["input_ids"].shape[1], 1, 2, dtype=torch.long)
        seen[:, 0], seen[..., 1] = 0, 0
        each["cross_attention_mask"] = seen
    return seeing(config, prompts, grown={"cross_attention_mask": None})

"""Tiny checkpoints of chat models that see with means of their own: the Qwen-VLs and Llama 3.2 Vision; see tiny.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.models.huggingface.tiny import (
    PICTURE_SIZE,
    chat_template,
    decoder_shape,
    save,
    save_parts,
    token_ids,
    train_tokenizer,
)

SQUARE = {"height": PICTURE_SIZE, "width": PICTURE_SIZE}
QWEN_MARKS = {
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
}
QWEN_PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"


def qwen(folder: Path, version: str, vision: dict[str, Any], text: dict[str, Any], **pictures: Any) -> Path:
    """A Qwen-VL of a version: pictures in their own shape, patches merged two by two, places in three dimensions."""
    import transformers

    tokenizer = train_tokenizer(*QWEN_MARKS.values())
    marks = {name: tokenizer.convert_tokens_to_ids(token) for name, token in QWEN_MARKS.items()}
    words = {"vocab_size": len(tokenizer), **token_ids(tokenizer)}
    config = getattr(transformers, f"{version}Config")(
        vision_config={"depth": 2, "num_heads": 2, "spatial_merge_size": 2, "temporal_patch_size": 2, **vision},
        text_config={**decoder_shape(**words), **text},
        tie_word_embeddings=False,
        **marks,
        **token_ids(tokenizer),
    )
    model = getattr(transformers, f"{version}ForConditionalGeneration")(config)
    size = {"shortest_edge": 32 * 32, "longest_edge": 64 * 64}  # in pixels: the processor's own names for its bounds
    processor = transformers.Qwen2VLImageProcessorPil(size=size, merge_size=2, temporal_patch_size=2, **pictures)
    return save_parts(
        folder, model, tokenizer, processor, f"{version}Processor", chat_template=chat_template(QWEN_PICTURE)
    )


def make_qwen2_vl(folder: Path) -> Path:
    """Qwen2-VL."""
    vision = {"embed_dim": 32, "hidden_size": 32, "mlp_ratio": 2, "patch_size": 8}
    text = {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}}
    return qwen(folder, "Qwen2VL", vision, text, patch_size=8)


def make_qwen2_5_vl(folder: Path) -> Path:
    """Qwen2.5-VL: attention within windows in all blocks but the last."""
    vision = {"hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 32, "patch_size": 8}
    windows = {"window_size": 32, "fullatt_block_indexes": [1]}
    text = {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}}
    return qwen(folder, "Qwen2_5_VL", {**vision, **windows}, text, patch_size=8)


def make_qwen3_vl(folder: Path) -> Path:
    """Qwen3-VL: the tower's layers are added to those of the language model."""
    vision = {"hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 32, "patch_size": 8}
    stack = {"deepstack_visual_indexes": [0], "num_position_embeddings": 64}
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3], "mrope_interleaved": True}
    return qwen(folder, "Qwen3VL", {**vision, **stack}, {"head_dim": 16, "rope_parameters": rope}, patch_size=8)


def make_mllama(folder: Path) -> Path:
    """Llama 3.2 Vision: cross-attention to up to four tiles in one layer, gates opened."""
    import torch
    from transformers import MllamaConfig, MllamaForConditionalGeneration, MllamaImageProcessorPil, MllamaProcessor

    tokenizer = train_tokenizer("<|python_tag|>", "<|image|>")
    text = decoder_shape(vocab_size=len(tokenizer) - 1, **token_ids(tokenizer))  # a picture's own token is no word
    shape = {"hidden_size": 32, "intermediate_size": 64, "attention_heads": 2}
    vision = {
        **shape,
        "num_hidden_layers": 2,
        "num_global_layers": 1,
        "vision_output_dim": 64,
        "image_size": PICTURE_SIZE,
        "patch_size": 8,
        "max_num_tiles": 4,
        "intermediate_layers_indices": [0],
    }
    config = MllamaConfig(
        vision_config=vision,
        text_config={**text, "num_hidden_layers": 3, "cross_attention_layers": [1]},
        image_token_index=tokenizer.convert_tokens_to_ids("<|image|>"),
        **token_ids(tokenizer),
    )
    model = MllamaForConditionalGeneration(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "gate" in name and parameter.numel() == 1:
                parameter.fill_(1.0)
    pictures = MllamaImageProcessorPil(size=SQUARE, max_image_tiles=4)
    processor = MllamaProcessor(pictures, tokenizer, chat_template=chat_template("<|image|>"))
    return save(folder, model, processor)

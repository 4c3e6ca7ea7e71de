"""Tiny checkpoints of encoder-decoders: Florence-2, Donut, ViT-GPT-2, Pix2Struct; see tiny.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from tests.models.huggingface.tiny import PICTURE_SIZE, save, token_ids, train_tokenizer
from tests.models.huggingface.tiny_captioners import train_t5_tokenizer

SQUARE = {"height": PICTURE_SIZE, "width": PICTURE_SIZE}
TOWER = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
"""The shape of all towers here: width 32, two layers."""


def start_with(model: Any, tokenizer: PreTrainedTokenizerFast, start: int) -> None:
    """Name a decoder's first token, its end and its padding where `generate` looks."""
    ids = {"decoder_start_token_id": start, "pad_token_id": tokenizer.pad_token_id}
    for name, value in {**ids, "eos_token_id": tokenizer.eos_token_id}.items():
        setattr(model.config, name, value)
        setattr(model.generation_config, name, value)


def make_florence2(folder: Path) -> Path:
    """Florence-2: DaViT before BART's encoder, task words such as <CAPTION> instead of a chat."""
    from transformers import (
        BartConfig,
        CLIPImageProcessorPil,
        Florence2Config,
        Florence2ForConditionalGeneration,
        Florence2Processor,
    )

    tokenizer = train_tokenizer("<image>", extra_special_tokens={"image_token": "<image>"})
    sides = {"layers": 1, "ffn_dim": 64, "attention_heads": 2}
    text = BartConfig(
        d_model=32,
        vocab_size=len(tokenizer),
        max_position_embeddings=512,
        decoder_start_token_id=tokenizer.eos_token_id,
        forced_eos_token_id=None,
        tie_word_embeddings=False,
        **{f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in sides.items()},
        **token_ids(tokenizer),
    )
    vision = {
        "depths": [1, 1],
        "patch_size": [7, 3],
        "patch_stride": [4, 2],
        "patch_padding": [3, 1],
        "patch_prenorm": [False, True],
        "embed_dim": [16, 32],
        "num_heads": [2, 2],
        "num_groups": [2, 2],
        "window_size": 4,
        "drop_path_rate": 0.0,
        "projection_dim": 32,
    }
    config = Florence2Config(
        text_config=text,
        vision_config=vision,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        tie_word_embeddings=False,
        **token_ids(tokenizer),
    )
    pictures = CLIPImageProcessorPil(size=SQUARE, do_center_crop=False)
    pictures.image_seq_length = 17  # 4 by 4 places and their mean
    processor = Florence2Processor(pictures, tokenizer)
    return save(folder, Florence2ForConditionalGeneration(config), processor)


def make_donut(folder: Path) -> Path:
    """Donut: Swin and MBart behind each other; a task's mark begins the answer, pictures are padded to one shape."""
    from transformers import (
        DonutImageProcessorPil,
        DonutProcessor,
        DonutSwinConfig,
        MBartConfig,
        VisionEncoderDecoderConfig,
        VisionEncoderDecoderModel,
    )

    tokenizer = train_tokenizer("<s_docvqa>", "<s_question>", "</s_question>", "<s_answer>", "</s_answer>")
    swin = DonutSwinConfig(
        image_size=[64, 64], patch_size=4, embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=4
    )
    mbart = MBartConfig(
        d_model=32,
        decoder_layers=2,
        decoder_ffn_dim=64,
        decoder_attention_heads=2,
        vocab_size=len(tokenizer),
        max_position_embeddings=512,
        is_decoder=True,
        add_cross_attention=True,
        tie_word_embeddings=False,
        forced_eos_token_id=None,
        **token_ids(tokenizer),
    )
    model = VisionEncoderDecoderModel(VisionEncoderDecoderConfig.from_encoder_decoder_configs(swin, mbart))
    start_with(model, tokenizer, tokenizer.convert_tokens_to_ids("<s_docvqa>"))
    pictures = DonutImageProcessorPil(size={"height": 64, "width": 64}, do_align_long_axis=False)
    return save(folder, model, DonutProcessor(pictures, tokenizer))


def make_vit_gpt2(folder: Path) -> Path:
    """A ViT and GPT-2 with cross-attention: an image processor and a tokenizer, no processor over them."""
    from transformers import (
        GPT2Config,
        VisionEncoderDecoderConfig,
        VisionEncoderDecoderModel,
        ViTConfig,
        ViTImageProcessorPil,
    )

    tokenizer = train_tokenizer()
    vit = ViTConfig(**TOWER, image_size=PICTURE_SIZE, patch_size=8)
    gpt2 = GPT2Config(
        n_embd=32,
        n_layer=2,
        n_head=2,
        n_positions=256,
        vocab_size=len(tokenizer),
        is_decoder=True,
        add_cross_attention=True,
        tie_word_embeddings=False,
        **token_ids(tokenizer),
    )
    model = VisionEncoderDecoderModel(VisionEncoderDecoderConfig.from_encoder_decoder_configs(vit, gpt2))
    start_with(model, tokenizer, int(tokenizer.bos_token_id))
    ViTImageProcessorPil(size=SQUARE).save_pretrained(folder)
    return save(folder, model, tokenizer)


def make_pix2struct(folder: Path) -> Path:
    """Pix2Struct: patches of the picture in its own shape, and their places, into a T5-like decoder."""
    from transformers import (
        Pix2StructConfig,
        Pix2StructForConditionalGeneration,
        Pix2StructImageProcessorPil,
        Pix2StructProcessor,
    )

    tokenizer = train_t5_tokenizer()
    shape = {"hidden_size": 32, "d_kv": 16, "d_ff": 64}
    text = {**shape, "num_layers": 2, "num_heads": 2, "vocab_size": len(tokenizer), "is_decoder": True}
    ids = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    vision = {**shape, "patch_embed_hidden_size": 768, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = Pix2StructConfig(
        text_config={**text, **ids, "decoder_start_token_id": tokenizer.pad_token_id},
        vision_config={**vision, "seq_len": 2048},
    )
    config.text_config.is_encoder_decoder = False
    model = Pix2StructForConditionalGeneration(config)
    start_with(model, tokenizer, int(tokenizer.pad_token_id))
    pictures = Pix2StructImageProcessorPil(max_patches=16, patch_size={"height": 16, "width": 16}, is_vqa=False)
    return save(folder, model, Pix2StructProcessor(pictures, tokenizer))

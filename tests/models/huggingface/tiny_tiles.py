"""Tiny checkpoints of chat models that cut pictures into tiles, each model in its own way; see tiny.py."""

from __future__ import annotations

from pathlib import Path

from tests.models.huggingface.tiny import (
    PICTURE_SIZE,
    chat_template,
    clip_vision,
    decoder_shape,
    llama,
    qwen2,
    save,
    save_parts,
    siglip_vision,
    token_ids,
    train_tokenizer,
)

SQUARE = {"height": PICTURE_SIZE, "width": PICTURE_SIZE}
TOWER = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
"""The shape of all towers here: width 32, two layers."""
PINPOINTS = [[32, 64], [64, 32], [64, 64]]
"""Grids of tiles that a picture may be cut into, in pixels: one row of two, one column of two, two by two."""


def make_llava_next(folder: Path) -> Path:
    """LLaVA-NeXT: pictures cut into a number of tiles that depends on their shape."""
    from transformers import (
        LlavaNextConfig,
        LlavaNextForConditionalGeneration,
        LlavaNextImageProcessorPil,
        LlavaNextProcessor,
    )

    tokenizer = train_tokenizer("<image>")
    config = LlavaNextConfig(
        vision_config=clip_vision(),
        text_config=llama(tokenizer),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=PINPOINTS,
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        **token_ids(tokenizer),
    )
    pictures = LlavaNextImageProcessorPil(
        size={"shortest_edge": PICTURE_SIZE}, crop_size=SQUARE, image_grid_pinpoints=PINPOINTS
    )
    processor = LlavaNextProcessor(
        pictures,
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=chat_template(),
    )
    return save(folder, LlavaNextForConditionalGeneration(config), processor)


def make_llava_onevision(folder: Path) -> Path:
    """LLaVA-OneVision: SigLIP, Qwen 2, tiles of any resolution; one tile each where there are several pictures."""
    from transformers import (
        LlavaOnevisionConfig,
        LlavaOnevisionForConditionalGeneration,
        LlavaOnevisionImageProcessorPil,
    )

    tokenizer = train_tokenizer("<image>", "<video>")
    config = LlavaOnevisionConfig(
        vision_config=siglip_vision(),
        text_config=qwen2(tokenizer),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=PINPOINTS,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        vision_aspect_ratio="anyres_max_9",
        tie_word_embeddings=False,
        **token_ids(tokenizer),
    )
    pictures = LlavaOnevisionImageProcessorPil(size=SQUARE, image_grid_pinpoints=PINPOINTS)
    model = LlavaOnevisionForConditionalGeneration(config)
    told = {"num_image_tokens": 16, "vision_feature_select_strategy": "full", "vision_aspect_ratio": "anyres_max_9"}
    return save_parts(folder, model, tokenizer, pictures, "LlavaOnevisionProcessor", **told)


def make_aya_vision(folder: Path) -> Path:
    """Aya Vision: SigLIP, tiles with their own tokens, and Cohere 2 with sliding attention."""
    from transformers import (
        AyaVisionConfig,
        AyaVisionForConditionalGeneration,
        AyaVisionProcessor,
        Cohere2Config,
        GotOcr2ImageProcessorPil,
    )

    marks = ("<|START_OF_IMG|>", "<|END_OF_IMG|>", "<|IMG_PATCH|>", "<|IMG_LINE_BREAK|>", "TILE", "TILE_GLOBAL")
    tiles = tuple(f"TILE_{number}" for number in range(1, 5))
    tokenizer = train_tokenizer("<image>", *marks, *tiles)
    text = Cohere2Config(
        **decoder_shape(vocab_size=len(tokenizer), **token_ids(tokenizer)), sliding_window=64, tie_word_embeddings=False
    )
    config = AyaVisionConfig(
        vision_config=siglip_vision(),
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids("<|IMG_PATCH|>"),
        downsample_factor=2,
        tie_word_embeddings=False,
        **token_ids(tokenizer),
    )
    pictures = GotOcr2ImageProcessorPil(size=SQUARE, min_patches=1, max_patches=4, crop_to_patches=True)
    processor = AyaVisionProcessor(
        pictures, tokenizer, patch_size=8, img_size=PICTURE_SIZE, downsample_factor=2, chat_template=chat_template()
    )
    return save(folder, AyaVisionForConditionalGeneration(config), processor)


def make_internvl(folder: Path) -> Path:
    """InternVL: its own tower with a class token, tiles, pixels shuffled two by two, Qwen 2."""
    from transformers import GotOcr2ImageProcessorPil, InternVLConfig, InternVLForConditionalGeneration

    named = {"start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>"}
    tokenizer = train_tokenizer(*named.values(), "<video>", extra_special_tokens={**named, "video_token": "<video>"})
    config = InternVLConfig(
        vision_config={**TOWER, "image_size": [PICTURE_SIZE, PICTURE_SIZE], "patch_size": [8, 8]},
        text_config=qwen2(tokenizer),
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        tie_word_embeddings=False,
        **token_ids(tokenizer),
    )
    pictures = GotOcr2ImageProcessorPil(size=SQUARE, min_patches=1, max_patches=4, crop_to_patches=True)
    told = {"image_seq_length": 4, "chat_template": chat_template("<IMG_CONTEXT>")}
    return save_parts(
        folder, InternVLForConditionalGeneration(config), tokenizer, pictures, "InternVLProcessor", **told
    )


def make_idefics3(folder: Path) -> Path:
    """Idefics 3: pictures split into rows and columns of tiles, each 4 tokens."""
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessorPil,
        Idefics3Processor,
    )

    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4)]
    marks = ("<image>", "<fake_token_around_image>", "<end_of_utterance>", "<global-img>", *tiles)
    tokenizer = train_tokenizer(*marks)
    config = Idefics3Config(
        vision_config={**TOWER, "image_size": PICTURE_SIZE, "patch_size": 8},
        text_config=llama(tokenizer),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        **token_ids(tokenizer),
    )
    pictures = Idefics3ImageProcessorPil(
        size={"longest_edge": 2 * PICTURE_SIZE}, max_image_size={"longest_edge": PICTURE_SIZE}
    )
    processor = Idefics3Processor(pictures, tokenizer, image_seq_len=4, chat_template=chat_template())
    return save(folder, Idefics3ForConditionalGeneration(config), processor)


def make_smolvlm(folder: Path) -> Path:
    """SmolVLM: Idefics 3 with a video part, whose processor wants num2words."""
    from transformers import SmolVLMConfig, SmolVLMForConditionalGeneration, SmolVLMImageProcessorPil

    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4)]
    marks = ("<image>", "<fake_token_around_image>", "<end_of_utterance>", "<global-img>", "<video>", *tiles)
    tokenizer = train_tokenizer(*marks)
    config = SmolVLMConfig(
        vision_config={**TOWER, "image_size": PICTURE_SIZE, "patch_size": 8},
        text_config=llama(tokenizer),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        **token_ids(tokenizer),
    )
    pictures = SmolVLMImageProcessorPil(
        size={"longest_edge": 2 * PICTURE_SIZE}, max_image_size={"longest_edge": PICTURE_SIZE}
    )
    model = SmolVLMForConditionalGeneration(config)
    return save_parts(folder, model, tokenizer, pictures, "SmolVLMProcessor", image_seq_len=4)

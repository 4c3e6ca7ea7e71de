"""Tiny checkpoints of chat models that take a picture in one piece; see tiny.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.models.huggingface.tiny import (
    PICTURE_SIZE,
    chat_template,
    decoder_shape,
    llama,
    save,
    save_parts,
    siglip_vision,
    token_ids,
    train_tokenizer,
)

SQUARE = {"height": PICTURE_SIZE, "width": PICTURE_SIZE}
TOWER = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
"""The shape of all towers here: width 32, two layers."""


def pixtral_vision(config: Any) -> Any:
    """Pixtral's tower: patches of 8 pixels, width 32."""
    return config(**TOWER, image_size=PICTURE_SIZE, patch_size=8)


def make_pixtral(folder: Path) -> Path:
    """Pixtral: LLaVA's class with Pixtral's tower, which takes pictures in their own shape."""
    from transformers import (
        LlavaConfig,
        LlavaForConditionalGeneration,
        PixtralImageProcessorPil,
        PixtralVisionConfig,
    )

    tokenizer = train_tokenizer("[IMG]", "[IMG_BREAK]", "[IMG_END]")
    config = LlavaConfig(
        vision_config=pixtral_vision(PixtralVisionConfig),
        text_config=llama(tokenizer),
        image_token_index=tokenizer.convert_tokens_to_ids("[IMG]"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        **token_ids(tokenizer),
    )
    pictures = PixtralImageProcessorPil(size={"longest_edge": PICTURE_SIZE}, patch_size={"height": 8, "width": 8})
    model = LlavaForConditionalGeneration(config)
    told = {"patch_size": 8, "chat_template": chat_template("[IMG]")}
    return save_parts(folder, model, tokenizer, pictures, "PixtralProcessor", **told)


def make_mistral3(folder: Path) -> Path:
    """Mistral 3: Pixtral's tower with patches merged two by two, and Mistral."""
    from transformers import (
        Mistral3Config,
        Mistral3ForConditionalGeneration,
        MistralConfig,
        PixtralImageProcessorPil,
        PixtralVisionConfig,
    )

    tokenizer = train_tokenizer("[IMG]", "[IMG_BREAK]", "[IMG_END]")
    text = MistralConfig(**decoder_shape(vocab_size=len(tokenizer), **token_ids(tokenizer)), sliding_window=None)
    config = Mistral3Config(
        vision_config=pixtral_vision(PixtralVisionConfig),
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids("[IMG]"),
        spatial_merge_size=2,
        tie_word_embeddings=False,
        **token_ids(tokenizer),
    )
    pictures = PixtralImageProcessorPil(size={"longest_edge": PICTURE_SIZE}, patch_size={"height": 16, "width": 16})
    model = Mistral3ForConditionalGeneration(config)
    told = {"patch_size": 8, "spatial_merge_size": 2, "chat_template": chat_template("[IMG]")}
    return save_parts(folder, model, tokenizer, pictures, "PixtralProcessor", **told)


def make_idefics2(folder: Path) -> Path:
    """Idefics 2: pictures in their own shape, padded with a mask, resampled by a perceiver to 4 tokens."""
    from transformers import (
        Idefics2Config,
        Idefics2ForConditionalGeneration,
        Idefics2ImageProcessorPil,
        Idefics2Processor,
        MistralConfig,
    )

    tokenizer = train_tokenizer("<image>", "<fake_token_around_image>", "<end_of_utterance>")
    text = MistralConfig(**decoder_shape(vocab_size=len(tokenizer), **token_ids(tokenizer)), sliding_window=None)
    perceiver = {
        "hidden_size": 32,
        "resampler_n_latents": 4,
        "resampler_depth": 1,
        "resampler_n_heads": 2,
        "resampler_head_dim": 16,
        "num_key_value_heads": 2,
    }
    config = Idefics2Config(
        vision_config={**TOWER, "image_size": PICTURE_SIZE, "patch_size": 8},
        perceiver_config=perceiver,
        text_config=text,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        **token_ids(tokenizer),
    )
    pictures = Idefics2ImageProcessorPil(
        size={"shortest_edge": 16, "longest_edge": PICTURE_SIZE}, do_image_splitting=False
    )
    processor = Idefics2Processor(pictures, tokenizer, image_seq_len=4, chat_template=chat_template())
    return save(folder, Idefics2ForConditionalGeneration(config), processor, embedding=0.1)


def make_paligemma(folder: Path) -> Path:
    """PaliGemma: SigLIP and Gemma, a prefix that sees both ways, a picture in every prompt, no chat template."""
    from transformers import (
        GemmaConfig,
        PaliGemmaConfig,
        PaliGemmaForConditionalGeneration,
        PaliGemmaProcessor,
        SiglipImageProcessorPil,
    )

    tokenizer = train_tokenizer("<image>", extra_special_tokens={"image_token": "<image>"})
    pictures = SiglipImageProcessorPil(size=SQUARE)
    pictures.image_seq_length = 16
    processor = PaliGemmaProcessor(pictures, tokenizer)  # adds its 1,152 tokens for places and segments
    text = GemmaConfig(**decoder_shape(vocab_size=len(tokenizer), **token_ids(tokenizer)), head_dim=16)
    text.tie_word_embeddings = False
    config = PaliGemmaConfig(
        vision_config=siglip_vision(projection_dim=32),
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        projection_dim=32,
        hidden_size=32,
        tie_word_embeddings=False,
        **token_ids(tokenizer),
    )
    return save(folder, PaliGemmaForConditionalGeneration(config), processor, embedding=0.1)


def make_gemma3(folder: Path) -> Path:
    """Gemma 3: SigLIP pooled to 4 tokens that see each other, local and global layers in turn."""
    from transformers import (
        Gemma3Config,
        Gemma3ForConditionalGeneration,
        Gemma3ImageProcessorPil,
        Gemma3Processor,
        Gemma3TextConfig,
    )

    named = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    tokenizer = train_tokenizer(*named.values(), extra_special_tokens=named)
    text = Gemma3TextConfig(
        **decoder_shape(vocab_size=len(tokenizer), **token_ids(tokenizer)),
        head_dim=16,
        sliding_window=16,
        query_pre_attn_scalar=16,
        layer_types=["sliding_attention", "full_attention"],
    )
    text.tie_word_embeddings = False
    config = Gemma3Config(
        vision_config=siglip_vision(),
        text_config=text,
        mm_tokens_per_image=4,
        boi_token_index=tokenizer.convert_tokens_to_ids("<start_of_image>"),
        eoi_token_index=tokenizer.convert_tokens_to_ids("<end_of_image>"),
        image_token_index=tokenizer.convert_tokens_to_ids("<image_soft_token>"),
        tie_word_embeddings=False,
        **token_ids(tokenizer),
    )
    processor = Gemma3Processor(
        Gemma3ImageProcessorPil(size=SQUARE),
        tokenizer,
        image_seq_length=4,
        chat_template=chat_template("<start_of_image>"),
    )
    return save(folder, Gemma3ForConditionalGeneration(config), processor, embedding=0.1)

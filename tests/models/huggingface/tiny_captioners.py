"""Tiny checkpoints of captioners that take a prompt: the BLIPs, GIT, Kosmos-2; see tiny.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from tests.models.huggingface.tiny import (
    PICTURE_SIZE,
    clip_pictures,
    save,
    token_ids,
    train_tokenizer,
)
from tests.models.huggingface.tiny_encoders import bert_tokenizer

SQUARE = {"height": PICTURE_SIZE, "width": PICTURE_SIZE}
TOWER = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
"""The shape of all towers here: width 32, two layers."""


def train_t5_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer that ends each text, as T5's does."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = train_tokenizer("<image>")
    end = (tokenizer.eos_token, tokenizer.eos_token_id)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=f"$A {end[0]}", special_tokens=[end])
    return tokenizer


def t5_shape(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """The shape of a T5: width 32, two layers on each side."""
    shape = {"d_model": 32, "d_ff": 64, "d_kv": 16, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 2}
    ids = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    start = {"decoder_start_token_id": tokenizer.pad_token_id, "tie_word_embeddings": False}
    return {**shape, **ids, **start, "vocab_size": len(tokenizer)}


def blip_pictures() -> Any:
    """BLIP's image processor: pictures squeezed into a square."""
    from transformers import BlipImageProcessorPil

    return BlipImageProcessorPil(size=SQUARE)


def qformer(words: int) -> dict[str, Any]:
    """The shape of a Q-Former: width 32, two layers, the first of which sees the picture."""
    return {**TOWER, "vocab_size": words, "encoder_hidden_size": 32, "cross_attention_frequency": 2}


def make_blip(folder: Path) -> Path:
    """BLIP for captions: a BERT decoder that attends to a ViT; prompts begin with [CLS], which stands for [DEC]."""
    from transformers import BlipConfig, BlipForConditionalGeneration, BlipProcessor

    tokenizer = bert_tokenizer(extra_special_tokens=["[DEC]"])
    text = {
        **TOWER,
        "vocab_size": len(tokenizer),
        "encoder_hidden_size": 32,
        "bos_token_id": tokenizer.convert_tokens_to_ids("[DEC]"),
        "eos_token_id": tokenizer.sep_token_id,
        "sep_token_id": tokenizer.sep_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": False,
    }
    vision = {**TOWER, "image_size": PICTURE_SIZE, "patch_size": 8}
    config = BlipConfig(text_config=text, vision_config=vision, projection_dim=32, image_text_hidden_size=32)
    config.tie_word_embeddings = False
    return save(folder, BlipForConditionalGeneration(config), BlipProcessor(blip_pictures(), tokenizer))


def make_blip_2(folder: Path) -> Path:
    """BLIP-2 with OPT: a Q-Former's 4 queries stand before the prompt."""
    from transformers import Blip2Config, Blip2ForConditionalGeneration, Blip2Processor, OPTConfig

    tokenizer = train_tokenizer("<image>")
    text = OPTConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        ffn_dim=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        word_embed_proj_dim=32,
        max_position_embeddings=512,
        tie_word_embeddings=False,
        **token_ids(tokenizer),
    )
    config = Blip2Config(
        vision_config={**TOWER, "image_size": PICTURE_SIZE, "patch_size": 8},
        qformer_config=qformer(len(tokenizer)),
        text_config=text,
        num_query_tokens=4,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        tie_word_embeddings=False,
    )
    processor = Blip2Processor(blip_pictures(), tokenizer, num_query_tokens=4)
    return save(folder, Blip2ForConditionalGeneration(config), processor)


def make_instructblip(folder: Path) -> Path:
    """InstructBLIP with T5: the Q-Former reads the prompt too, with a tokenizer of its own."""
    from transformers import (
        InstructBlipConfig,
        InstructBlipForConditionalGeneration,
        InstructBlipProcessor,
        T5Config,
    )

    tokenizer, reader = train_t5_tokenizer(), bert_tokenizer()
    config = InstructBlipConfig(
        vision_config={**TOWER, "image_size": PICTURE_SIZE, "patch_size": 8},
        qformer_config=qformer(len(reader)),
        text_config=T5Config(**t5_shape(tokenizer)),
        num_query_tokens=4,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        tie_word_embeddings=False,
    )
    processor = InstructBlipProcessor(blip_pictures(), tokenizer, reader, num_query_tokens=4)
    return save(folder, InstructBlipForConditionalGeneration(config), processor, seed=1, gain=1.8, embedding=0.1)


def make_git(folder: Path) -> Path:
    """GIT: one decoder over a picture's tokens and the text, with CLIP's tower."""
    from transformers import GitConfig, GitForCausalLM, GitProcessor

    tokenizer = bert_tokenizer(model_input_names=["input_ids", "attention_mask"])
    config = GitConfig(
        **TOWER,
        vision_config={**TOWER, "image_size": PICTURE_SIZE, "patch_size": 8},
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return save(folder, GitForCausalLM(config), GitProcessor(clip_pictures(), tokenizer), gain=3.0)


def make_kosmos2(folder: Path) -> Path:
    """Kosmos-2: 64 latent queries at the places of a mask, no chat template."""
    from transformers import Kosmos2Config, Kosmos2ForConditionalGeneration, Kosmos2Processor

    tokenizer = train_tokenizer()
    processor = Kosmos2Processor(clip_pictures(), tokenizer, 16)  # adds its marks and 16 places
    text = {
        "vocab_size": len(tokenizer),
        "embed_dim": 32,
        "layers": 2,
        "ffn_dim": 64,
        "attention_heads": 2,
        "max_position_embeddings": 512,
        "tie_word_embeddings": False,
        **token_ids(tokenizer),
    }
    config = Kosmos2Config(
        text_config=text,
        vision_config={**TOWER, "image_size": PICTURE_SIZE, "patch_size": 8},
        latent_query_num=64,
        tie_word_embeddings=False,
        **token_ids(tokenizer),
    )
    return save(folder, Kosmos2ForConditionalGeneration(config), processor, gain=1.8, embedding=0.1)

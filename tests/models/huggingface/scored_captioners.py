"""Captioners and answerers with an own `generate` or an encoder, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import transformers as tf
from torch import Tensor

from tests.models.huggingface.scored import IMAGE, PAD, SIGHT, START, VOCABULARY, Scored, prompt, sighted, words
from tests.models.huggingface.scored_texts import bart_sizes, opt_config, t5_config


def blip2(language_model: Any, **more: Any) -> Scored:
    former = {
        "vocab_size": 30, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
        "encoder_hidden_size": 32,
    }  # fmt: skip
    config = tf.Blip2Config(
        vision_config=SIGHT, qformer_config=former, text_config=language_model.to_dict(), num_query_tokens=3,
        image_token_index=IMAGE,
    )  # fmt: skip
    return Scored(tf.Blip2ForConditionalGeneration(config), sighted(3, 2, 7, 4), **more)


def blip2_opt() -> Scored:
    return blip2(opt_config())


def blip2_t5() -> Scored:
    return blip2(t5_config(), start=[PAD])


def git() -> Scored:
    config = tf.GitConfig(
        vision_config=SIGHT, vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=64, pad_token_id=PAD, bos_token_id=START, eos_token_id=START,
    )  # fmt: skip
    return Scored(tf.GitForCausalLM(config), sighted(0, 2, 7, 4))


def _blip() -> Any:
    text = {
        "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "encoder_hidden_size": 32, "max_position_embeddings": 64, "bos_token_id": START,
        "sep_token_id": 5, "pad_token_id": PAD, "eos_token_id": 5,
    }  # fmt: skip
    return tf.BlipConfig(text_config=text, vision_config=SIGHT)


def blip() -> Scored:
    """Prompts of one length: the model's own `generate` writes over the first column, padding or not."""
    prompts = [{**prompt([START, *words(4), 5]), "pixel_values": torch.randn(1, 3, 16, 16)} for _ in range(3)]
    return Scored(tf.BlipForConditionalGeneration(_blip()), prompts, begins=lambda ids: ids[:, :-1])


def blip_vqa() -> Scored:
    """Prompts of one length: the model's own `generate` lets the decoder see the padding of questions."""
    prompts = [{**prompt([START, *words(4), 5]), "pixel_values": torch.randn(1, 3, 16, 16)} for _ in range(3)]
    return Scored(tf.BlipForQuestionAnswering(_blip()), prompts, start=[START], forward=_blip_answer)


def _blip_answer(model: Any, prompt: Mapping[str, Tensor]) -> Tensor:
    seen = model.vision_model(pixel_values=prompt["pixel_values"])[0]
    asked = model.text_encoder(
        input_ids=prompt["input_ids"], attention_mask=prompt["attention_mask"], encoder_hidden_states=seen
    )[0]
    logits: Tensor = model.text_decoder(
        input_ids=prompt["decoder_input_ids"], encoder_hidden_states=asked, use_cache=False
    ).logits
    return logits


def kosmos2() -> Scored:
    """Prompts of one length: the model counts positions behind a cache with the padding in it."""
    text = {
        "vocab_size": VOCABULARY, "embed_dim": 32, "layers": 2, "ffn_dim": 48, "attention_heads": 4,
        "max_position_embeddings": 64, "pad_token_id": PAD, "bos_token_id": START, "eos_token_id": 5,
    }  # fmt: skip
    config = tf.Kosmos2Config(text_config=text, vision_config=SIGHT, latent_query_num=3)
    prompts = sighted(3, 4, 4, 4)
    for each in prompts:
        each["image_embeds_position_mask"] = (each["input_ids"] == IMAGE).long()
    return Scored(tf.Kosmos2ForConditionalGeneration(config), prompts, grown={"image_embeds_position_mask": 0})


def florence2() -> Scored:
    vision = {
        "depths": [1, 1], "patch_size": [3, 3], "patch_stride": [2, 2], "patch_padding": [1, 1],
        "patch_prenorm": [False, True], "embed_dim": [16, 32], "num_heads": [2, 4], "num_groups": [2, 4],
        "window_size": 4, "projection_dim": 32,
    }  # fmt: skip
    config = tf.Florence2Config(
        text_config={**bart_sizes(), "model_type": "bart"},
        vision_config=vision,
        image_token_id=IMAGE,
        is_encoder_decoder=True,
    )
    config.decoder_start_token_id = 5
    return Scored(tf.Florence2ForConditionalGeneration(config), sighted(17, 2, 7, 4), start=[5])


def vit_gpt2() -> Scored:
    decoder = tf.GPT2Config(
        vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=64, is_decoder=True, add_cross_attention=True
    )
    config = tf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(tf.ViTConfig(**SIGHT), decoder)
    config.decoder_start_token_id, config.pad_token_id = START, PAD
    model = tf.VisionEncoderDecoderModel(config)
    model.generation_config.decoder_start_token_id, model.generation_config.pad_token_id = START, PAD
    return Scored(model, [{"pixel_values": torch.randn(1, 3, 16, 16)} for _ in range(3)], start=[START])

"""Language models without pictures, and encoder-decoders of text, in memory."""

from __future__ import annotations

from typing import Any

import transformers as tf

from tests.models.huggingface.scored import LAYERS, PAD, SIZES, START, VOCABULARY, Scored, language, texts


def llama() -> Scored:
    return language(tf.LlamaConfig(**SIZES))


def gpt2() -> Scored:
    return language(tf.GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=64))


def opt() -> Scored:
    return language(opt_config())


def opt_config() -> Any:
    return tf.OPTConfig(
        vocab_size=VOCABULARY, hidden_size=32, word_embed_proj_dim=32, ffn_dim=48, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=64, pad_token_id=PAD, bos_token_id=START, eos_token_id=START,
    )  # fmt: skip


def bloom() -> Scored:
    return language(tf.BloomConfig(vocab_size=VOCABULARY, hidden_size=32, n_layer=2, n_head=4, pad_token_id=PAD))


def mistral_sliding() -> Scored:
    return language(tf.MistralConfig(**SIZES, sliding_window=4))


def gemma2_hybrid() -> Scored:
    return language(tf.Gemma2Config(**SIZES, head_dim=8, sliding_window=4))


def gpt_without_cache() -> Scored:
    return language(tf.OpenAIGPTConfig(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=64))


def mamba() -> Scored:
    return language(tf.MambaConfig(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, state_size=8))


def lfm2_convolutions() -> Scored:
    layers = ["conv", "full_attention"]
    return language(tf.Lfm2Config(**SIZES, layer_types=layers, block_multiple_of=8))


def qwen3_next_recurrent() -> Scored:
    config = tf.Qwen3NextConfig(
        **SIZES, head_dim=8, linear_num_value_heads=4, linear_num_key_heads=2, linear_key_head_dim=8,
        linear_value_head_dim=8, layer_types=["linear_attention", "full_attention"], num_experts=4,
        num_experts_per_tok=2, moe_intermediate_size=16, shared_expert_intermediate_size=16,
    )  # fmt: skip
    return language(config)


def llama4_chunked() -> Scored:
    config = tf.Llama4TextConfig(
        **SIZES, head_dim=8, attention_chunk_size=4, layer_types=["chunked_attention", "full_attention"],
        no_rope_layers=[1, 0], num_local_experts=2, intermediate_size_mlp=48,
    )  # fmt: skip
    return Scored(tf.Llama4ForCausalLM(config), texts(3, 9, 5))


def gemma3n_shared() -> Scored:
    config = tf.Gemma3nTextConfig(
        **{**SIZES, "num_hidden_layers": 4}, head_dim=8, sliding_window=4, num_kv_shared_layers=2,
        layer_types=LAYERS * 2, hidden_size_per_layer_input=8,
        vocab_size_per_layer_input=VOCABULARY, altup_num_inputs=2, laurel_rank=4, activation_sparsity_pattern=[0.0] * 4,
    )  # fmt: skip
    return Scored(tf.Gemma3nForCausalLM(config), texts(3, 9, 5))


def jamba() -> Scored:
    config = tf.JambaConfig(
        **SIZES, attn_layer_period=2, attn_layer_offset=1, expert_layer_period=2, expert_layer_offset=1, num_experts=2,
        mamba_d_state=8, mamba_dt_rank=4,
    )  # fmt: skip
    return Scored(tf.JambaForCausalLM(config), texts(3, 9, 5))


def t5_config() -> Any:
    return tf.T5Config(
        vocab_size=VOCABULARY, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, pad_token_id=PAD,
        decoder_start_token_id=PAD, eos_token_id=START,
    )  # fmt: skip


def t5() -> Scored:
    return Scored(tf.T5ForConditionalGeneration(t5_config()), texts(3, 9, 5), start=[PAD])


def bart_sizes() -> dict[str, Any]:
    return {
        "vocab_size": VOCABULARY, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 48,
        "decoder_ffn_dim": 48, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
        "max_position_embeddings": 64, "pad_token_id": PAD, "bos_token_id": START, "eos_token_id": 5,
        "decoder_start_token_id": 5, "forced_eos_token_id": None,
    }  # fmt: skip


def bart_that_begins() -> Scored:
    scored = Scored(tf.BartForConditionalGeneration(tf.BartConfig(**bart_sizes())), texts(3, 9, 5), start=[5, START])
    scored.model.generation_config.forced_bos_token_id = START
    return scored

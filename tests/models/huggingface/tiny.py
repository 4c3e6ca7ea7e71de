"""Tiny random checkpoints: each a model built from its config, and a tokenizer trained here, saved as a user has them.

`make_<family>(folder)` writes one and returns its folder. Random weights of the usual size repeat one token whatever
they see, so `strengthen` draws them anew at a scale where pictures and questions change what is said.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

PAD, BOS, EOS, UNKNOWN = "<pad>", "<s>", "</s>", "<unk>"
PICTURE_SIZE = 32
"""Height and width, in pixels, of what the tiny image processors make of any picture."""
CORPUS = (
    "a red circle and a small green square on a white ground",
    "two blue triangles left of one large yellow star",
    "what colour is the circle? is there a square? how many stars are there?",
    "describe the picture in one sentence. answer with a single word: yes no",
    "USER: ASSISTANT: Question: Answer: A. B. C. D. the names of people, places and groups",
    "The quick brown fox jumps over 0123456789 lazy dogs; BDFGHIJKLMNOPRSVWXYZ!?,.:;'\"()[]{}<>/\\|-_+=*&^%$#@~`",
)


def chat_template(image: str = "<image>") -> str:
    """A Jinja template that says system, user and assistant turns one after another, with `image` for each picture."""
    return (
        "{% for message in messages %}{{ message['role'] | upper }}: "
        "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
        "{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}" + image + "{% else %}{{ part['text'] }}{% endif %}"
        "{% endfor %}{% endif %}"
        "{% if message['role'] == 'assistant' %}</s>{% endif %} {% endfor %}"
        "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
    )


def train_tokenizer(*special: str, size: int = 320, **settings: Any) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer over the printable ASCII characters, with further special tokens.

    Ids 0 to 3 are pad, start, end and unknown; every token is readable text, so that different answers look different.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=1, special_tokens=[PAD, BOS, EOS, UNKNOWN, *special], show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    named = {"pad_token": PAD, "bos_token": BOS, "eos_token": EOS, "unk_token": UNKNOWN, "model_max_length": 512}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **{**named, **settings})


def token_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    """The three ids that every language model's config names."""
    names = ("pad_token_id", "bos_token_id", "eos_token_id")
    return {name: int(getattr(tokenizer, name)) for name in names}


def strengthen(model: torch.nn.Module, seed: int = 0, gain: float = 1.2, embedding: float = 1.0) -> torch.nn.Module:
    """Draw all matrices anew with a standard deviation of gain / sqrt(inputs), embeddings with `embedding`.

    Vectors that are all zeros or ones (biases, norms) stay as they are. A larger gain makes more of what stands before
    the last token, a smaller embedding less of the last token itself. How the model was drawn before does not matter.
    """
    matrices, vectors = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed + 1)
    embeddings = {id(part.weight) for part in model.modules() if isinstance(part, torch.nn.Embedding)}
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                scale = embedding if id(parameter) in embeddings else gain / math.sqrt(parameter[0].numel())
                parameter.copy_(torch.randn(parameter.shape, generator=matrices) * scale)
            elif parameter.ndim == 1 and bool((parameter != parameter[0]).any()):  # a token of the model's own
                parameter.copy_(torch.randn(parameter.shape, generator=vectors) * embedding)
    return model


def save(folder: Path, model: Any, processor: Any, **strength: Any) -> Path:
    """Write a strengthened model and its processor (or tokenizer) into a folder, as `hf:DIR` expects it."""
    folder.mkdir(parents=True, exist_ok=True)
    strengthen(model, **strength).eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def save_parts(folder: Path, model: Any, tokenizer: Any, pictures: Any, kind: str, **settings: Any) -> Path:
    """The same for processors that cannot be built without torchvision: their parts' files, as the hub has them.

    `kind` is the processor's class, `settings` what its own file says.
    """
    save(folder, model, tokenizer)
    pictures.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(settings.pop("chat_template", chat_template()), encoding="utf-8")
    (folder / "processor_config.json").write_text(json.dumps({"processor_class": kind, **settings}), encoding="utf-8")
    return folder


def clip_vision(**settings: Any) -> Any:
    """The config of a CLIP vision tower: 32 pixels, 16 patches, width 32."""
    from transformers import CLIPVisionConfig

    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    return CLIPVisionConfig(**{**shape, "image_size": PICTURE_SIZE, "patch_size": 8, "projection_dim": 32, **settings})


def siglip_vision(**settings: Any) -> Any:
    """The config of a SigLIP vision tower: 32 pixels, 16 patches, width 32, no class token."""
    from transformers import SiglipVisionConfig

    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    return SiglipVisionConfig(
        **{**shape, "image_size": PICTURE_SIZE, "patch_size": 8, "vision_use_head": False, **settings}
    )


def decoder_shape(**settings: Any) -> dict[str, Any]:
    """The shape that all Llama-like language models here share: width 32, two layers."""
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    return {**shape, "num_key_value_heads": 2, "max_position_embeddings": 512, **settings}


def llama(tokenizer: PreTrainedTokenizerFast, **settings: Any) -> Any:
    """The config of a Llama for a tokenizer."""
    from transformers import LlamaConfig

    return LlamaConfig(**decoder_shape(vocab_size=len(tokenizer), **token_ids(tokenizer), **settings))


def qwen2(tokenizer: PreTrainedTokenizerFast, **settings: Any) -> Any:
    """The config of a Qwen 2 for a tokenizer."""
    from transformers import Qwen2Config

    return Qwen2Config(**decoder_shape(vocab_size=len(tokenizer), **token_ids(tokenizer), **settings))


def clip_pictures() -> Any:
    """CLIP's image processor at 32 pixels: resize the shorter edge, crop the centre."""
    from transformers import CLIPImageProcessorPil

    size = {"shortest_edge": PICTURE_SIZE}
    return CLIPImageProcessorPil(size=size, crop_size={"height": PICTURE_SIZE, "width": PICTURE_SIZE})


def make_llava(folder: Path) -> Path:
    """LLaVA 1.5: CLIP and Llama behind a projector, a chat template, `<image>` spread to 16 tokens."""
    from transformers import LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    tokenizer = train_tokenizer("<image>")
    image = tokenizer.convert_tokens_to_ids("<image>")
    config = LlavaConfig(
        vision_config=clip_vision(),
        text_config=llama(tokenizer),
        image_token_index=image,
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        **token_ids(tokenizer),
    )
    processor = LlavaProcessor(
        image_processor=clip_pictures(),
        tokenizer=tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=chat_template(),
    )
    return save(folder, LlavaForConditionalGeneration(config), processor)


def make_llama(folder: Path) -> Path:
    """Llama, text only, no chat template."""
    from transformers import LlamaForCausalLM

    tokenizer = train_tokenizer()
    return save(folder, LlamaForCausalLM(llama(tokenizer)), tokenizer)


def make_qwen2(folder: Path) -> Path:
    """Qwen 2, text only, with a chat template."""
    from transformers import Qwen2ForCausalLM

    tokenizer = train_tokenizer(chat_template=chat_template())
    return save(folder, Qwen2ForCausalLM(qwen2(tokenizer)), tokenizer)


def make_gpt2(folder: Path) -> Path:
    """GPT-2, text only: absolute places, and no token to pad with."""
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = train_tokenizer(pad_token=None)
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    shape = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 512, "tie_word_embeddings": False}
    return save(folder, GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), **shape, **ids)), tokenizer)

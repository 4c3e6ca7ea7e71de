"""Tiny random checkpoints of models that read and do not write: contrastive pairs, classifiers, taggers.

Like `tiny`: `make_<family>(folder)` writes one and returns its folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import BertTokenizer, CLIPTokenizer, GPT2Tokenizer, PreTrainedTokenizerFast, RobertaTokenizer

from tests.models.huggingface.tiny import CORPUS, PICTURE_SIZE, clip_pictures, clip_vision, save

SQUARE = {"height": PICTURE_SIZE, "width": PICTURE_SIZE}
CONLL = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
"""The labels of the tiny taggers unless a test asks for others."""
COLOURS = ("red", "green", "blue", "white")
"""The classes of the tiny image classifiers unless a test asks for others."""
ANSWERS = ("yes", "no", "2", "red", "a dog", "Paris", "left", "tennis")
"""The answers of the tiny VQA classifier."""
POSITIONS = 64
"""How many tokens the tiny text encoders take."""
SHAPE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def labelled(labels: Sequence[str]) -> dict[str, Any]:
    """The two tables of a config that name a classifier's outputs; none of them for no labels."""
    return {"id2label": dict(enumerate(labels)), "label2id": {label: index for index, label in enumerate(labels)}}


# ---- tokenizers


def bert_tokenizer(**settings: Any) -> BertTokenizer:
    """WordPiece over single letters and a few words, lower-cased."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,?!'"
    words = sorted({word for line in CORPUS for word in line.split() if word.isalpha() and word.islower()})
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys([*pieces, *words]))}
    return BertTokenizer(vocab=vocabulary, **settings)


def roberta_tokenizer(**settings: Any) -> RobertaTokenizer:
    """Byte-level BPE as RoBERTa has it: a space belongs to the word behind it."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False, min_frequency=1
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    vocabulary, merges = _bpe(tokenizer)
    return RobertaTokenizer(vocab=vocabulary, merges=merges, **settings)


def gpt2_tokenizer() -> GPT2Tokenizer:
    """RoBERTa's without anything around a text."""
    vocabulary, merges = _bpe(roberta_tokenizer().backend_tokenizer)
    ends = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    return GPT2Tokenizer(vocab=vocabulary, merges=merges, **ends)


def clip_tokenizer(**settings: Any) -> CLIPTokenizer:
    """CLIP's own: lower-cased words of byte-level BPE that end in `</w>`; of single letters and a few pairs.

    Not trained: the trainer gives pieces with a suffix numbers that differ from process to process.
    """
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,?!'-"
    merges = [
        ("r", "e"),
        ("o", "f</w>"),
        ("a", "n"),
        ("i", "n"),
        ("t", "h"),
        ("s", "t"),
        ("re", "d</w>"),
        ("e", "r</w>"),
    ]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges)]
    special = ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {piece: number for number, piece in enumerate([*special, *pieces])}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=POSITIONS, **settings)


def sticky_tokenizer(length: int) -> PreTrainedTokenizerFast:
    """As SigLIP's: an end behind each text, padding with the same token, no attention mask, right padding."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=["<unk>", "</s>"], show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        eos_token="</s>",
        pad_token="</s>",
        padding_side="right",
        model_max_length=length,
        model_input_names=["input_ids"],
    )


def _bpe(tokenizer: Tokenizer) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The vocabulary and the merges of a trained BPE."""
    trained = json.loads(tokenizer.to_str())["model"]
    return trained["vocab"], [tuple(pair) for pair in trained["merges"]]


# ---- contrastive pairs


def make_clip(folder: Path) -> Path:
    """CLIP: two towers, a temperature of its usual start."""
    from transformers import CLIPConfig, CLIPModel, CLIPProcessor, CLIPTextConfig

    tokenizer = clip_tokenizer()
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": 1}
    text = CLIPTextConfig(vocab_size=len(tokenizer), max_position_embeddings=POSITIONS, **SHAPE, **ends)
    config = CLIPConfig(text_config=text.to_dict(), vision_config=clip_vision().to_dict(), projection_dim=32)
    return save(folder, CLIPModel(config), CLIPProcessor(clip_pictures(), tokenizer))


def make_siglip(folder: Path, bias: float = -4.0, scale: float = 1.5) -> Path:
    """SigLIP: a sigmoid per pair, and texts padded to the tower's whole length because it reads the last place."""
    import torch
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel, SiglipProcessor

    tokenizer = sticky_tokenizer(length=24)
    shape = {**SHAPE, "vocab_size": len(tokenizer), "max_position_embeddings": 24, "projection_size": 32}
    text = {**shape, "pad_token_id": 1, "eos_token_id": 1, "bos_token_id": 0}
    vision = {**SHAPE, "image_size": PICTURE_SIZE, "patch_size": 8}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=vision))
    with torch.no_grad():
        model.logit_bias.fill_(bias)
        model.logit_scale.fill_(scale)
    return save(folder, model, SiglipProcessor(SiglipImageProcessorPil(size=SQUARE), tokenizer))


def make_siglip2(folder: Path) -> Path:
    """SigLIP 2 of any aspect ratio: pictures are cut into patches, with a mask and the shape of the grid."""
    import torch
    from transformers import Siglip2Config, Siglip2ImageProcessorPil, Siglip2Model, Siglip2Processor

    tokenizer = sticky_tokenizer(length=64)
    text = {**SHAPE, "vocab_size": len(tokenizer), "max_position_embeddings": 64, "projection_size": 32}
    vision = {**SHAPE, "num_patches": 16, "patch_size": 8}
    config = Siglip2Config(text_config={**text, "pad_token_id": 1, "eos_token_id": 1}, vision_config=vision)
    pictures = Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16)
    model = Siglip2Model(config)
    torch.nn.init.constant_(model.logit_scale, 1.5)
    return save(folder, model, Siglip2Processor(pictures, tokenizer))


def make_chinese_clip(folder: Path) -> Path:
    """Chinese-CLIP: the text tower is a BERT."""
    from transformers import ChineseCLIPConfig, ChineseCLIPImageProcessorPil, ChineseCLIPModel, ChineseCLIPProcessor

    tokenizer = bert_tokenizer()
    text = {**SHAPE, "vocab_size": len(tokenizer), "max_position_embeddings": POSITIONS}
    vision = {**SHAPE, "image_size": PICTURE_SIZE, "patch_size": 8}
    config = ChineseCLIPConfig(text_config=text, vision_config=vision, projection_dim=32)
    pictures = ChineseCLIPImageProcessorPil(size=SQUARE, crop_size=SQUARE)
    return save(folder, ChineseCLIPModel(config), ChineseCLIPProcessor(pictures, tokenizer))


def make_align(folder: Path) -> Path:
    """ALIGN: a convolutional picture tower, a BERT, and a temperature that divides."""
    from transformers import AlignConfig, AlignModel, AlignProcessor, EfficientNetImageProcessorPil

    tokenizer = bert_tokenizer()
    text = {**SHAPE, "vocab_size": len(tokenizer), "max_position_embeddings": 64}
    vision = {
        "image_size": PICTURE_SIZE,
        "width_coefficient": 1.0,
        "depth_coefficient": 0.25,
        "kernel_sizes": [3],
        "in_channels": [32],
        "out_channels": [32],
        "strides": [1],
        "num_block_repeats": [1],
        "expand_ratios": [1],
        "depthwise_padding": [],
        "hidden_dim": 32,
    }
    model = AlignModel(AlignConfig(text_config=text, vision_config=vision, projection_dim=32))
    return save(folder, model, AlignProcessor(EfficientNetImageProcessorPil(size=SQUARE), tokenizer))


CONTRASTIVE = {
    "clip": make_clip,
    "siglip": make_siglip,
    "siglip2": make_siglip2,
    "chinese_clip": make_chinese_clip,
    "align": make_align,
}
"""The contrastive families by name."""


# ---- classifiers


def _make_classifier(folder: Path, config: Any, architecture: str, pictures: Any) -> Path:
    import transformers

    return save(folder, getattr(transformers, architecture)(config), pictures)


def _vit_pictures() -> Any:
    from transformers import ViTImageProcessorPil

    return ViTImageProcessorPil(size=SQUARE)


def make_vit(folder: Path, labels: Sequence[str] = COLOURS, **settings: Any) -> Path:
    """ViT with a head over `labels`."""
    from transformers import ViTConfig

    config = ViTConfig(**SHAPE, image_size=PICTURE_SIZE, patch_size=8, **labelled(labels), **settings)
    return _make_classifier(folder, config, "ViTForImageClassification", _vit_pictures())


def make_resnet(folder: Path, labels: Sequence[str] = COLOURS) -> Path:
    """ResNet with basic blocks."""
    from transformers import ConvNextImageProcessorPil, ResNetConfig

    shape = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}
    pictures = ConvNextImageProcessorPil(size={"shortest_edge": PICTURE_SIZE}, crop_pct=1.0)
    return _make_classifier(folder, ResNetConfig(**shape, **labelled(labels)), "ResNetForImageClassification", pictures)


def make_convnext(folder: Path, labels: Sequence[str] = COLOURS) -> Path:
    """ConvNeXt."""
    from transformers import ConvNextConfig, ConvNextImageProcessorPil

    config = ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, patch_size=2, **labelled(labels))
    pictures = ConvNextImageProcessorPil(size={"shortest_edge": PICTURE_SIZE}, crop_pct=1.0)
    return _make_classifier(folder, config, "ConvNextForImageClassification", pictures)


def make_swin(folder: Path, labels: Sequence[str] = COLOURS) -> Path:
    """Swin."""
    from transformers import SwinConfig

    shape = {"image_size": PICTURE_SIZE, "patch_size": 4, "embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2]}
    config = SwinConfig(**shape, window_size=4, **labelled(labels))
    return _make_classifier(folder, config, "SwinForImageClassification", _vit_pictures())


CLASSIFIERS = {"vit": make_vit, "resnet": make_resnet, "convnext": make_convnext, "swin": make_swin}
"""The families of image classifiers by name."""


def make_vilt(folder: Path, labels: Sequence[str] = ANSWERS, **settings: Any) -> Path:
    """ViLT with a head over `labels`: pictures keep their aspect ratio, so that their sizes differ."""
    from transformers import ViltConfig, ViltForQuestionAnswering, ViltImageProcessorPil, ViltProcessor

    tokenizer = bert_tokenizer(model_max_length=POSITIONS)
    config = ViltConfig(
        **SHAPE,
        vocab_size=len(tokenizer),
        max_position_embeddings=POSITIONS,
        image_size=PICTURE_SIZE,
        patch_size=8,
        **labelled(labels),
        **settings,
    )
    pictures = ViltImageProcessorPil(size={"shortest_edge": PICTURE_SIZE}, size_divisor=8)
    return save(folder, ViltForQuestionAnswering(config), ViltProcessor(pictures, tokenizer), gain=3.0)


# ---- taggers


def _tagger(folder: Path, family: str, tokenizer: Any, labels: Sequence[str], settings: Mapping[str, Any]) -> Path:
    import transformers

    config = getattr(transformers, f"{family}Config")(**settings, **labelled(labels))
    return save(folder, getattr(transformers, f"{family}ForTokenClassification")(config), tokenizer, gain=2.0)


def make_bert(folder: Path, labels: Sequence[str] = CONLL, positions: int = POSITIONS) -> Path:
    """BERT with a tagging head."""
    tokenizer = bert_tokenizer()
    settings = {**SHAPE, "vocab_size": len(tokenizer), "max_position_embeddings": positions}
    return _tagger(folder, "Bert", tokenizer, labels, settings)


def make_roberta(folder: Path, labels: Sequence[str] = CONLL) -> Path:
    """RoBERTa with a tagging head; two of its positions are never used, as in the real one."""
    tokenizer = roberta_tokenizer()
    settings = {**SHAPE, "vocab_size": len(tokenizer), "max_position_embeddings": POSITIONS + 2, "pad_token_id": 1}
    return _tagger(folder, "Roberta", tokenizer, labels, {**settings, "bos_token_id": 0, "eos_token_id": 2})


def make_distilbert(folder: Path, labels: Sequence[str] = CONLL) -> Path:
    """DistilBERT with a tagging head."""
    tokenizer = bert_tokenizer(model_input_names=["input_ids", "attention_mask"])
    shape = {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 2, "max_position_embeddings": POSITIONS}
    return _tagger(folder, "DistilBert", tokenizer, labels, {**shape, "vocab_size": len(tokenizer)})


def make_gpt2(folder: Path, labels: Sequence[str] = CONLL) -> Path:
    """GPT-2 with a tagging head: no special tokens, sees to the left only."""
    tokenizer = gpt2_tokenizer()
    shape = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": POSITIONS, "vocab_size": len(tokenizer)}
    return _tagger(
        folder, "GPT2", tokenizer, labels, {**shape, "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1}
    )


def make_convbert(folder: Path, labels: Sequence[str] = CONLL) -> Path:
    """ConvBERT with a tagging head: its convolutions see padding whatever the mask says."""
    tokenizer = bert_tokenizer()
    shape = {**SHAPE, "num_attention_heads": 4, "embedding_size": 32, "head_ratio": 2, "conv_kernel_size": 3}
    settings = {**shape, "vocab_size": len(tokenizer), "max_position_embeddings": POSITIONS}
    return _tagger(folder, "ConvBert", tokenizer, labels, settings)


def make_fnet(folder: Path, labels: Sequence[str] = CONLL) -> Path:
    """FNet with a tagging head: a Fourier transform over the sentence, and no mask at all."""
    tokenizer = bert_tokenizer(model_input_names=["input_ids", "token_type_ids"])
    shape = {name: value for name, value in SHAPE.items() if name != "num_attention_heads"}
    settings = {**shape, "vocab_size": len(tokenizer), "max_position_embeddings": POSITIONS}
    return _tagger(folder, "FNet", tokenizer, labels, settings)


def make_canine(folder: Path, labels: Sequence[str] = CONLL) -> Path:
    """CANINE with a tagging head: characters, by a tokenizer that is Python and knows no words."""
    from transformers import CanineTokenizer

    shape = {**SHAPE, "max_position_embeddings": 256, "num_hash_functions": 2, "num_hash_buckets": 256}
    settings = {**shape, "local_transformer_stride": 16, "downsampling_rate": 4}
    return _tagger(folder, "Canine", CanineTokenizer(model_max_length=256), labels, settings)


TAGGERS = {
    "bert": make_bert,
    "roberta": make_roberta,
    "distilbert": make_distilbert,
    "gpt2": make_gpt2,
    "convbert": make_convbert,
    "fnet": make_fnet,
    "canine": make_canine,
}
"""The families of taggers by name."""

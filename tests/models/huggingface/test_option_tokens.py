"""Which tokens an option is: those that it adds to the prompt in the tokenizer's own eyes."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import BertTokenizer, PreTrainedTokenizerFast

from tests.models.huggingface.tiny import CORPUS
from velm_bench.errors import SampleError
from velm_bench.models.huggingface.likelihood import option_tokens


def train_bytes() -> PreTrainedTokenizerFast:
    """A tokenizer over all bytes, so that it knows every script."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<s>", "<|end|>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>")


def train_sentences() -> PreTrainedTokenizerFast:
    """A tokenizer in the manner of SentencePiece: a mark for the space before a word, and one before any text."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    alphabet = sorted({*"".join(CORPUS), "\n"})
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<unk>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


def train_pieces() -> BertTokenizer:
    """A WordPiece tokenizer, which sets [CLS] and [SEP] around texts."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=240, special_tokens=marks))
    return BertTokenizer(vocab=tokenizer.get_vocab())


BYTES = train_bytes()
SENTENCES = train_sentences()
PIECES = train_pieces()


def said(tokenizer: Any, prompt: str, *options: str, **more: Any) -> list[str]:
    """The options' tokens as text, white space included."""
    return [tokenizer.decode(tokens) for tokens in option_tokens(tokenizer, prompt, options, **more)]


def ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize("tokenizer", [BYTES, SENTENCES, PIECES], ids=["bytes", "sentences", "pieces"])
@pytest.mark.parametrize("prompt", ["Answer:", "USER: is there a square? ASSISTANT:", "what colour"])
def test_prompt_and_option_are_the_tokens_of_the_joint_text(tokenizer: Any, prompt: str) -> None:
    options = ("yes", "two blue triangles", "D. people")
    for option, tokens in zip(options, option_tokens(tokenizer, prompt, options), strict=True):
        assert [*ids(tokenizer, prompt), *tokens] == ids(tokenizer, f"{prompt} {option}")


@pytest.mark.parametrize(
    ("prompt", "option", "text"),
    [
        ("Answer:", "yes", " yes"),
        ("Answer:", " yes", " yes"),
        ("Answer: ", "yes", "yes"),
        ("assistant\n", "yes", "yes"),
        ("ASSISTANT<|end|>", "yes", "yes"),
        ("Answer: (", "A", "A"),
        ("Answer:", "(A)", " (A)"),
        ("回答：", "是", "是"),
        ("Answer:", "是", "是"),
        ("回答:", "yes", " yes"),
        ("", "yes", "yes"),
    ],
)
def test_a_space_goes_between_where_words_are_set_apart(prompt: str, option: str, text: str) -> None:
    assert said(BYTES, prompt, option) == [text]


def test_an_option_that_melts_into_the_prompts_last_token_is_tokenised_alone() -> None:
    assert ids(BYTES, "Answer: yes")[: len(ids(BYTES, "Answer: "))] != ids(BYTES, "Answer: ")
    assert option_tokens(BYTES, "Answer: ", ["yes"]) == [ids(BYTES, "yes")]


def test_a_newline_that_the_processor_puts_behind_the_prompt_counts() -> None:
    assert said(BYTES, "is there a square?", "yes", read=ids(BYTES, "is there a square?\n")) == ["yes"]
    assert said(BYTES, "is there a square?", "yes", read=ids(BYTES, "<s>is there a square?")) == [" yes"]


def test_no_special_tokens_stand_around_an_option() -> None:
    for tokens in option_tokens(PIECES, "what colour?", ["a red circle", "yes"]):
        assert not set(tokens) & {PIECES.cls_token_id, PIECES.sep_token_id}


@pytest.mark.parametrize("prompt", ["Answer:", ""])
def test_an_option_without_tokens_is_an_error_that_names_it(prompt: str) -> None:
    with pytest.raises(SampleError, match=r"Option 2 \(''\) has no tokens"):
        option_tokens(BYTES, prompt, ["yes", ""])


def test_no_options_have_no_tokens() -> None:
    assert option_tokens(BYTES, "Answer:", []) == []

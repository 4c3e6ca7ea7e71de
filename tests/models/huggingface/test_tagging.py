"""Token classifiers: words and sub-tokens, tag schemes, sentences longer than the model, padding that is seen."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

from tests.models.huggingface import tiny_encoders
from tests.models.huggingface.asking import BATCHES, Unreadable, answers, opened, picture
from velm_bench.errors import SampleError, UsageError
from velm_bench.iob import to_iob2
from velm_bench.models.huggingface.tagschemes import iob2, part_of, parts_for
from velm_bench.models.huggingface.wording import windows
from velm_bench.samples import Ability, TagRequest

TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
SENTENCES = tuple(
    tuple(line.split())
    for line in (
        "ada saw paris",
        "Grace Hopper lives in New York , far from the fox",
        "nobody",
        "the quick brown fox and Ada went to Rome",
        "Rome is far away .",
        "in the night two blue triangles",
        "names of people , places and groups",
        "x y z",
        "a",
    )
)
SPACED = {"roberta": {"add_prefix_space": True}, "gpt2": {"add_prefix_space": True}}
"""How the training scripts of transformers open the tokenizers that begin a word with its blank."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("taggers")
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = tiny_encoders.TAGGERS[name](root / name)
        return made[name]

    return folder


def sentence(words: tuple[str, ...], labels: tuple[str, ...] = TAGS, **further: Any) -> TagRequest:
    return TagRequest(" ".join(words)[:40], further.pop("images", ()), "", words, labels)


def plain(folder: Path, name: str, words: tuple[str, ...]) -> list[str]:
    """The labels of words by the first of their sub-tokens, as the training scripts of transformers do it."""
    tokenizer = AutoTokenizer.from_pretrained(folder, **SPACED.get(name, {}))
    model = AutoModelForTokenClassification.from_pretrained(folder, dtype=torch.float32).eval()
    tokens = tokenizer(list(words), is_split_into_words=True, return_tensors="pt")
    with torch.inference_mode():
        best = model(**tokens).logits[0].argmax(-1).tolist()
    owners = tokens.word_ids()
    return [model.config.id2label[best[owners.index(word)]] for word in range(len(words))]


@pytest.mark.parametrize("name", [name for name in tiny_encoders.TAGGERS if name != "canine"])
def test_tags_are_those_of_transformers(name: str, folders: Callable[[str], Path]) -> None:
    model = opened(folders(name))
    assert model.abilities == {Ability.TAG}
    expected = [to_iob2(plain(folders(name), name, words)) for words in SENTENCES]
    assert [one.tags for one in answers(model, [sentence(words) for words in SENTENCES])] == expected
    assert len({tag for tags in expected for tag in tags}) >= 3


@pytest.mark.parametrize("name", tiny_encoders.TAGGERS)
def test_every_batch_size_gives_the_same(name: str, folders: Callable[[str], Path]) -> None:
    long_enough = SENTENCES[:-1] if name == "canine" else SENTENCES  # it takes four characters for one
    requests = [sentence(words * times) for words in long_enough for times in (1, 2, 9)]
    model = opened(folders(name))
    alone, *others = (answers(model, requests, size) for size in BATCHES)
    assert all(other == alone for other in others)
    assert len({one.tags for one in alone}) > 6


def test_padding_is_tried_out_and_only_used_where_it_changes_nothing(folders: Callable[[str], Path]) -> None:
    """Convolutions see padding whatever the mask says, Fourier transforms know no mask."""
    heed = {name: opened(folders(name)).pads for name in ("bert", "roberta", "distilbert", "gpt2", "convbert", "fnet")}
    assert heed == {"bert": True, "roberta": True, "distilbert": True, "gpt2": True, "convbert": False, "fnet": False}


@pytest.mark.parametrize("name", ["roberta", "gpt2"])
def test_words_keep_the_blank_that_such_tokenizers_begin_them_with(name: str, folders: Callable[[str], Path]) -> None:
    wording = opened(folders(name)).wording
    pieces = wording.pieces(("red", "star"))
    assert [wording.tokenizer.decode(piece) for piece in pieces] == [" red", " star"]


def test_a_tokenizer_written_in_python_takes_word_by_word(folders: Callable[[str], Path]) -> None:
    model = opened(folders("canine"))
    assert model.wording.pieces(("ab", "c")) == ((97, 98, 32), (99,))
    assert len(answers(model, [sentence(SENTENCES[1])])[0].tags) == len(SENTENCES[1])


def test_words_of_which_nothing_is_left_are_outside(folders: Callable[[str], Path]) -> None:
    words = ("Ada", "​", "Rome")
    model = opened(folders("bert"))
    assert model.wording.pieces(words)[1] == ()
    tags = answers(model, [sentence(words)])[0].tags
    assert tags[1] == "O"
    assert answers(model, [sentence(())])[0].tags == ()
    assert answers(model, [sentence(("​",))])[0].tags == ("O",)


def test_a_sentence_longer_than_the_model_is_read_to_its_end(folders: Callable[[str], Path]) -> None:
    """Its first words are tagged as at the start of a sentence that fits, its last ones are tagged at all."""
    words = tuple(word for line in SENTENCES for word in line) * 3
    for name in ("bert", "roberta", "gpt2"):
        model = opened(folders(name))
        pieces = model.wording.pieces(words)
        assert sum(map(len, pieces)) > 4 * model.room
        tags = answers(model, [sentence(words)])[0].tags
        assert len(tags) == len(words)
        assert set(tags[-20:]) - {"O"}
        first = next(count for count in range(len(words)) if sum(map(len, pieces[: count + 1])) > model.room)
        fitting = answers(model, [sentence(words[:first])])[0].tags
        assert tags[: first // 2] == fitting[: first // 2]


def test_a_word_longer_than_the_model_is_tagged_by_its_first_sub_token(folders: Callable[[str], Path]) -> None:
    model = opened(folders("bert"))
    tags = answers(model, [sentence(("Ada", "q" * 500, "Rome"))])[0].tags
    assert len(tags) == 3


def test_the_room_leaves_out_special_tokens_and_positions_of_padding(folders: Callable[[str], Path]) -> None:
    assert {name: opened(folders(name)).room for name in ("bert", "roberta", "gpt2")} == {
        "bert": tiny_encoders.POSITIONS - 2,
        "roberta": tiny_encoders.POSITIONS - 2,
        "gpt2": tiny_encoders.POSITIONS,
    }


@pytest.mark.parametrize("sizes", [[1] * 50, [3] * 20, [1, 9, 9, 1, 1, 30, 1], [0, 0, 1], [], [12] * 5, [0] * 30])
@pytest.mark.parametrize("room", [10, 4, 1, None])
def test_windows_fit_overlap_and_own_every_word_once(sizes: list[int], room: int | None) -> None:
    found = windows(sizes, room)
    assert [word for window in found for word in window.own] == list(range(len(sizes)))
    for window in found:
        assert set(window.own) <= set(window.words)
        assert room is None or sum(min(sizes[word], room) for word in window.words) <= room
    if room and sizes == [1] * 50 and room > 1:
        assert all(one.words.stop - two.words.start == room // 2 for one, two in pairwise(found))


@pytest.mark.parametrize(
    ("labels", "tags"),
    [
        ("I-PER I-PER O I-LOC", "B-PER I-PER O B-LOC"),
        ("I-PER B-PER I-PER", "B-PER B-PER I-PER"),
        ("B-PER I-PER O", "B-PER I-PER O"),
        ("S-PER S-PER B-LOC E-LOC I-LOC", "B-PER B-PER B-LOC I-LOC B-LOC"),
        ("U-PER B-LOC I-LOC L-LOC U-LOC", "B-PER B-LOC I-LOC I-LOC B-LOC"),
        ("B_PER M_PER E_PER S_LOC", "B-PER I-PER I-PER B-LOC"),
        ("PER PER O LOC", "B-PER I-PER O B-LOC"),
        ("I-geo-loc I-PER", "B-geo-loc B-PER"),
    ],
)
def test_labels_of_every_scheme_become_iob2(labels: str, tags: str) -> None:
    assert " ".join(iob2([part_of(label) for label in labels.split()])) == tags


@pytest.mark.parametrize(
    ("label", "tags", "meant"),
    [
        ("B-PER", ("O", "B-PER", "I-PER"), "B-PER"),
        ("B-PER", ("O", "B-per", "I-per"), "B-per"),
        ("I-PERSON", ("O", "B-PER", "I-PER"), "I-PER"),
        ("B-LOC", ("O", "B-location", "I-location"), "B-location"),
        ("B-ORG", ("O", "B-PER", "I-PER"), "O"),
        ("B-GPE", ("O", "B-LOC", "I-LOC"), "O"),
        ("B-PER", ("O", "B-PERSON", "I-PERSON", "B-people", "I-people"), "O"),
    ],
)
def test_types_are_known_by_name_and_by_a_few_other_names(label: str, tags: tuple[str, ...], meant: str) -> None:
    part = parts_for((label,), tags)[0]
    assert (f"{part.prefix}-{part.kind}" if part.kind else part.prefix) == meant


def test_labels_that_say_nothing_are_the_tags_in_order(tmp_path: Path, folders: Callable[[str], Path]) -> None:
    nameless = tiny_encoders.make_bert(tmp_path / "bert", [f"LABEL_{index}" for index in range(len(TAGS))])
    requests = [sentence(words) for words in SENTENCES]
    assert answers(opened(nameless), requests) == answers(opened(folders("bert")), requests)
    with pytest.raises(UsageError, match="LABEL_0"):
        opened(nameless).prepare(sentence(("Ada",), TAGS[:5]))


def test_types_that_the_task_has_not_are_outside_and_a_task_of_none_is_refused(folders: Callable[[str], Path]) -> None:
    model = opened(folders("bert"))
    fewer = ("O", "B-PER", "I-PER")
    for words in SENTENCES:
        assert set(answers(model, [sentence(words, fewer)])[0].tags) <= set(fewer)
    assert model.identity.details["entity_types"] == ["PER", "ORG", "LOC"]
    for ask in (model.cost, model.prepare):
        with pytest.raises(UsageError, match=r"tags none of the task's entity types: its labels are 'O', 'B-PER'"):
            ask(sentence(("Ada",), ("O", "B-protein", "I-protein")))


def test_pictures_are_not_read_but_damaged_ones_are_errors(folders: Callable[[str], Path]) -> None:
    model = opened(folders("bert"))
    words = SENTENCES[1]
    assert answers(model, [sentence(words, images=(picture(1),))]) == answers(model, [sentence(words)])
    with pytest.raises(SampleError, match=r"broken\.png"):
        model.prepare(sentence(words, images=(Unreadable(),)))

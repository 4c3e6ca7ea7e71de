"""Tasks of every kind as training data: every sample once per epoch, none of those that are judged by."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from tests.reference.made_tasks import made_recipe, write_data, write_task
from velm_bench.errors import RunError, UsageError
from velm_bench.reference.data.base import Batch, cropped
from velm_bench.reference.data.opening import open_book
from velm_bench.reference.data.pictures import varied
from velm_bench.reference.data.settings import AugmentSettings
from velm_bench.reference.data.tasks import TaskBook, grouped
from velm_bench.reference.feeding import Feeder
from velm_bench.reference.parallel import Group
from velm_bench.reference.processing import mark, train_tokenizer
from velm_bench.reference.settings import IGNORED, PADDING, TAGS

KINDS = ("classification", "vqa", "captioning", "ner")
ROWS = {"classification": 24, "vqa": 24, "captioning": 24, "ner": 40}
"""A row per picture or sentence."""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    write_data(folder)
    for kind in KINDS:
        write_task(folder, kind)
    return folder


def opened(made: Path, kind: str, **data: Any) -> TaskBook:
    book = open_book(made_recipe(kind, data), (), made)
    assert isinstance(book, TaskBook)
    return book


def tokenizer_of(book: TaskBook) -> Tokenizer:
    return train_tokenizer(book.corpus(), 400)


def texts(tokenizer: Tokenizer, batch: Batch, row: int) -> list[str]:
    """What stands in the segments of a row."""
    numbers = range(int(batch["segments"][row].max()) + 1)
    return [tokenizer.decode(batch["tokens"][row][batch["segments"][row] == number].tolist()) for number in numbers]


@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_goes_through_every_row_once_in_an_order_of_its_own(made: Path, kind: str) -> None:
    book = opened(made, kind)
    epochs = [[book.row(epoch * book.epoch + place) for place in range(book.epoch)] for epoch in range(4)]
    trained = {number for row in epochs[0] for number in row}
    for rows in epochs:
        assert sorted(number for row in rows for number in row) == sorted(trained)
    assert epochs[0] != epochs[1] != epochs[2]
    assert [opened(made, kind).row(place) for place in range(book.epoch)] == epochs[0]
    assert [replace(book, seed=1).row(place) for place in range(book.epoch)] != epochs[0]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_judged_by_is_never_trained_on(made: Path, kind: str) -> None:
    book = opened(made, kind)
    trained = {number for place in range(book.epoch) for number in book.row(place)}
    judged = {number for row in book._checked[1] for number in row}
    assert trained.isdisjoint(judged)
    assert trained | judged == set(range(len(book.samples.held)))
    assert 0.1 < len(book._checked[1]) / ROWS[kind] < 0.4
    groups = [{book.samples.held[number].cluster for number in numbers} for numbers in (trained, judged)]
    assert groups[0].isdisjoint(groups[1])
    assert {number for row in replace(book, seed=5)._checked[1] for number in row} == judged


def test_another_split_may_judge(made: Path) -> None:
    book = opened(made, "ner", validation="dev")
    assert book.epoch == 40
    checks = book.checks(tokenizer_of(book), 100)
    assert len(checks) == 12
    assert len(book.checks(tokenizer_of(book), 5)) == 5


@pytest.mark.parametrize("kind", KINDS)
def test_rows_do_not_depend_on_how_they_are_batched_or_where(made: Path, kind: str) -> None:
    noise = {"swap_entities": 0.5, "split_words": 0.5, "hide_words": 0.2} if kind == "ner" else {}
    augment = {} if kind == "ner" else {"augment": {"flip": "horizontal", "shift": 2}}
    book = opened(made, kind, blind=0.3, **noise, **augment)
    tokenizer = tokenizer_of(book)
    whole = book.batch(tokenizer, range(14, 26))
    elsewhere: TaskBook = pickle.loads(pickle.dumps(book))  # noqa: S301 - our own
    parts = [elsewhere.batch(tokenizer, numbers) for numbers in ([14, 15, 16], [17], range(18, 26))]
    assert whole.keys() == parts[0].keys()
    for name, array in whole.items():
        padded = [_widened(part[name], array.shape, name) for part in parts]
        assert np.array_equal(array, np.concatenate(padded)), name


def _widened(array: np.ndarray[Any, Any], shape: tuple[int, ...], name: str) -> np.ndarray[Any, Any]:
    if array.ndim != 2:
        return array
    empty = {"segments": PADDING, "targets": IGNORED, "tags": IGNORED}.get(name, 0)
    return np.pad(array, ((0, 0), (0, shape[1] - array.shape[1])), constant_values=empty)


def test_workers_make_the_same_batches_in_the_same_order(made: Path) -> None:
    book = opened(made, "vqa", blind=0.3, augment={"flip": "horizontal"})
    tokenizer = tokenizer_of(book)
    second = Group(1, 2)  # of two processes that share each batch
    with Feeder(tokenizer, book, 6, second, 3, 1) as helped, Feeder(tokenizer, book, 6, second, 3, 0) as alone:
        for step in (3, 4):
            mine, theirs = alone.next(texts=True), helped.next(texts=True)
            expected = book.batch(tokenizer, [6 * step + place for place in (1, 3, 5)])
            for name, array in expected.items():
                assert np.array_equal(array, mine[name]), name
                assert np.array_equal(array, theirs[name]), name
        assert helped.next(texts=False).keys() == {"pixels", "classes"}


def test_a_textbook_travels_without_its_samples(made: Path) -> None:
    book = opened(made, "classification")
    assert len(pickle.dumps(book)) < 4000


def test_questions_of_a_picture_share_its_row(made: Path) -> None:
    book = opened(made, "vqa")
    tokenizer = tokenizer_of(book)
    batch = book.batch(tokenizer, range(60))
    answers: Counter[str] = Counter()
    for row in range(60):
        found = texts(tokenizer, batch, row)
        assert len(found) == 3
        for colour in ("red", "green", "blue"):
            answer = next(text for text in found if f"is it {colour}?" in text).rsplit(":", 1)[1].strip()
            answers[answer] += 1
    assert 0.2 < answers["maybe"] / 180 < 0.5  # one annotator in three
    assert {segment.kind for row in book.checks(tokenizer, 9) for segment in row} == {"vqa"}
    judged = [tokenizer.decode(list(s.tokens[s.start :])) for row in book.checks(tokenizer, 9) for s in row]
    assert {text.strip() for text in judged} == {"yes", "no"}


def test_labels_are_answers_and_classes(made: Path) -> None:
    book = opened(made, "classification")
    tokenizer = tokenizer_of(book)
    assert book.classes == ("blue", "green", "red")
    batch = book.batch(tokenizer, range(18))
    for row in range(18):
        label = book.classes[batch["classes"][row]]
        assert texts(tokenizer, batch, row) == [f"What is in the image? {label}"]
        seen = batch["pixels"][row].reshape(-1, 3).mean(0).argmax()
        assert ("red", "green", "blue")[seen] == label
    assert (batch["texts"] > 0).sum() == 18
    assert len(set(batch["texts"][batch["texts"] > 0].tolist())) == 3


def test_answers_may_be_classes_of_the_picture(made: Path) -> None:
    book = opened(made, "vqa", classes=("no", "perhaps"))
    assert book.classes == ("no", "perhaps")
    assert (book.batch(tokenizer_of(book), range(6))["classes"] == 0).all()
    both = opened(made, "vqa", classes=("no", "yes"))
    assert (both.batch(tokenizer_of(both), range(6))["classes"] == IGNORED).all()  # of every picture both are said


def test_captions_are_drawn_from_those_of_the_picture(made: Path) -> None:
    book = opened(made, "captioning", captions=2)
    tokenizer = tokenizer_of(book)
    batch = book.batch(tokenizer, range(36))
    assert {len(texts(tokenizer, batch, row)) for row in range(36)} == {2}
    assert {text.split(". ")[1].split()[0] for row in range(36) for text in texts(tokenizer, batch, row)} == {
        "a",
        "one",
        "some",
    }
    assert len(texts(tokenizer, opened(made, "captioning", captions=3).batch(tokenizer, [0]), 0)) == 3
    assert book.classes == ()
    assert (batch["classes"] == IGNORED).all()


def test_sentences_carry_the_tags_of_the_data(made: Path) -> None:
    book = opened(made, "ner")
    tokenizer = tokenizer_of(book)
    assert book.tags == ("O", "B-PERSON", "I-PERSON", "B-TOWN", "I-TOWN")
    batch = book.batch(tokenizer, range(30))
    assert "pixels" not in batch
    assert not batch["sighted"].any()
    assert (batch["tokens"][:, 0] == mark(tokenizer, "tag")).all()
    for row in range(30):
        (number,) = book.row(row)
        tagged = batch["tags"][row] != IGNORED
        assert tuple(book.tags[tag] for tag in batch["tags"][row][tagged]) == book.samples.held[number].references
        assert (batch["both_ways"][row] == (batch["segments"][row] == 0)).all()
        assert (batch["prompts"][row] == (batch["segments"][row] == 0)).all()
    assert opened(made, "vqa").tags == TAGS


def test_other_entities_stand_in_their_place(made: Path) -> None:
    book = opened(made, "ner", swap_entities=1.0)
    tokenizer = tokenizer_of(book)
    batch = book.batch(tokenizer, range(30))
    known = {"PERSON": {"Ada", "Bo Li", "Cy", "Dee"}, "TOWN": {"Rome", "New York", "Oslo"}}
    changed = 0
    for row in range(30):
        words = list(book.samples.held[book.row(row)[0]].inputs["tokens"])
        text = texts(tokenizer, batch, row)[0].split()
        tags = [book.tags[tag] for tag in batch["tags"][row][batch["tags"][row] != IGNORED]]
        assert len(tags) == len(text)
        middle = next(i for i, word in enumerate(text) if word.startswith("met"))
        assert " ".join(text[:middle]) in known["PERSON"]
        assert " ".join(text[middle + 2 : -1]) in known["TOWN"]
        assert tags[0] == "B-PERSON"
        assert tags[middle + 2] == "B-TOWN"
        changed += text != words
    assert changed > 15


def test_words_are_cut_and_hidden_in_training_alone(made: Path) -> None:
    plain, cut, hidden = (
        opened(made, "ner", **{name: 1.0} if name else {}) for name in ("", "split_words", "hide_words")
    )
    tokenizer = tokenizer_of(plain)
    pairs = [[book.batch(tokenizer, range(20)) for book in (plain, other)] for other in (cut, hidden)]
    for before, after in pairs:
        for row in range(20):
            tags = [batch["tags"][row][batch["tags"][row] != IGNORED].tolist() for batch in (before, after)]
            assert tags[0] == tags[1]
    assert [texts(tokenizer, pairs[0][1], row) for row in range(20)] == [
        texts(tokenizer, pairs[0][0], row) for row in range(20)
    ]
    assert not np.array_equal(pairs[0][0]["tokens"], pairs[0][1]["tokens"])
    assert set(np.unique(pairs[1][1]["tokens"])) == {
        mark(tokenizer, "pad"),
        mark(tokenizer, "tag"),
        mark(tokenizer, "eos"),
    }
    assert plain.checks(tokenizer, 9) == cut.checks(tokenizer, 9) == hidden.checks(tokenizer, 9)


def test_a_long_sentence_is_read_in_windows_and_a_long_answer_cut(made: Path) -> None:
    book = opened(made, "ner")
    tokenizer = tokenizer_of(book)
    sample = book.samples.held[0]
    long = replace(sample, inputs={"tokens": ("Ada", "met") * 60}, references=("B-PERSON", "O") * 60)
    segments = book.lines.segments(tokenizer, book.samples.kind, long, None)
    assert len(segments) > 1
    assert all(len(segment.tokens) <= 64 for segment in segments)
    tags = [tag for segment in segments for tag in segment.tags or () if tag != IGNORED]
    assert len(tags) == 120
    asked = opened(made, "captioning")
    wordy = replace(asked.samples.held[0], references=("red " * 200,))
    (segment,) = asked.lines.segments(tokenizer, asked.samples.kind, wordy, None)
    assert 0 < segment.start < len(segment.tokens) <= 64


def test_blind_hides_a_share_of_pictures_and_a_blind_model_sees_none(made: Path) -> None:
    book = opened(made, "vqa", blind=0.5)
    tokenizer = tokenizer_of(book)
    assert 60 < book.batch(tokenizer, range(200))["sighted"].sum() < 140
    assert opened(made, "vqa", blind=0.0).batch(tokenizer, range(50))["sighted"].all()
    recipe = made_recipe("vqa")
    none = recipe.model.model_copy(update={"fusion": recipe.model.fusion.model_copy(update={"kind": "none"})})
    blind = open_book(recipe.model_copy(update={"model": none}), (), made)
    batch = blind.batch(tokenizer, range(5))
    assert "pixels" not in batch
    assert not batch["sighted"].any()
    assert blind.check_pixels([0]) is None


def test_pictures_alone_come_without_texts(made: Path) -> None:
    book = opened(made, "classification")
    assert book.batch(tokenizer_of(book), range(4), texts=False).keys() == {"pixels", "classes"}


def test_pictures_are_varied_in_training_alone(made: Path) -> None:
    plain = opened(made, "classification")
    book = opened(made, "classification", augment={"flip": "horizontal", "shift": 3})
    tokenizer = tokenizer_of(book)
    assert book._divided == plain._divided
    assert not np.array_equal(book.batch(tokenizer, range(8))["pixels"], plain.batch(tokenizer, range(8))["pixels"])
    assert np.array_equal(book.check_pixels([0, 1]), plain.check_pixels([0, 1]))  # type: ignore[arg-type]
    ramp = np.arange(64, dtype=np.uint8).reshape(8, 8, 1).repeat(3, 2)
    mirrored = [varied(ramp, AugmentSettings(flip="horizontal"), np.random.default_rng(i)) for i in range(40)]
    assert {int(one[0, 0, 0]) for one in mirrored} == {0, 7}
    moved = [varied(ramp, AugmentSettings(shift=1), np.random.default_rng(i)) for i in range(200)]
    assert {one.shape for one in moved} == {(8, 8, 3)}
    assert {int(one[4, 4, 0]) for one in moved} == {27, 28, 29, 35, 36, 37, 43, 44, 45}


def test_rows_of_a_batch_are_about_as_long() -> None:
    draw = np.random.default_rng(0)
    sizes, order = draw.integers(1, 100, 1003), draw.permutation(1003)
    found = grouped(order, sizes, 8, draw)
    assert sorted(found) == list(range(1003))
    spread = [np.ptp(sizes[found[at : at + 8]]) for at in range(0, 1000, 8)]
    assert np.mean(spread) < 10
    assert len({int(sizes[found[at]]) // 10 for at in range(0, 80, 8)}) > 3


def test_every_epoch_begins_within_the_batch_that_the_last_one_left(made: Path) -> None:
    book = replace(opened(made, "ner", validation="dev"), group=7)  # 40 rows: 5 batches and 5 rows
    lots = [range(49, 56), range(56, 63)]  # after 2 rows of the second epoch, that fill the sixth batch
    sizes = [[sum(map(len, book.samples.held[book.row(number)[0]].inputs["tokens"])) for number in lot] for lot in lots]
    everything = [sum(map(len, sample.inputs["tokens"])) for sample in book.samples.held]
    assert max(map(np.ptp, sizes)) < np.ptp(everything)


def test_empty_columns_are_cut_away() -> None:
    batch: Batch = {"segments": np.full((2, 40), PADDING), "tokens": np.zeros((2, 40)), "told": np.zeros(2)}
    assert cropped(batch)["tokens"].shape == (2, 8)
    batch["segments"][1, 8] = 0
    assert cropped(batch)["tokens"].shape == (2, 16)
    assert cropped(batch)["told"].shape == (2,)


def test_a_picture_that_cannot_be_read_is_named(made: Path, tmp_path: Path) -> None:
    write_data(tmp_path)
    write_task(tmp_path, "captioning")
    for path in (tmp_path / "pictures").rglob("*.png"):
        path.write_bytes(b"none")
    book = opened(tmp_path, "captioning")
    with pytest.raises(RunError, match=r"cannot see the picture of sample 'red/\d+\.png'|sample"):
        book.batch(tokenizer_of(book), range(3))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"task": "nowhere.yaml"}, "nowhere.yaml"),
        ({"task": "*/scenes_*"}, "tasks: name one"),
        ({"split": "trian"}, "train"),
        ({"validation": "dve"}, "no split of that name"),
        ({"validation": 0.999}, "leaves none to train on"),
    ],
)
def test_mistakes_are_named(made: Path, data: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        opened(made, "vqa", **data)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"task": "vqa.yaml", "told": 0.5}, "'told' is for the scenes alone"),
        ({"validation": 0.2}, "'validation' is for tasks alone"),
        ({"augment": {"shift": 2}}, "'augment' is for tasks alone"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(data: dict[str, Any], sentence: str) -> None:
    content = made_recipe("vqa").model_dump() | {"data": data}
    with pytest.raises(ValueError, match=sentence):
        type(made_recipe("vqa")).model_validate(content)


@pytest.mark.parametrize(
    ("kind", "data", "sentence"),
    [
        ("vqa", {"hide_words": 0.1}, "data.hide_words in the recipe is for ner tasks and means nothing to the task"),
        ("captioning", {"classes": ["red"]}, "data.classes in the recipe is for vqa tasks"),
        ("ner", {"augment": {"shift": 2}}, "data.augment in the recipe means nothing to a model that sees no pictures"),
    ],
)
def test_what_would_do_nothing_is_refused(made: Path, kind: str, data: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        opened(made, kind, **data)

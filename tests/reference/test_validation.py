"""How a model in training is judged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.reference.conftest import RECIPES, SETTINGS
from tests.reference.made_tasks import made_recipe, write_data, write_task
from velm_bench.reference.data.base import Textbook
from velm_bench.reference.data.opening import open_book
from velm_bench.reference.data.scenes import SceneBook
from velm_bench.reference.processing import train_tokenizer
from velm_bench.reference.recipe import Recipe, read_recipe
from velm_bench.reference.settings import IGNORED
from velm_bench.reference.trainer import Trainer
from velm_bench.reference.validation import Judge


def test_two_towers_are_judged_by_whether_texts_and_pictures_find_each_other() -> None:
    """Few pictures are learned by heart in a few steps; where the pictures change places, nothing is right any more."""
    content = read_recipe(RECIPES / "tiny.yaml").model_dump()
    content["model"] |= {"fusion": {"kind": "contrastive"}, "embedding": 16}
    content |= {"loss": {"joint": 1.0}, "sight": {"first": 0.0, "patches": 0.0, "tags": 0.0}, "batch": 4}
    recipe = Recipe.model_validate(content)
    book = open_book(recipe, (), None)
    tokenizer = train_tokenizer(book.corpus(), recipe.model.language.vocabulary)
    trainer = Trainer(recipe, tokenizer, book, torch.device("cpu"))
    judge = Judge(tokenizer, book, 4)
    batch = judge._batch(range(4)) | {"classes": book.batch(tokenizer, range(4))["classes"]}
    for _ in range(40):
        trainer.step(batch, 0.3)
    trained = judge.scores(trainer.model, trainer.device)
    assert set(trained) == {"picture_to_text", "text_to_picture", "score"}
    assert trained["score"] == (trained["picture_to_text"] + trained["text_to_picture"]) / 2
    assert trained["score"] > 0.8
    pixels = judge.book.check_pixels
    object.__setattr__(judge, "book", _Moved(judge.book, pixels))
    assert judge.scores(trainer.model, trainer.device)["score"] < 0.5


class _Moved:
    """A textbook whose pictures have changed places."""

    def __init__(self, book: object, pixels: object) -> None:
        self.book, self.pixels = book, pixels

    def __getattr__(self, name: str) -> object:
        return getattr(self.book, name)

    def check_pixels(self, numbers: range) -> object:
        return self.pixels(numbers)[::-1].copy()  # type: ignore[operator]


WORDS = 500


class Knowing:
    """Stands for a model: its states are what is right, and its heads say so, but where `errs` has it err."""

    config = SimpleNamespace(settings=SETTINGS)

    def __init__(self, tags: int, errs: Any = lambda _, right: right) -> None:
        self.tags, self.errs = tags, errs
        self.seen: list[set[str]] = []

    def train(self, mode: bool = True) -> None:
        """As a module has it."""

    def read_packed(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, None]:
        self.seen.append({name for name in batch if name in ("pixels",)} | {f"sighted {bool(batch['sighted'].all())}"})
        return torch.stack([batch["targets"].clamp(min=0), batch["tags"].clamp(min=0)], 2), None

    def head(self, states: Tensor) -> Tensor:
        return self._sure(self.errs("word", states[..., 0]), WORDS)

    def tagger(self, states: Tensor) -> Tensor:
        return self._sure(self.errs("tag", states[..., 1]), self.tags)

    @staticmethod
    def _sure(numbers: Tensor, count: int) -> Tensor:
        return 30.0 * torch.nn.functional.one_hot(numbers.long(), count).float()


def scores(book: Textbook, model: Knowing, count: int = 12) -> dict[str, float]:
    judge = Judge(train_tokenizer(book.corpus(), WORDS), book, count)
    return judge.scores(model, torch.device("cpu"))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judged")
    write_data(folder)
    for kind in ("classification", "vqa", "captioning", "ner"):
        write_task(folder, kind)
    return folder


@pytest.mark.parametrize(("kind", "name"), [("classification", "class"), ("vqa", "vqa"), ("ner", "entities")])
def test_who_knows_everything_scores_one_and_who_errs_none(made: Path, kind: str, name: str) -> None:
    book = open_book(made_recipe(kind), (), made)
    knowing = Knowing(len(book.tags))
    assert scores(book, knowing) == {name: 1.0, "score": 1.0}
    assert knowing.seen[0] == ({"sighted False"} if kind == "ner" else {"pixels", "sighted True"})
    erring = Knowing(len(book.tags), lambda _, right: torch.zeros_like(right))
    assert scores(book, erring) == {name: 0.0, "score": 0.0}


def test_an_answer_is_right_as_a_whole(made: Path) -> None:
    book = open_book(made_recipe("classification"), (), made)
    judge = Judge(train_tokenizer(book.corpus(), WORDS), book, 12)
    longest = max(len(segment.tokens) - segment.start for row in judge.rows for segment in row)
    assert longest > 1

    def errs_once(kind: str, right: Tensor) -> Tensor:
        return torch.where(right == judge.tokenizer.token_to_id("<eos>"), 7, right) if kind == "word" else right

    assert judge.scores(Knowing(9, errs_once), torch.device("cpu"))["class"] == 0.0  # type: ignore[arg-type]


def test_entities_are_counted_as_wholes(made: Path) -> None:
    """Of every sentence's two entities the towns are missed: all found are right, half of all are found."""
    book = open_book(made_recipe("ner"), (), made)
    towns = [book.tags.index(tag) for tag in ("B-TOWN", "I-TOWN")]

    def misses_towns(kind: str, right: Tensor) -> Tensor:
        return right if kind == "word" else torch.where(torch.isin(right, torch.tensor(towns)), 0, right)

    assert scores(book, Knowing(len(book.tags), misses_towns))["entities"] == pytest.approx(2 / 3, abs=1e-4)


def test_captions_are_scored_by_what_their_tokens_are_given(made: Path) -> None:
    book = open_book(made_recipe("captioning"), (), made)
    sure = scores(book, Knowing(9))
    assert sure == {"caption_loss": 0.0, "score": 1.0}

    class Undecided(Knowing):
        def head(self, states: Tensor) -> Tensor:
            return torch.zeros(*states.shape[:2], WORDS)

    unsure = scores(book, Undecided(9))
    assert unsure["caption_loss"] == pytest.approx(math.log(WORDS), abs=1e-3)
    assert unsure["score"] == pytest.approx(1 / WORDS, abs=1e-4)


def test_scenes_are_scored_by_questions_class_and_what_pictures_decide() -> None:
    book = SceneBook(32, 4, 192, 2, 0.0, tokenizer_scenes=40)
    found = scores(book, Knowing(9), 20)
    assert {"vqa", "class", "ner", "caption_loss", "score"} <= found.keys()
    assert found["score"] == 1.0
    assert any(name.startswith("vqa/") for name in found)
    assert "told_loss" not in found

    def misnames(kind: str, right: Tensor) -> Tensor:
        return right if kind == "word" else torch.zeros_like(right)

    assert scores(book, Knowing(9, misnames), 20)["score"] == pytest.approx(2 / 3, abs=1e-3)


def test_descriptions_count_apart() -> None:
    book = SceneBook(0, 0, 192, 1, 0.0, told=1.0, tokenizer_scenes=40)
    knowing = Knowing(9)
    assert scores(book, knowing, 6)["told_loss"] == 0.0
    assert knowing.seen == [{"sighted False"}]


def test_nothing_is_judged_beyond_the_count(made: Path) -> None:
    book = open_book(made_recipe("vqa"), (), made)
    judge = Judge(train_tokenizer(book.corpus(), WORDS), book, 2)
    assert len(judge.rows) == 2
    assert all(segment.tags is None for row in judge.rows for segment in row)
    assert IGNORED not in [token for row in judge.rows for segment in row for token in segment.tokens]


@pytest.mark.parametrize("kind", ["classification", "vqa", "captioning", "ner"])
def test_every_kind_trains_on_data_of_its_own(made: Path, tmp_path: Path, kind: str) -> None:
    from velm_bench.reference.training import train

    recipe = made_recipe(kind, images=160, optimizer={"rate": 4e-3})
    assert isinstance(recipe, Recipe)
    checkpoint = train(recipe, tmp_path / kind, beside=made, workers=0)
    lines = (checkpoint / "training.jsonl").read_text().splitlines()
    losses = [float(line.split('"total": ')[1].split("}")[0]) for line in lines if '"total"' in line]
    assert losses[-1] < 0.8 * losses[0]

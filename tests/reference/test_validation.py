"""How a model in training is judged."""

from __future__ import annotations

import torch

from tests.reference.conftest import RECIPES
from velm_bench.reference.data.opening import open_book
from velm_bench.reference.processing import train_tokenizer
from velm_bench.reference.recipe import Recipe, read_recipe
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

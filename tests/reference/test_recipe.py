"""Recipes: the shipped ones are valid, mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reference.conftest import RECIPES
from velm_bench.errors import UsageError
from velm_bench.reference.recipe import read_recipe


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: x\nimages: 5\nbach: 3\n", "unknown key 'bach': did you mean 'batch'"),
        (
            "name: x\nimages: 5\nmodel: {vision: {chanels: [1, 2, 3]}}\n",
            "'model.vision.chanels': did you mean 'channels'",
        ),
        ("name: x\n", "'images'"),
        ("name: x\nimages: many\n", "'images'"),
        ("name: x\nimages: 5\noptimizer: {rate: -1}\n", "'optimizer.rate'"),
        ("name: x\nimages: 5\nsight: {first: 1}\n", "'sight.first'"),
        ("name: x\nimages: 5\nbatch: 8\noptimizer: {accumulate: 3}\n", "3 does not divide 8"),
        ("name: x\nimages: 5\nloss: {joint: 1}\n", "so set model.embedding"),
        ("name: x\nimages: 5\nmodel: {embedding: 8}\n", "so set loss.joint"),
        ("name: x\nimages: 5\nstart: {vision: prefix}\nmodel: {fusion: {kind: none}}\n", "start.vision must be empty"),
        (
            "name: x\nimages: 5\nstart: {language: prefix}\nmodel: {language: {checkpoint: gpt2}}\n",
            "start.language and model.language.checkpoint both say",
        ),
        ("- a\n", "must hold keys and values"),
        ("a: [\n", "not valid YAML"),
    ],
)
def test_mistakes_in_a_recipe_are_named(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"mine\.yaml") as found:
        read_recipe(path)
    assert sentence in str(found.value)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_recipe(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", sorted(RECIPES.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_recipe_is_valid(path: Path) -> None:
    assert read_recipe(path).name == path.stem

"""Small recipes, and what their trainings leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from tests.reference.conftest import RECIPES
from velm_bench.reference.recipe import Recipe, read_recipe


def recipe(**changes: Any) -> Recipe:
    content = read_recipe(RECIPES / "tiny.yaml").model_dump()
    return Recipe.model_validate(content | changes)


FEW: dict[str, Any] = read_recipe(RECIPES / "tiny.yaml").model_dump()["data"] | {"tokenizer_scenes": 30}
"""Data whose tokenizer is quickly made."""


def short(batch: int = 4, **changes: Any) -> Recipe:
    """Twelve steps, judged after each fourth."""
    judged = {"every": 4, "scenes": 4, "patience": 50}
    return recipe(images=12 * batch, batch=batch, validation=judged, data=FEW, **changes)


def sizes(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = read_recipe(RECIPES / "tiny.yaml").model.model_dump()
    for part, settings in changes.items():
        content[part] = content[part] | settings if isinstance(settings, dict) else settings
    return content


def blind(**changes: Any) -> dict[str, Any]:
    return sizes(fusion={"kind": "none"}, **changes)


def apart(one: Path, other: Path) -> float:
    """The largest difference between two trainings' weights."""
    mine, theirs = load_file(one / "state.safetensors"), load_file(other / "state.safetensors")
    assert mine.keys() == theirs.keys()
    names = [name for name in mine if name.startswith("model.")]
    assert names
    return max(float((mine[name].double() - theirs[name].double()).abs().max()) for name in names)


def steps(folder: Path) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, (folder / "log.jsonl").read_text().splitlines()) if "losses" in line]

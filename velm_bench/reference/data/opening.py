"""Which textbook a recipe reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from velm_bench.reference.data.base import Textbook
from velm_bench.reference.data.samples import find_task
from velm_bench.reference.data.scenes import SceneBook
from velm_bench.reference.data.tasks import TaskBook
from velm_bench.sources.base import Place

if TYPE_CHECKING:
    from velm_bench.reference.recipe import Recipe


def open_book(recipe: Recipe, folders: Sequence[Path] = (), beside: Path | None = None) -> Textbook:
    """The textbook of a recipe: the scenes, or the task that `data.task` names.

    Data is looked for in `folders` (`--data`, VELM_DATA), a task's file from `beside` (the recipe's folder) on.
    UsageError where the task or its data is not there.
    """
    data, size, grid = recipe.data, *_sight(recipe)
    if not data.task:
        return SceneBook(size, grid, data.length, data.captions, data.blind, data.told, data.tokenizer_scenes)
    task, folder = find_task(data.task, beside or Path())
    place, context = Place(tuple(folders), folder), recipe.model.language.context
    book = TaskBook(task.on_split(data.split), place, data, recipe.seed, size, context, recipe.batch)
    book.check()
    return book


def _sight(recipe: Recipe) -> tuple[int, int]:
    """The pictures' side in pixels and in patches; zeros for a model that sees none."""
    if str(recipe.model.fusion.kind) == "none":
        return 0, 0
    vision = recipe.model.vision
    if vision.checkpoint:  # only the encoder knows how many patches it makes
        from velm_bench.reference.vision import checkpoint_grid

        return vision.image_size, checkpoint_grid(vision.checkpoint, vision.image_size)
    return vision.image_size, vision.grid

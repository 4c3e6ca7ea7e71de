"""The model card of a trained checkpoint: what it is, how it came about, what it can and cannot do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velm_bench.reference.recipe import Recipe
from velm_bench.shipped import shipped

SCORES = ("<!-- test scores -->", "<!-- end of test scores -->")
"""Between these lines of a card stand the scores of the test splits, once they are known."""

_CARD = """# ref:{name}

A reference model of velm-bench: a small vision-language model that {abilities}, trained on
{data}. A yardstick, not a product.

|  |  |
|---|---|
{facts}

## On the validation split

The best validation, of step {best_step:,} (`training.jsonl` has them all). {judged}

| score | value |
|---|---|
{scores}

## On the test splits

{before}
Measured by `{measure}`.
{after}

## Limits

{limits}
"""

_WRITES = "writes, weighs options and tags"
_EMBEDS = "puts pictures and texts into one space, and so weighs options and retrieves"
_ANSWERS = "An answer is right where each of its tokens is."


@dataclass(frozen=True)
class Made:
    """How a checkpoint came about, besides its recipe and log."""

    parameters: int
    learned: int
    """Parameters that the training changed."""
    size: int
    """Of the weights, in bytes."""
    step: int
    """The last one."""
    read: int
    """Steps that had texts in them."""
    seconds: float
    best_step: int
    run: Mapping[str, Any]
    """`minutes` (None without a limit), `processes` and `device` of the run."""


def card(recipe: Recipe, log: Path, made: Made) -> str:
    """The text of README.md."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    scores: Mapping[str, float] = next(
        (line["validation"] for line in lines if line["step"] == made.best_step and "validation" in line), {}
    )
    apart = recipe.model.fusion.kind == "contrastive"
    facts = {"parameters": _size(made)} | _parts(recipe) | _data(recipe, made) | _cost(recipe, made, lines)
    return _CARD.format(
        name=recipe.name,
        abilities=_EMBEDS if apart else _WRITES,
        data=f"the {recipe.data.split} split of the task `{_task(recipe)}` and on nothing else"
        if recipe.data.task
        else "the embedded benchmark's training split (`scenes`, train) and on nothing else",
        facts="\n".join(f"| {name} | {value} |" for name, value in facts.items()),
        best_step=made.best_step,
        judged="" if apart else _ANSWERS,
        scores="\n".join(f"| {name} | {value:.3f} |" for name, value in sorted(scores.items())),
        before=SCORES[0],
        measure=_measure(recipe),
        after=SCORES[1],
        limits=_limits(recipe),
    )


def _task(recipe: Recipe) -> str:
    """The task of a recipe's data; a path is given relative to the recipe, which a card's reader need not know."""
    return recipe.data.task.replace("../", "")


def _measure(recipe: Recipe) -> str:
    """The command that scores the model."""
    if recipe.data.task:
        return f"velm-bench run --model ref:FOLDER --tasks {_task(recipe)}"
    tasks = "classification" if recipe.model.fusion.kind == "contrastive" else "vqa,captioning,classification,ner"
    return f"velm-bench run --model ref:{recipe.name} --tasks {tasks}"


def _size(made: Made) -> str:
    learned = "" if made.learned == made.parameters else f", of which {made.learned:,} learned"
    return f"{made.parameters:,}{learned} ({made.size / 1e6:.1f} MB in half precision; computed in float32)"


def _parts(recipe: Recipe) -> dict[str, str]:
    model, start = recipe.model, recipe.start
    parts = {"vision": _described(model.vision.model_dump())} if model.fusion.kind != "none" else {}
    parts |= {part: _described(getattr(model, part).model_dump()) for part in ("language", "fusion", "adaptation")}
    if model.embedding:
        parts["embedding"] = f"width {model.embedding}"
    begun = [f"{part} from `{name}`" for part, name in start.model_dump().items() if name]
    return parts | {"start": ", ".join(begun) or "from scratch"}


def _data(recipe: Recipe, made: Made) -> dict[str, str]:
    shown = f"{made.step * recipe.batch:,} training {'rows' if recipe.data.task else 'scenes, each seen once'}"
    alone = made.step - made.read
    texts = f"; the last {made.read * recipe.batch:,} of them with their texts" if alone else ""
    weights, idle = recipe.loss.model_dump(), _unasked(recipe)
    loss = ", ".join(f"{name} {value:g}" for name, value in weights.items() if value and name not in idle)
    return {"data": shown + texts, "loss": loss}


def _unasked(recipe: Recipe) -> tuple[str, ...]:
    """Parts of the loss that this training has not."""
    apart = recipe.model.fusion.kind == "contrastive"
    return (*(("text", "smoothing", "tags") if apart else ()), *(() if recipe.sees else ("image",)))


def _cost(recipe: Recipe, made: Made, lines: list[dict[str, Any]]) -> dict[str, str]:
    run = made.run
    speed = next((line["images_per_second"] for line in lines[::-1] if "images_per_second" in line), 0.0)
    unit = "rows" if recipe.data.task else "scenes"
    where = f"{made.seconds / 60:.0f} minutes ({made.seconds:,.0f} seconds) on {run['device']}"
    return {
        "budget": f"{made.step:,} steps of {recipe.batch} {unit}, {where}, processes {run['processes']}",
        "speed": f"{speed:,.0f} {unit} per second, with all that was drawn, judged and saved between",
        "peak memory": _memory(lines),
        "recipe": f"`recipe.json` in this folder; trained by `{_command(recipe, run)}`",
    }


def _memory(lines: list[dict[str, Any]]) -> str:
    names = {"memory_mb": "MB in the leading process", "gpu_memory_mb": "MB on its GPU"}
    most = {name: max((line.get(name, 0.0) for line in lines), default=0.0) for name in names}
    return ", ".join(f"{value:,.0f} {names[name]}" for name, value in most.items() if value) or "not known"


def _command(recipe: Recipe, run: Mapping[str, Any]) -> str:
    recipes = shipped("recipes")
    place = next((path.relative_to(recipes.parent) for path in recipes.rglob(f"{recipe.name}.yaml")), None)
    parts = [f"velm-bench train {place.as_posix() if place else f'{recipe.name}.yaml'}"]
    parts += [f"--minutes {run['minutes']:g}"] if run["minutes"] is not None else []
    parts += [f"--processes {run['processes']}"] if run["processes"] > 1 else []
    return " ".join(parts)


def _limits(recipe: Recipe) -> str:
    model, said = recipe.model, []
    if not recipe.data.task:
        said.append("It knows the words and the rendered shapes of `scenes` version 1 alone.")
        said.append("On photographs and on other text it answers, but not sensibly.")
    if model.fusion.kind == "none":
        said.append("It never sees a picture.")
    else:
        said.append(f"Pictures are cut to their middle square and brought to {model.vision.image_size} pixels;")
        said.append("of several it sees the first.")
    said.append(f"The text window is {model.language.context} tokens, answer included: a longer prompt loses its")
    said.append("beginning.")
    return " ".join(said)


def _described(settings: Mapping[str, Any]) -> str:
    """A part's kind, or the checkpoint that decides it, and those of its settings that take effect."""
    kind, known = settings["kind"], settings
    if settings.get("checkpoint"):
        kind, known = settings["checkpoint"], {name: settings[name] for name in _BESIDE if name in settings}
    idle = {"kind", "checkpoint"} | {name for name, kinds in _ONLY.items() if name in known and kind not in kinds}
    return ", ".join([f"`{kind}`", *(f"{name} {value}" for name, value in known.items() if name not in idle)])


_BESIDE = ("image_size", "context")
"""Settings that hold beside a checkpoint, which decides the others."""
_FUSING, _WRITING = ("attention", "cross_modal"), ("gpt", "bert", "llama")
_ONLY = {
    "at": ("concat", "weighted_sum", *_FUSING),
    "layers": (*_FUSING, *_WRITING, "conv_vit", "vit"),
    "heads": (*_FUSING, *_WRITING, "conv_vit", "vit"),
    "blocks": ("conv_vit", "resnet", "vgg"),
    "rank": ("lora",),
    "length": ("prefix_tuning",),
}
"""Settings that mean something for some kinds alone."""

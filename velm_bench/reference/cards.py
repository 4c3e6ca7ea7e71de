"""The model card of a trained checkpoint: what it is, how it came about, what it can and cannot do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velm_bench.reference.recipe import Recipe

_CARD = """# ref:{name}

A reference model of velm-bench: a small vision-language model that writes, weighs options and tags, trained on the
embedded benchmark's training split (`scenes`, train) and on nothing else. A yardstick, not a product.

|  |  |
|---|---|
| parameters | {parameters:,} ({size:.1f} MB in half precision; computed in float32) |
| vision | {vision} |
| language | {language} |
| fusion | {fusion} |
| data | {images:,} training scenes, each seen once; the last {read:,} of them with their texts |
| budget | {steps:,} steps of {batch} scenes, {minutes:.0f} minutes on {device}, processes {processes} |
| recipe | `recipe.json` in this folder; trained by `{command}` |

## On the validation split

The best validation, of step {best_step:,} (`training.jsonl` has them all). An answer is right where each of its
tokens is.

| score | value |
|---|---|
{scores}

Scores on the test splits, with intervals:
`velm-bench run --model ref:{name} --tasks vqa,captioning,classification,ner`.

## Limits

It knows the words and the rendered shapes of `scenes` version 1 alone. On photographs and on other text it answers,
but not sensibly. Pictures are cut to their middle square and brought to {image_size} pixels; of several it sees the
first. The text window is {context} tokens, answer included: a longer prompt loses its beginning.
"""


@dataclass(frozen=True)
class Made:
    """How a checkpoint came about, besides its recipe and log."""

    parameters: int
    size: int
    """Of the weights, in bytes."""
    step: int
    """The last one."""
    seconds: float
    best_step: int
    run: Mapping[str, Any]
    """`minutes` (None without a limit), `processes` and `device` of the run."""


def card(recipe: Recipe, log: Path, made: Made) -> str:
    """The text of README.md."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    steps = [line for line in lines if "losses" in line]
    scores: Mapping[str, float] = next(
        (line["validation"] for line in lines if line["step"] == made.best_step and "validation" in line), {}
    )
    model = recipe.model
    return _CARD.format(
        name=recipe.name,
        parameters=made.parameters,
        size=made.size / 1e6,
        vision=_described(model.vision.model_dump()),
        language=_described(model.language.model_dump()),
        fusion=_described(model.fusion.model_dump()),
        images=made.step * recipe.batch,
        read=(made.step - _alone(steps)) * recipe.batch,
        steps=made.step,
        batch=recipe.batch,
        minutes=made.seconds / 60,
        device=made.run["device"],
        processes=made.run["processes"],
        command=_command(recipe, made.run),
        best_step=made.best_step,
        scores="\n".join(f"| {name} | {value:.3f} |" for name, value in sorted(scores.items())),
        image_size=model.vision.image_size,
        context=model.language.context,
    )


def _command(recipe: Recipe, run: Mapping[str, Any]) -> str:
    parts = [f"velm-bench train recipes/{recipe.name}.yaml"]
    parts += [f"--minutes {run['minutes']:g}"] if run["minutes"] is not None else []
    parts += [f"--processes {run['processes']}"] if run["processes"] > 1 else []
    return " ".join(parts)


def _alone(steps: Iterable[Mapping[str, Any]]) -> int:
    """The last step at which the vision encoder learned alone."""
    return max((line["step"] for line in steps if "text" not in line["losses"]), default=0)


def _described(settings: Mapping[str, Any]) -> str:
    return f"`{settings['kind']}`" + "".join(f", {name} {value}" for name, value in settings.items() if name != "kind")

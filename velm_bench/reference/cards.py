"""The model card of a trained checkpoint: what it is, how it came about, what it can and cannot do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
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
| budget | {steps:,} steps of {batch} scenes, {minutes:.0f} minutes on {device} |
| recipe | `recipe.json` in this folder; `velm-bench train` repeats it |

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
first. It reads at most {context} tokens of text; a longer prompt loses its beginning.
"""


def card(recipe: Recipe, log: Path, parameters: int, size: int, best_step: int, device: str) -> str:
    """The text of README.md, from a training's recipe and log. `size` is in bytes."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    steps = [line for line in lines if "losses" in line]
    scores: Mapping[str, float] = next(
        (line["validation"] for line in lines if line["step"] == best_step and "validation" in line), {}
    )
    model = recipe.model
    return _CARD.format(
        name=recipe.name,
        parameters=parameters,
        size=size / 1e6,
        vision=_described(model.vision.model_dump()),
        language=_described(model.language.model_dump()),
        fusion=_described(model.fusion.model_dump()),
        images=steps[-1]["step"] * recipe.batch,
        read=(steps[-1]["step"] - _alone(steps)) * recipe.batch,
        steps=steps[-1]["step"],
        batch=recipe.batch,
        minutes=steps[-1]["seconds"] / 60,
        device=device,
        best_step=best_step,
        scores="\n".join(f"| {name} | {value:.3f} |" for name, value in sorted(scores.items())),
        image_size=model.vision.image_size,
        context=model.language.context,
    )


def _alone(steps: Iterable[Mapping[str, Any]]) -> int:
    """The last step at which the vision encoder learned alone."""
    return max((line["step"] for line in steps if "text" not in line["losses"]), default=0)


def _described(settings: Mapping[str, Any]) -> str:
    return f"`{settings['kind']}`" + "".join(f", {name} {value}" for name, value in settings.items() if name != "kind")

"""A recipe: everything that decides a training, in one strict YAML file (no torch here)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from velm_bench.digests import digest_json
from velm_bench.reference.settings import ModelSettings, Positive, Strict
from velm_bench.schema import parse, read_yaml

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]


class DataSettings(Strict):
    """What is taken from each training scene."""

    length: Annotated[int, Field(ge=32)] = 192
    """Text tokens packed behind a picture."""
    captions: Annotated[int, Field(ge=0, le=5)] = 2
    """Captions per picture."""
    blind: Share = 0.02
    """The share of pictures hidden from their text, so that a request without a picture is not new to the model."""
    tokenizer_scenes: Positive = 3000
    """Training scenes whose texts the tokenizer is trained on."""


class SightSettings(Strict):
    """The sight teacher's part in the training."""

    first: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """The share of the budget in which the vision encoder learns alone, from the teacher."""
    patches: Weight = 0.2
    """The weight of the patches' lessons after that."""
    tags: Weight = 0.2
    """The weight of the image-tagging loss after that."""


class OptimizerSettings(Strict):
    """AdamW with warm-up and a cosine over the budget."""

    rate: Annotated[float, Field(gt=0)] = 1e-3
    """The highest learning rate."""
    final: Share = 0.02
    """The last learning rate, as a share of the highest."""
    warmup: Annotated[float, Field(gt=0, le=1)] = 0.02
    """The share of the budget over which the rate rises; again where the text comes in."""
    decay: Weight = 0.05
    """Weight decay of matrices; vectors have none."""
    beta1: Share = 0.9
    beta2: Share = 0.98
    clip: Annotated[float, Field(gt=0)] = 1.0
    """The largest norm of the gradient."""


class ValidationSettings(Strict):
    """How often the model is judged on the validation split, and when to give up."""

    every: Positive = 250
    """Steps between validations; the state is saved as often."""
    scenes: Positive = 256
    patience: Positive = 20
    """Validations in a row without a better score after which training stops."""


class Recipe(Strict):
    """One training of a reference model."""

    name: str
    seed: int = 0
    images: Positive
    """The budget: training scenes, each seen once."""
    batch: Positive = 32
    """Scenes per step."""
    model: ModelSettings = ModelSettings()
    data: DataSettings = DataSettings()
    sight: SightSettings = SightSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    validation: ValidationSettings = ValidationSettings()

    @property
    def steps(self) -> int:
        """Steps in the budget, at least one."""
        return max(1, self.images // self.batch)

    @property
    def digest(self) -> str:
        """The identity of the training."""
        return digest_json(self.model_dump(mode="json"))


def read_recipe(path: Path) -> Recipe:
    """The recipe in a YAML file; UsageError that names the file and the field, with the nearest known one on a typo."""
    return parse(Recipe, read_yaml(path), f"recipe {path}")

"""A recipe: everything that decides a training, in one strict YAML file (no torch here)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from velm_bench.digests import digest_json
from velm_bench.reference.data.settings import DataSettings, Share
from velm_bench.reference.settings import ModelSettings, Positive, Strict
from velm_bench.schema import parse, read_yaml

Weight = Annotated[float, Field(ge=0)]


class SightSettings(Strict):
    """The sight teacher's part in the training."""

    first: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """The share of the budget in which the vision encoder learns alone, from the teacher."""
    patches: Weight = 0.2
    """The weight of the patches' lessons after that."""
    tags: Weight = 0.2
    """The weight of the image-tagging loss after that."""


class StartSettings(Strict):
    """The parts that begin with trained weights: those of a shipped checkpoint or of a checkpoint's folder."""

    vision: str = ""
    """Whence the vision encoder comes."""
    language: str = ""
    """Whence the language model comes, with the heads over words and tags and with the tokenizer."""


class LossSettings(Strict):
    """The joint loss: text · likelihood + tags · tagging + image · lessons of the picture + joint · contrast."""

    text: Weight = 1.0
    """The weight of the likelihood of captions and answers."""
    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Label smoothing of that likelihood: the share of the target that is spread over all tokens."""
    tags: Weight = 0.5
    """The weight of the tags of words (named entities)."""
    image: Weight = 1.0
    """The weight of what is asked of the picture alone: the sight teacher's lessons and the class of the image."""
    joint: Weight = 0.0
    """The weight of the contrast between pictures and texts, for models with an embedding."""


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
    accumulate: Positive = 1
    """Parts that a step's batch is worked off in, for less memory: the gradients are the same, but batch norms and the
    contrastive loss see one part at a time."""


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
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the products of matrices and convolutions; the weights are float32. `auto` is bfloat16 on a GPU alone."""
    model: ModelSettings = ModelSettings()
    data: DataSettings = DataSettings()
    start: StartSettings = StartSettings()
    sight: SightSettings = SightSettings()
    loss: LossSettings = LossSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    validation: ValidationSettings = ValidationSettings()

    @model_validator(mode="after")
    def _sensible(self) -> Recipe:
        parts, model = self.optimizer.accumulate, self.model
        if self.batch % parts:
            raise ValueError(f"optimizer.accumulate must divide the batch, but {parts} does not divide {self.batch}")
        if self.loss.joint and not model.embedding:
            raise ValueError("loss.joint needs a space to compare in, so set model.embedding, 64 for example")
        if model.embedding and not self.loss.joint:
            raise ValueError("model.embedding is learned by the contrast alone, so set loss.joint, 1 for example")
        if model.fusion.kind == "none" and self.start.vision:
            raise ValueError("start.vision must be empty for model.fusion.kind none, which has no vision encoder")
        for part in ("language", "vision"):
            started, adopted = getattr(self.start, part), getattr(model, part).checkpoint
            if started and adopted:
                raise ValueError(f"start.{part} and model.{part}.checkpoint both say where the weights come from")
            if part in self._at_rest and not started and not adopted:
                raise ValueError(
                    f"model.adaptation.kind {model.adaptation.kind} leaves the {part} part as it is, and one of random "
                    f"weights stays blind, so set start.{part} or model.{part}.checkpoint"
                )
        return self

    @property
    def _at_rest(self) -> tuple[str, ...]:
        """The parts that do not learn."""
        kind, blind = self.model.adaptation.kind, self.model.fusion.kind == "none"
        if kind == "full":
            return ()
        return ("language",) if kind != "heads" or blind else ("language", "vision")

    @property
    def sees(self) -> bool:
        """Whether a vision encoder learns."""
        return self.model.fusion.kind != "none" and self.model.adaptation.kind != "heads"

    @property
    def sight_first(self) -> float:
        """The share of the budget in which the vision encoder learns alone."""
        return self.sight.first if self.sees else 0.0

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

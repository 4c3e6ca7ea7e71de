"""The `data:` section of a recipe."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from velm_bench.reference.settings import Positive, Strict

Share = Annotated[float, Field(ge=0, le=1)]

_SCENES_ONLY = ("told", "tokenizer_scenes")
_TASKS_ONLY = ("split", "validation", "split_words", "hide_words", "swap_entities", "augment", "classes")


class AugmentSettings(Strict):
    """How training pictures are varied; validation pictures never are."""

    flip: Literal["none", "horizontal"] = "none"
    """Whether every second picture, on average, is mirrored."""
    shift: Annotated[int, Field(ge=0)] = 0
    """The most pixels (of the model's picture) by which a picture is moved along each axis, its edge repeated."""


class DataSettings(Strict):
    """What is read: the embedded scenes, or the samples of `task`."""

    task: str = ""
    """A shipped task's name or a task file's path, relative to the recipe; empty for the embedded scenes."""
    split: str = "train"
    """Tasks: the split that is trained on."""
    validation: Annotated[float, Field(gt=0, lt=1)] | str = 0.1
    """Tasks: the share of the split's groups that is held out to judge by, or the name of another split."""
    split_words: Share = 0.0
    """NER tasks: the share of words that are cut at a random place before they are encoded, so that the model learns
    from parts of words too (as BPE dropout does: Provilkov et al., 2020)."""
    hide_words: Share = 0.0
    """NER tasks: the share of words that are hidden (the end token stands for them), so that their neighbours must say
    what they are."""
    swap_entities: Share = 0.0
    """NER tasks: the share of entities in whose place another of the same type stands, from anywhere in the training
    data, so that a context is seen with many names and a name in many contexts (Dai and Adel, 2020, section 3.2)."""
    augment: AugmentSettings = AugmentSettings()
    """Tasks: how pictures are varied."""
    classes: tuple[str, ...] = ()
    """VQA tasks: answers of which a picture's questions have one at most, such as shapes. It is the picture's class,
    which the vision encoder is taught directly: from questions alone it may take long to see what matters."""
    length: Annotated[int, Field(ge=32)] = 192
    """Text tokens packed behind a picture."""
    captions: Annotated[int, Field(ge=0)] = 2
    """Captions per picture, at most."""
    blind: Share = 0.02
    """The share of pictures hidden from their text, so that a request without a picture is not new to the model."""
    told: Share = 0.0
    """Scenes: the share of rows that begin with a written description instead of a picture, which the other texts may
    read: so a language model learns, from text alone, to use what stands before a question."""
    tokenizer_scenes: Positive = 3000
    """Scenes: training scenes whose texts the tokenizer is trained on."""

    @model_validator(mode="after")
    def _one_sort(self) -> Self:
        strange = [name for name in (_SCENES_ONLY if self.task else _TASKS_ONLY) if name in self.model_fields_set]
        changed = [name for name in strange if getattr(self, name) != type(self).model_fields[name].get_default()]
        if changed:
            of, without = ("the scenes", "with") if self.task else ("tasks", "without")
            raise ValueError(f"'{changed[0]}' is for {of} alone and means nothing {without} 'task': leave it out")
        return self

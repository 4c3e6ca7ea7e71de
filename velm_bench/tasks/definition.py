"""The Task: a strictly validated YAML file that says what is asked and how it is scored."""

from __future__ import annotations

import string
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from velm_bench.digests import digest_json
from velm_bench.errors import UsageError
from velm_bench.registry import suggestion
from velm_bench.samples import Generation
from velm_bench.schema import parse, read_yaml
from velm_bench.sources.base import SourceSettings

if TYPE_CHECKING:
    from velm_bench.sources.base import Source

Strings = Annotated[tuple[str, ...], BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)]
"""A YAML list of strings, kept as a tuple."""


class GenerationSettings(BaseModel):
    """The `generation:` section; see samples.Generation."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    max_new_tokens: int = Field(default=32, ge=1)
    """The most tokens a model may add."""
    temperature: float = Field(default=0.0, ge=0)
    """0 is greedy decoding."""
    beams: int = Field(default=1, ge=1)
    """Beams of a beam search; 1 is none."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """With a temperature: draw among the likeliest tokens of this total probability."""
    top_k: int = Field(default=0, ge=0)
    """With a temperature: draw among so many likeliest tokens; 0 is all."""
    repetition_penalty: float = Field(default=1.0, gt=0)
    """What the score of a token that stands there already is divided by; 1 is none."""
    length_penalty: float = 1.0
    """With beams: the power of its length that a beam's score is divided by."""
    stop: Strings = ()
    """The text ends before the first of these."""

    @model_validator(mode="after")
    def _in_use(self) -> Self:
        """A setting that would do nothing is a mistake."""
        drawing = [name for name in ("top_p", "top_k") if name in self.model_fields_set]
        if drawing and not self.temperature:
            raise ValueError(f"'{drawing[0]}' does nothing without a temperature above 0")
        if "length_penalty" in self.model_fields_set and self.beams == 1:
            raise ValueError("'length_penalty' does nothing without beams")
        if not all(self.stop):
            raise ValueError("a text in 'stop' is empty")
        return self

    def changed(self, given: Mapping[str, Any], where: str) -> GenerationSettings:
        """The settings with some of them replaced; UsageError for an unknown key or a value that makes no sense.

        Those of the old ones that the new ones leave nothing to do, such as top_p without a temperature, are dropped.
        """
        kept = self.model_dump(include=self.model_fields_set)
        merged = {**kept, **given}
        idle = set() if merged.get("temperature") else {"top_p", "top_k"}
        idle |= set() if merged.get("beams", 1) != 1 else {"length_penalty"}
        return parse(GenerationSettings, {key: merged[key] for key in merged if key in given or key not in idle}, where)

    def settings(self) -> Generation:
        """The same as the plain record that requests carry."""
        return Generation(**self.model_dump())


class Task(BaseModel):
    """What is measured: kind, source, prompt, generation, metrics (the first is primary), slices."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, ignored_types=(cached_property,))

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-:]*$")
    """Unique among tasks; also the name of its results folder."""
    kind: str
    """captioning, vqa, multiple_choice, classification, ner, or a kind that an installed package registers."""
    description: str = ""
    """One sentence for listings."""
    source: Mapping[str, Any]
    """The source's `type` and its own settings."""
    prompt: str | None = None
    """A template over the sample's inputs such as "{question}"; the kind's own if left out."""
    system: str = ""
    """A system prompt of the task's own, for models that take one."""
    chat_template: str = ""
    """A Jinja chat template of the task's own, used instead of the model's."""
    templates: Strings = ()
    """Texts such as "a photo of a {label}." by which models that compare pictures with texts know a label."""
    shots_split: str = "train"
    """The split of the source from which the worked examples of --shots are drawn."""
    generation: GenerationSettings = GenerationSettings()
    """How text is generated where it is."""
    metrics: Strings = Field(min_length=1)
    """Names of metrics; the first is the primary one."""
    slices: Strings = ()
    """Which of the samples' named subsets are scored apart."""
    labels: Strings = ()
    """The closed set: classes, or entity types; the source's own where it knows them."""
    expected_samples: int | None = Field(default=None, ge=1)
    """How many samples the complete data has; another number is an error."""
    homepage: str = ""
    """Where the data comes from."""
    licence: str = ""
    """The data's licence."""
    citation: str = ""
    """How to cite the data."""

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str) -> str:
        from velm_bench.tasks.kinds import KINDS

        if kind not in KINDS:
            raise ValueError(f"there is no kind '{kind}', {suggestion(kind, list(KINDS)).rstrip('.?')}")
        return kind

    @field_validator("labels")
    @classmethod
    def _closed_set(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        repeated = sorted({label for label in labels if labels.count(label) > 1})
        if repeated or not all(label.strip() for label in labels):
            raise ValueError(
                f"each label must be there once and not be empty, {repeated[0] if repeated else 'one'!r} is"
            )
        return labels

    @field_validator("templates")
    @classmethod
    def _with_a_label(cls, templates: tuple[str, ...]) -> tuple[str, ...]:
        for template in templates:
            if prompt_fields(template) != ["label"]:
                raise ValueError(f"a template must have the one field {{label}}, {template!r} has not")
        return templates

    @field_validator("prompt")
    @classmethod
    def _plain_fields(cls, prompt: str | None) -> str | None:
        prompt_fields(prompt or "")
        return prompt

    def digest(self) -> str:
        """The identity of what is asked: kind, source, prompt, generation and labels.

        Metrics and slices are not part of it (their own signatures are): adding one never asks a model again. Keys of
        later versions count where they are used, so that the identities of older tasks stay as they are.
        """
        asked = self.model_dump(mode="json", include={"kind", "source", "prompt", "labels"})
        asked["generation"] = dict(self.generation.settings().terms())
        later = self.model_dump(mode="json", include={"system", "chat_template", "templates"})
        return digest_json({**asked, **{key: value for key, value in later.items() if value}})

    def on_split(self, split: str) -> Task:
        """The same task on another split of its data; its name says so, but for the key of a secret split.

        UsageError where the source knows no splits.
        """
        if "split" not in self.source_class().Settings.model_fields:
            raise UsageError(
                f"The source '{self.source['type']}' of task '{self.name}' has no splits, '{split}' or other: its "
                "settings would need a 'split'."
            )
        source = {**self.source, "split": split}
        name = f"{self.name}:{self.source_class().public_split(split)}"
        return self.model_copy(update={"name": name, "source": source, "expected_samples": None})

    def with_generation(self, given: Mapping[str, Any], where: str) -> Task:
        """The same task with some of its generation settings replaced; UsageError as for the task's own, naming where
        they come from."""
        return self.model_copy(update={"generation": self.generation.changed(given, where)})

    def public_definition(self) -> dict[str, Any]:
        """The task as JSON for other people's eyes: without the key of a secret split."""
        definition = self.model_dump(mode="json")
        split = self.source.get("split")
        if isinstance(split, str):
            definition["source"]["split"] = self.source_class().public_split(split)
        return definition

    def source_class(self) -> type[Source]:
        """The class of the task's source; UsageError where it has no type, or an unknown one."""
        from velm_bench.sources import SOURCES

        kind_of_source = self.source.get("type")
        if not isinstance(kind_of_source, str):
            raise UsageError(f"In task '{self.name}': the key 'source.type' is missing: add it.")
        return SOURCES.get(kind_of_source)

    def source_settings(self) -> tuple[type[Source], SourceSettings]:
        """The source's class and its validated section; UsageError for an unknown type or key."""
        source = self.source_class()
        return source, parse(source.Settings, dict(self.source), f"task '{self.name}', section 'source'")


def prompt_fields(template: str) -> list[str]:
    """The names a template uses; ValueError for anything but plain ``{name}`` fields."""
    fields = []
    for _, name, form, conversion in string.Formatter().parse(template):
        if name is None:
            continue
        if not name.isidentifier() or form or conversion:
            raise ValueError(f"the prompt may only use plain fields such as {{question}}, not '{{{name}}}'")
        fields.append(name)
    return fields


def fill(template: str, inputs: Mapping[str, Any]) -> str:
    """The template with its fields replaced; KeyError for a field the sample lacks."""
    return template.format(**{name: inputs[name] for name in prompt_fields(template)})


def load_task(path: Path) -> Task:
    """The task of a YAML file; UsageError naming the file and the field."""
    return parse(Task, read_yaml(path), f"task file {path}")

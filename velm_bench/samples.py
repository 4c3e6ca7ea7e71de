"""The nouns that all rooms share: samples and their pictures, requests, answers, predictions."""

from __future__ import annotations

import io
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

from velm_bench.digests import digest_bytes, digest_json
from velm_bench.errors import SampleError

if TYPE_CHECKING:  # numpy takes longer to import than all the rest of a listing
    import numpy as np
    from numpy.typing import NDArray

Pixels: TypeAlias = "NDArray[np.uint8]"
"""A decoded picture: RGB, shape (height, width, 3)."""


class Picture(ABC):
    """An image that is decoded only when somebody looks."""

    @property
    @abstractmethod
    def digest(self) -> str:
        """The identity of its content, 64 hexadecimal digits; SampleError if it cannot be read."""

    @abstractmethod
    def decode(self) -> Pixels:
        """RGB pixels as a person sees them, shape (height, width, 3), uint8; SampleError if it cannot be decoded."""


@dataclass(frozen=True)
class EncodedPicture(Picture):
    """A picture in a usual file format (PNG, JPEG, ...), held as bytes or as a path."""

    source: Path | bytes
    name: str = ""
    """What to call it in an error; the file's name if left out (its folder would make error rows differ by machine)."""

    def read(self) -> bytes:
        """The encoded bytes; SampleError if the file is missing or unreadable."""
        if isinstance(self.source, bytes):
            return self.source
        try:
            return self.source.read_bytes()
        except OSError as error:
            raise SampleError(f"The image {self._label} cannot be read: {error.strerror or error}.") from error

    @property
    def digest(self) -> str:
        # No cached_property: before Python 3.12 it holds one lock for all pictures, so that threads would wait in line.
        if "_digest" not in self.__dict__:
            self.__dict__["_digest"] = digest_bytes(self.read())
        return str(self.__dict__["_digest"])

    def decode(self) -> Pixels:
        import numpy as np
        from PIL import Image, ImageOps

        try:
            with Image.open(io.BytesIO(self.read())) as image:
                image.load()
                with suppress(Exception):  # notes of the camera that are damaged: the picture is taken as it lies
                    ImageOps.exif_transpose(image, in_place=True)
                return np.asarray(image.convert("RGB"))
        except SampleError:
            raise
        except Exception as error:  # Pillow raises many types on damaged files, SyntaxError among them
            # Pillow names the stream by its memory address, which would make the same error another one every time
            said = re.sub(r"\s*<[^<>]* at 0x[0-9a-f]+>", "", str(error)).rstrip(".")
            raise SampleError(f"The image {self._label} cannot be decoded: {said}.") from error

    @property
    def _label(self) -> str:
        return self.name or (self.source.name if isinstance(self.source, Path) else "in the data")


@dataclass(frozen=True, eq=False)
class ArrayPicture(Picture):
    """A picture that is pixels already: grey (h, w) or RGB (h, w, 3), uint8."""

    array: Pixels

    @cached_property
    def digest(self) -> str:
        pixels = self.decode()
        return digest_json([list(pixels.shape), digest_bytes(pixels.tobytes())])

    def decode(self) -> Pixels:
        return self.array if self.array.ndim == 3 else self.array[:, :, None].repeat(3, axis=2)


@dataclass(frozen=True)
class Sample:
    """One item of a task. What the fields of `inputs` mean is the kind's affair."""

    id: str
    """Unique within the task and stable over time."""
    images: tuple[Picture, ...] = ()
    """The pictures, decoded lazily; empty for text-only samples."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """What the model may see besides the pictures: question, tokens, options."""
    references: tuple[Any, ...] = ()
    """What is right: captions, annotators' answers, the one label, the tags of the tokens."""
    group: str = ""
    """The cluster for statistics, usually the image; if left empty, the id (in a run that of the first sample with the
    same pictures)."""
    slices: Mapping[str, str] = field(default_factory=dict)
    """Named subsets it belongs to: {"question_type": "count"}."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the source knows beyond the references (never shown to a model): `oracle`, the best possible answer;
    `pair`, the twin's key; `mentions`, what is in the picture; what single metrics ask for (docs/metrics.md)."""
    problem: str = ""
    """Why the sample cannot be asked at all (found by the source); empty where all is well."""

    @property
    def cluster(self) -> str:
        """The statistical group: `group`, or the sample alone."""
        return self.group or self.id


@dataclass(frozen=True)
class Generation:
    """Settings of free generation; greedy, as a benchmark should be, unless a temperature is set."""

    max_new_tokens: int = 32
    """The most tokens a model may add."""
    temperature: float = 0.0
    """0 is greedy decoding."""
    beams: int = 1
    """Beams of a beam search; 1 is none."""
    top_p: float = 1.0
    """With a temperature: draw among the likeliest tokens of this total probability; 1 is all."""
    top_k: int = 0
    """With a temperature: draw among so many likeliest tokens; 0 is all."""
    repetition_penalty: float = 1.0
    """What the score of a token that stands there already is divided by (Keskar et al. 2019); 1 is none."""
    length_penalty: float = 1.0
    """With beams: the power of its length that a beam's score is divided by."""
    stop: tuple[str, ...] = ()
    """The text ends before the first of these."""

    def changed(self) -> Mapping[str, Any]:
        """The settings that are not what they are by default, JSON-able."""
        plain = vars(Generation())
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in vars(self).items()
            if value != plain[name]
        }

    def terms(self) -> Mapping[str, Any]:
        """What decides an answer. Settings of later versions count where they are used: older keys stay as they are."""
        first = {"max_new_tokens": self.max_new_tokens, "temperature": self.temperature, "beams": self.beams}
        return {**first, **self.changed()}


@dataclass(frozen=True)
class Shot:
    """A worked example that stands before a question."""

    images: tuple[Picture, ...]
    """Its pictures; they stand before its prompt."""
    prompt: str
    """Asked as the question itself is."""
    answer: str
    """The right answer, in the words that a model is to use."""

    def digest(self) -> str:
        """The identity of the example; SampleError if a picture cannot be read."""
        return digest_json([self.prompt, self.answer, [picture.digest for picture in self.images]])


class Ability(Enum):
    """What a model can be asked for."""

    GENERATE = "generate"
    CHOOSE = "choose"
    TAG = "tag"


@dataclass(frozen=True)
class TextAnswer:
    """Generated text."""

    text: str
    tokens: int | None = None
    """How many tokens were generated, where the model counts them."""


@dataclass(frozen=True)
class ChoiceAnswer:
    """A natural-log probability per option, in the request's order.

    The kind normalises them over the options, unless the task is one of several labels.
    """

    logprobs: tuple[float, ...]
    lengths: tuple[int, ...] = ()
    """How many tokens each option has, where the log-probabilities are sums over them; empty where they are not."""


@dataclass(frozen=True)
class TagAnswer:
    """A label per token of the request."""

    tags: tuple[str, ...]


Answer = TextAnswer | ChoiceAnswer | TagAnswer


class Answerer(Protocol):
    """The side of a model that requests see; `prepared` is what the model's own `prepare` made of each request."""

    def generate(self, prepared: Sequence[Any]) -> Sequence[TextAnswer]: ...

    def choose(self, prepared: Sequence[Any]) -> Sequence[ChoiceAnswer]: ...

    def tag(self, prepared: Sequence[Any]) -> Sequence[TagAnswer]: ...


@dataclass(frozen=True)
class Request(ABC):
    """What is asked of a model about one sample."""

    sample_id: str
    images: tuple[Picture, ...]
    prompt: str
    system: str = field(default="", kw_only=True)
    """The task's system prompt; it stands behind the model's own, if that has one."""
    chat_template: str = field(default="", kw_only=True)
    """A Jinja template of the task's own, used instead of the model's."""
    shots: tuple[Shot, ...] = field(default=(), kw_only=True)
    """Worked examples that stand before the question, in order."""

    ability: ClassVar[Ability]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures in the order in which a model is shown them: those of the examples, then its own."""
        return (*(picture for shot in self.shots for picture in shot.images), *self.images)

    @staticmethod
    @abstractmethod
    def ask(model: Answerer, prepared: Sequence[Any]) -> Sequence[Answer]:
        """Put a batch of prepared requests of this class to a model."""

    @abstractmethod
    def terms(self) -> Mapping[str, Any]:
        """All that decides the answer besides pictures and prompt, JSON-able."""

    def digest(self) -> str:
        """The identity of the question: ability, prompt, terms and the content of every picture.

        SampleError if a picture cannot be read.
        """
        pictures = [picture.digest for picture in self.images]
        around = {
            "system": self.system,
            "chat_template": self.chat_template,
            "shots": [shot.digest() for shot in self.shots],
        }
        used = {name: value for name, value in around.items() if value}
        asked = [self.ability.value, self.prompt, dict(self.terms()), pictures]
        return digest_json([*asked, used] if used else asked)


@dataclass(frozen=True)
class GenerateRequest(Request):
    """Write text."""

    generation: Generation = field(default_factory=Generation)
    ability = Ability.GENERATE

    @staticmethod
    def ask(model: Answerer, prepared: Sequence[Any]) -> Sequence[Answer]:
        return model.generate(prepared)

    def terms(self) -> Mapping[str, Any]:
        return self.generation.terms()


@dataclass(frozen=True)
class ChooseRequest(Request):
    """Weigh options."""

    options: tuple[str, ...] = ()
    """What there is to choose from."""
    spoken: tuple[str, ...] = ()
    """What a model that writes would write for each option ("A" for the first of a lettered list); the options
    themselves if empty."""
    templates: tuple[str, ...] = ()
    """For models that compare pictures with texts: an ensemble of texts such as "a photo of a {label}."."""
    ability = Ability.CHOOSE

    @property
    def said(self) -> tuple[str, ...]:
        """What a model that writes would write for each option."""
        return self.spoken or self.options

    @staticmethod
    def ask(model: Answerer, prepared: Sequence[Any]) -> Sequence[Answer]:
        return model.choose(prepared)

    def terms(self) -> Mapping[str, Any]:
        further = {"spoken": list(self.spoken), "templates": list(self.templates)}
        return {"options": list(self.options), **{name: value for name, value in further.items() if value}}


@dataclass(frozen=True)
class TagRequest(Request):
    """Label tokens with one of `labels` (IOB2 tags for NER)."""

    tokens: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    ability = Ability.TAG

    @staticmethod
    def ask(model: Answerer, prepared: Sequence[Any]) -> Sequence[Answer]:
        return model.tag(prepared)

    def terms(self) -> Mapping[str, Any]:
        return {"tokens": list(self.tokens), "labels": list(self.labels)}


class Form(Enum):
    """What a kind's predictions are, and what a metric can score."""

    TEXT = "text"
    LABEL = "label"
    TAGS = "tags"
    RANKING = "ranking"
    DETECTIONS = "detections"


@dataclass(frozen=True)
class Prediction:
    """An answer turned into what the metrics compare."""

    value: Any
    """JSON-able: text (captioning, vqa); {"label", "ranked", "probabilities"} (classification); tags (ner)."""
    failures: int = 0
    """How many pieces of the answer could not be parsed; they count as wrong, not as errors."""

"""The Model: answers batches of requests."""

from __future__ import annotations

from abc import ABC
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel

from velm_bench.errors import RunError, UsageError
from velm_bench.samples import Ability, ChoiceAnswer, Generation, Request, TagAnswer, TextAnswer
from velm_bench.schema import parse

Options = TypeVar("Options", bound=BaseModel)


DTYPES = ("float32", "bfloat16", "float16")
"""What --dtype knows besides auto."""
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "STATUS_ALLOC_FAILED")
"""What torch says when memory runs out; the last is said by cuBLAS and cuDNN."""


@dataclass(frozen=True)
class Setup:
    """How a model is asked to run."""

    device: str = "auto"
    """"cpu", "cuda", "cuda:1", "mps", or "auto" for the best there is."""
    dtype: str = "auto"
    """"float32", "bfloat16", "float16", or "auto" for what the checkpoint recommends."""
    seed: int = 0
    """For models that draw random numbers."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What the model is told besides, by the names of its `Options`: `--model-arg KEY=VALUE`."""

    def require_dtype(self) -> None:
        """UsageError for a dtype that there is not."""
        if self.dtype not in ("auto", *DTYPES):
            raise UsageError(f"--dtype {self.dtype} is not known: choose auto, {', '.join(DTYPES)}.")

    def parsed(self, schema: type[Options], model: str) -> Options:
        """The options as an adapter's own settings; UsageError for an unknown name or a value that does not fit."""
        return parse(schema, self.options, f"--model-arg for '{model}'")


@dataclass(frozen=True)
class Identity:
    """Who answered: what goes into keys and into the result file."""

    name: str
    """The reference as it was given: "ref:prefix"."""
    digest: str
    """SHA-256 over weights, processor and every setting that changes an answer (dtype among them; not the device)."""
    parameters: int | None = None
    """How many weights there are, where that means something."""
    dtype: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    """More for the reader, JSON-able: architecture, training, licence."""


@dataclass(frozen=True)
class View:
    """What a baseline may know of a task before it answers; real models ignore it."""

    truths: Mapping[str, Any]
    """Every sample's id (also of those that --limit leaves out) to the best single answer known: text, a label, or a
    tuple of tags; None for a sample that cannot be asked."""
    seed: int = 0


class Model(ABC):
    """Answers batches of requests. An adapter overrides the abilities it has, and names them in `abilities`."""

    Options: ClassVar[type[BaseModel] | None] = None
    """The settings that --model-arg can name, as a schema that forbids others; None where there are none."""
    abilities: frozenset[Ability]
    identity: Identity
    """Known without loading any weights."""
    batch_size: int = 32
    """What `--batch-size auto` starts with; halved when memory runs out."""
    device: str = "cpu"
    """Where it runs, for provenance."""
    sees: bool = True
    """Whether pictures are handed to it; False for answers that were given elsewhere."""

    converses: bool = False
    """Whether it heeds a request's system prompt, chat template and worked examples; the runner refuses tasks that have
    some to a model that does not."""

    generates: bool = True
    """Whether its texts come about by a request's generation settings; baselines have theirs from elsewhere."""

    @property
    def heeded(self) -> frozenset[str]:
        """The names in `Options` that mean something to this very model."""
        return frozenset() if self.Options is None else frozenset(self.Options.model_fields)

    def load(self) -> None:
        """Get ready to answer (weights onto the device); called once, only if something is to be asked."""

    def start(self, view: View) -> None:
        """Told before the first batch of each task."""

    def prepare(self, request: Request) -> Any:
        """One request made ready on another thread: pictures decoded, text tokenised.

        By default pictures are decoded and dropped, so that an unreadable one is the same error row for every model.
        SampleError if a picture cannot be decoded.
        """
        for picture in request.pictures:
            picture.decode()
        return request

    def require(self, request: Request) -> None:
        """UsageError where the model does not heed something that a request asks for, such as a generation setting.

        Put to it before anything is asked, once for each class of requests of a run, the first that there is: what all
        requests of a task share is refused in one sentence, not in an error row for each.
        """

    def cost(self, request: Request) -> int:
        """How much work a request is, roughly in tokens; requests of like cost are batched together."""
        words = len(request.prompt) + sum(map(len, getattr(request, "tokens", ())))
        shown = sum(len(shot.prompt) + len(shot.answer) for shot in request.shots)
        return shown + words + sum(map(len, getattr(request, "options", ())))

    def generate(self, prepared: Sequence[Any]) -> Sequence[TextAnswer]:
        """A text per request."""
        raise self._cannot(Ability.GENERATE)

    def choose(self, prepared: Sequence[Any]) -> Sequence[ChoiceAnswer]:
        """A log-probability per option and request."""
        raise self._cannot(Ability.CHOOSE)

    def tag(self, prepared: Sequence[Any]) -> Sequence[TagAnswer]:
        """A tag per token and request."""
        raise self._cannot(Ability.TAG)

    def out_of_memory(self, error: BaseException) -> bool:
        """Whether an exception means that the batch was too large."""
        return isinstance(error, MemoryError) or any(sign in str(error) for sign in OUT_OF_MEMORY)

    def peak_memory(self) -> int | None:
        """The most memory of its device that the model has held since it was last asked, in bytes; None where there is
        no such device, or nobody knows."""
        return None

    def require_honoured(self, generation: Generation, honoured: Collection[str]) -> None:
        """UsageError where generation settings differ from the default in more than the adapter honours."""
        strange = [name for name in generation.changed() if name not in honoured]
        if strange:
            raise UsageError(
                f"The model '{self.identity.name}' does not heed generation.{strange[0]}: leave it out "
                f"(it heeds {', '.join(honoured)})."
            )

    def _cannot(self, ability: Ability) -> RunError:
        return RunError(f"The model '{self.identity.name}' cannot {ability.value}: its adapter must not claim it.")

"""The reference family: `ref:NAME` for a checkpoint that velm-bench ships, `ref:FOLDER` for one that you trained."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velm_bench.digests import digest_files, digest_json
from velm_bench.errors import UsageError, VelmError
from velm_bench.models.base import Identity, Model, Setup
from velm_bench.models.weights import count_weights
from velm_bench.reference.settings import ModelSettings
from velm_bench.registry import suggestion
from velm_bench.samples import (
    Ability,
    ChoiceAnswer,
    ChooseRequest,
    GenerateRequest,
    Request,
    TagAnswer,
    TagRequest,
    TextAnswer,
)

if TYPE_CHECKING:
    from velm_bench.reference.answering import Answering, Asked

CHECKPOINTS = Path(__file__).parent.parent / "reference" / "checkpoints"
"""Where the shipped checkpoints lie, a folder each."""

PARTS = ("vision", "language", "fusion")
"""Of the configuration: what a result file says of the model."""
HONOURED = ("max_new_tokens", "temperature", "beams")
"""The generation settings that a reference model heeds."""
PROCESSOR = 2
"""The version of what this package's code does to requests and answers; raised whenever answers change by it."""
_FILES = ("config.json", "model.safetensors", "tokenizer.json")


def shipped() -> list[str]:
    """The names of the shipped checkpoints."""
    return sorted(path.parent.name for path in CHECKPOINTS.glob("*/config.json"))


def open_reference(rest: str, setup: Setup) -> Model:
    """The model of a shipped name or of a checkpoint's folder; UsageError with the nearest name for anything else."""
    folder = Path(rest) if (Path(rest) / "config.json").is_file() else CHECKPOINTS / rest
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if len(missing) == len(_FILES):
        known = suggestion(rest, shipped()) if shipped() else "none is shipped with this installation."
        raise UsageError(f"'ref:{rest}' is neither a shipped model nor a checkpoint's folder: {known}")
    if missing:
        raise UsageError(f"The checkpoint {folder} is incomplete: it lacks {', '.join(missing)}.")
    setup.require_dtype()
    with _damage_named(folder):
        model = ReferenceModel(f"ref:{rest}", folder, setup)
        _ = model.settings
        _ = model.identity  # reads every file, so that a damaged one is named before anything is asked
    return model


@contextmanager
def _damage_named(folder: Path) -> Iterator[None]:
    """Whatever goes wrong in reading a checkpoint is a UsageError that names it."""
    try:
        yield
    except VelmError:
        raise
    except Exception as error:  # json, pydantic, safetensors and tokenizers each have types of their own
        said = " ".join(str(error).split())
        raise UsageError(
            f"The folder {folder} is no checkpoint of the reference family, or is damaged ({said:.200}): train it anew."
        ) from error


class ReferenceModel(Model):
    """A trained reference model: one set of weights that writes, weighs and tags."""

    batch_size = 64

    def __init__(self, name: str, folder: Path, setup: Setup) -> None:
        self.name, self.folder, self.setup = name, folder, setup
        self.dtype = "float32" if setup.dtype == "auto" else setup.dtype
        self.device = setup.device
        self.answering: Answering | None = None
        writes = self.settings.fusion.kind != "contrastive"
        self.abilities = frozenset({Ability.GENERATE, Ability.CHOOSE, Ability.TAG} if writes else {Ability.CHOOSE})

    @cached_property
    def settings(self) -> ModelSettings:
        """What the model is made of."""
        return ModelSettings.model_validate(
            {part: self.config[part] for part in ModelSettings.model_fields if part in self.config}
        )

    @cached_property
    def identity(self) -> Identity:  # type: ignore[override]
        """Read from the files alone."""
        files = digest_files(self.folder / name for name in _FILES)
        digest = digest_json([files, self.dtype, self.setup.seed, PROCESSOR])
        details = {key: self.config[key] for key in PARTS}
        return Identity(self.name, digest, count_weights(self.folder / "model.safetensors"), self.dtype, details)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The checkpoint's configuration."""
        found: dict[str, Any] = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        return found

    @cached_property
    def context(self) -> int:
        """The most text tokens, prompt and answer together, that the model sees."""
        if not self.settings.language.checkpoint:
            return self.settings.language.context
        from velm_bench.reference.configuration import VelmConfig

        return VelmConfig(**self.config).context

    @cached_property
    def tokenizer(self) -> Any:
        """The checkpoint's tokenizer."""
        from velm_bench.reference.processing import load_tokenizer

        return load_tokenizer(self.folder)

    def load(self) -> None:
        import torch

        from velm_bench.reference.answering import Answering
        from velm_bench.reference.devices import usable_device
        from velm_bench.reference.modelling import VelmForGeneration
        from velm_bench.reference.saving import without_bars

        self.device = usable_device(self.setup.device)
        with without_bars(), _damage_named(self.folder):
            opened: Any = VelmForGeneration.from_pretrained(
                self.folder, dtype=getattr(torch, self.dtype), local_files_only=True, output_loading_info=True
            )
            _ = self.tokenizer
        model, found = opened
        strange = [name for what in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in found[what]]
        if strange:
            raise UsageError(f"The weights of {self.folder} do not fit its configuration: see {strange[0]}.")
        if self.dtype == "float32":  # convolutions would otherwise be rounded to ten bits on a GPU
            torch.backends.cudnn.allow_tf32 = False
        self.answering = Answering(model, self.device)

    def peak_memory(self) -> int | None:
        from velm_bench.reference.devices import allocated_peak

        return allocated_peak(self.device)

    def require(self, request: Request) -> None:
        if isinstance(request, GenerateRequest):
            self.require_honoured(request.generation, HONOURED)
            if request.generation.temperature > 0 and request.generation.beams > 1:
                raise UsageError(
                    f"{self.name} draws no words in a beam search: set generation.temperature to 0, or beams to 1."
                )

    def prepare(self, request: Request) -> Asked:
        from velm_bench.reference.answering import Asked
        from velm_bench.reference.processing import blank_picture, encode_prompt, fit_picture

        pictures = [picture.decode() for picture in request.images]  # for a blind model too, which fails as others do
        size, sees = self.settings.vision.image_size, self.settings.fusion.kind != "none"
        pixels = (fit_picture(pictures[0], size) if pictures else blank_picture(size)) if sees else None
        extra = self._extra(request)
        room = self.context - min(self.context // 2, max(1, extra.get("new_tokens", self.context // 4)))
        prompt = encode_prompt(self.tokenizer, request.prompt, room) if self._prompted(request) else []
        return Asked(pixels, bool(pictures), tuple(prompt), **extra)

    @staticmethod
    def _prompted(request: Request) -> bool:
        """Whether a prompt stands before what is asked: words to be tagged stand alone, as in training."""
        return bool(request.prompt.strip()) or not isinstance(request, TagRequest)

    def _extra(self, request: Request) -> dict[str, Any]:
        """What this kind of request adds to picture and prompt."""
        from velm_bench.reference.processing import encode_answer, encode_words

        if isinstance(request, GenerateRequest):
            return self._generation(request)
        if isinstance(request, ChooseRequest):
            said = request.said if Ability.GENERATE in self.abilities else request.options
            return {"options": tuple(tuple(encode_answer(self.tokenizer, option)) for option in said)}
        if isinstance(request, TagRequest):
            words = encode_words(self.tokenizer, request.tokens)
            return {"words": tuple(tuple(word) for word in words), "labels": request.labels}
        raise self._cannot(request.ability)

    def _generation(self, request: GenerateRequest) -> dict[str, Any]:
        self.require(request)
        settings = request.generation
        drawn = settings.temperature > 0
        seed = int(digest_json([self.setup.seed, request.digest()])[:15], 16) if drawn else 0
        return {
            "new_tokens": settings.max_new_tokens,
            "beams": settings.beams,
            "temperature": settings.temperature,
            "seed": seed,
        }

    def generate(self, prepared: Sequence[Any]) -> list[TextAnswer]:
        written = self._ready.generate(prepared)
        return [TextAnswer(self.tokenizer.decode(tokens).strip(), len(tokens)) for tokens in written]

    def choose(self, prepared: Sequence[Any]) -> list[ChoiceAnswer]:
        return [ChoiceAnswer(tuple(logprobs)) for logprobs in self._ready.choose(prepared)]

    def tag(self, prepared: Sequence[Any]) -> list[TagAnswer]:
        return [TagAnswer(tuple(tags)) for tags in self._ready.tag(prepared, self.config["tags"])]

    @property
    def _ready(self) -> Answering:
        if self.answering is None:
            self.load()
        assert self.answering is not None
        return self.answering
